import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface FdStore {
  readonly child: ChildProcess;
  /** All that it and its program have printed. */
  output(): string;
  /** The lives so far, the last one last. */
  lives(): readonly { readonly life: number; readonly pid: number; readonly kept: readonly string[] }[];
  dispose(): Promise<void>;
}

/** Builds the store with this machine's compiler. */
export function buildFdStore(): { readonly file: string; remove(): void } {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
  const file = path.join(dir, 'fd-store');
  execFileSync('cc', ['-O1', '-Wall', '-o', file, fileURLToPath(new URL('fd-store.c', import.meta.url))]);
  return { file, remove: () => rmSync(dir, { recursive: true }) };
}

/** Runs `program` under the store at `file`, the next life `restartMs` after the end of the last. */
export function runFdStore(file: string, restartMs: number, program: readonly string[]): FdStore {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
  const child = spawn(file, [path.join(dir, 'notify'), String(restartMs), ...program], { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return {
    child,
    output: () => output,
    lives: () =>
      output
        .split('\n')
        .filter((line) => line.startsWith('{"life":') && line.endsWith('}'))
        .map((line) => JSON.parse(line)),
    async dispose() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
