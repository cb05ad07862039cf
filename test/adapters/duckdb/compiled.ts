import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');

/**
 * Compiles a script of the tests with what it imports, so that plain Node can run it as a process of its own. Resolves to
 * the folder (to be removed by the caller) and the script's place in it. `entry` is relative to the project's root.
 */
export function compiled(entry: string): { readonly directory: string; readonly script: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'redbutton-child-'));
  symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
  writeFileSync(path.join(directory, 'package.json'), '{"type":"module"}');
  const config = path.join(directory, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        rootDir: root,
        outDir: directory,
        typeRoots: [path.join(root, 'node_modules/@types')],
      },
      files: [path.join(root, entry)],
      include: [],
    }),
  );
  const tsc = spawnSync(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', config],
    {
      encoding: 'utf8',
    },
  );
  if (tsc.status !== 0) throw new Error(`tsc: ${tsc.stdout}${tsc.stderr}`);
  const migrations = 'src/adapters/duckdb/migrations';
  mkdirSync(path.join(directory, migrations), { recursive: true });
  cpSync(path.join(root, migrations), path.join(directory, migrations), { recursive: true });
  return { directory, script: path.join(directory, entry.replace(/\.ts$/, '.js')) };
}
