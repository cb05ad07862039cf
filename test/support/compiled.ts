import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Sources compiled to a directory of their own, for tests that need true processes. */
export interface Compiled {
  /** The compiled file of a source, as in `file('src/main.ts')`. */
  file(source: string): string;
  remove(): void;
}

/** Compiles `entries` and what they import, with the project's own compiler and settings. */
export function compile(entries: readonly string[]): Compiled {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-compiled-'));
  const config = path.join(dir, 'tsconfig.json');
  const compilerOptions = {
    noEmit: false,
    rootDir: root,
    outDir: dir,
    typeRoots: [path.join(root, 'node_modules/@types')],
  };
  writeFileSync(
    config,
    JSON.stringify({
      extends: path.join(root, 'tsconfig.json'),
      compilerOptions,
      include: [],
      files: entries.map((entry) => path.join(root, entry)),
    }),
  );
  copyFileSync(path.join(root, 'package.json'), path.join(dir, 'package.json'));
  for (const shared of ['node_modules', 'native', 'models']) {
    symlinkSync(path.join(root, shared), path.join(dir, shared));
  }
  // What the code reads beside itself (SQL, JSON, HTML), as the build copies it.
  cpSync(path.join(root, 'src'), path.join(dir, 'src'), {
    recursive: true,
    filter: (source) => !source.endsWith('.ts'),
  });
  const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  execFileSync(process.execPath, [path.join(path.dirname(compiler), 'bin/tsc'), '-p', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return {
    file: (source) => path.join(dir, source.replace(/\.ts$/, '.js')),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
