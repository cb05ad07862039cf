// Compiles TypeScript for the scripts that need parts of src or test as they are now; does nothing by itself.
// Usage: import { compileSources } from './compile-sources.mjs'
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Compiles `entries` and what they import to a directory of its own, with the project's compiler; from another tree of
 * sources where `sources` names one. Types are checked by the lint step, not here.
 */
export function compileSources(entries, sources = root) {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-compiled-'));
  const config = path.join(dir, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        noCheck: true,
        rootDir: sources,
        outDir: dir,
        typeRoots: [path.join(root, 'node_modules/@types')],
      },
      include: [],
      files: entries.map((entry) => path.join(sources, entry)),
    }),
  );
  writeFileSync(path.join(dir, 'package.json'), '{"type":"module","version":"0.0.0"}');
  const migrations = 'src/adapters/duckdb/migrations';
  cpSync(path.join(sources, migrations), path.join(dir, migrations), { recursive: true });
  symlinkSync(path.join(root, 'node_modules'), path.join(dir, 'node_modules'));
  if (!existsSync(path.join(dir, 'native'))) symlinkSync(path.join(root, 'native'), path.join(dir, 'native'));
  execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return {
    dir,
    file: (source) => path.join(dir, source.replace(/\.ts$/, '.js')),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
