import { loadAddon } from './addon.js';

interface MemoryAddon {
  giveBackLargeBlocks(): void;
  giveBackFreePages(): void;
}

/** How often free pages go back: what a checkpoint of the database needed for a moment is not kept for long. */
const EVERY_MS = 10_000;

/**
 * From now on this process gives memory that it has freed back to the system, which the C library would keep for later:
 * for a process that runs for years, most of what it seems to grow by. Call the result to end it. Throws where the addon
 * does not load (`E_NATIVE_MISSING`).
 */
export function giveMemoryBack(): () => void {
  const addon = loadAddon<MemoryAddon>(['giveBackLargeBlocks', 'giveBackFreePages']);
  addon.giveBackLargeBlocks();
  const timer = setInterval(() => addon.giveBackFreePages(), EVERY_MS).unref();
  return () => clearInterval(timer);
}
