import { chmodSync, copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

let copy: string | undefined;

/**
 * This Node.js as another user may run it: itself, or a copy where it lies in somebody's own folder (as one that npx has
 * fetched for root does). The copy goes when the process ends.
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
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  copy = path.join(folder, 'node');
  copyFileSync(process.execPath, copy);
  chmodSync(copy, 0o755);
  return copy;
}
