import { loadAddon } from './addon.js';

interface IdleAddon {
  /** Throws an Error with `errno` where the system refuses. */
  runWhenIdle(): void;
}

/**
 * From now on this process, every thread of it, gets the processor and the disk only while nobody else wants them. Throws
 * where the system does not allow that, or the addon does not load (`E_NATIVE_MISSING`).
 */
export function runWhenIdle(): void {
  loadAddon<IdleAddon>(['runWhenIdle']).runWhenIdle();
}
