import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll } from 'vitest';

let copy: string | undefined;
afterAll(() => {
  if (copy !== undefined) rmSync(path.dirname(copy), { recursive: true, force: true });
  copy = undefined;
});

/**
 * This Node.js as another user may run it: itself, or a copy where it lies in somebody's own folder (as one that npx has
 * fetched for root does). The copy goes when the tests of the file are over.
 */
export function nodeForOthers(): string {
  if (copy !== undefined) return copy;
  const others = 0o001;
  for (let dir = path.dirname(process.execPath); ; dir = path.dirname(dir)) {
    if ((statSync(dir).mode & others) === 0) break;
    if (dir === path.dirname(dir)) return process.execPath;
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'redbutton-node-'));
  chmodSync(folder, 0o755);
  copy = path.join(folder, 'node');
  copyFileSync(process.execPath, copy);
  chmodSync(copy, 0o755);
  return copy;
}
