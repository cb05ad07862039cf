import { closeSync, openSync } from 'node:fs';
import { fault, messageOf } from '../../core/errors.js';
import { loadAddon } from '../native/addon.js';

interface LockAddon {
  lockFile(descriptor: number): boolean;
}

/**
 * Holds `path` by flock(2) until the returned function is called or the process ends, however it ends: the kernel gives
 * the lock back, so that none is ever left behind. `E_LOCKED` where another process has it.
 */
export function holdLock(path: string, who: string): () => void {
  const { lockFile } = loadAddon<LockAddon>(['lockFile']);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a', 0o640);
  } catch (error) {
    throw fault(
      'E_LOCK',
      `cannot open the lock file ${path}: ${messageOf(error)}`,
      'see that the run directory exists and may be written',
      error,
    );
  }
  let locked: boolean;
  try {
    locked = lockFile(descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw fault(
      'E_LOCK',
      `cannot lock ${path}: ${messageOf(error)}`,
      'see that the run directory is on a file system with locks, such as tmpfs',
      error,
    );
  }
  if (!locked) closeSync(descriptor);
  if (!locked) throw fault('E_LOCKED', `another ${who} holds ${path}`, 'stop it first, or use it');
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    closeSync(descriptor);
  };
}
