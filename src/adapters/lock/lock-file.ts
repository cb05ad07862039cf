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
  let locked = false;
  try {
    locked = lockFile(descriptor);
  } finally {
    if (!locked) closeSync(descriptor);
  }
  if (!locked) throw fault('E_LOCKED', `another ${who} holds ${path}`, 'stop it first, or use it');
  return () => closeSync(descriptor);
}
