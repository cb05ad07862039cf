import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../../adapters/files/durable-file.js';
import { runningSlot, type Slot, slotOf, withSlot } from './slots.js';

/** What is being tried, on the data partition from before the start until it is settled. */
export interface Attempt {
  readonly slot: Slot;
  readonly packages: readonly string[];
  readonly atMs: number;
}

export type NextOutcome =
  /** No update was under way. */
  | { readonly outcome: 'none' }
  /** The new system runs and is sound: it is the one that starts from now on. */
  | { readonly outcome: 'kept'; readonly attempt: Attempt }
  /** The new system runs, and guard or trader do not: the old one is to be started. */
  | { readonly outcome: 'unsound'; readonly attempt: Attempt; readonly detail: string }
  /** The old system runs: the new one did not start, or was found unsound. */
  | { readonly outcome: 'fallen_back'; readonly attempt: Attempt };

const ATTEMPT = 'attempt.json';

export async function noteAttempt(folder: string, attempt: Attempt): Promise<void> {
  await writeDurably(path.join(folder, ATTEMPT), JSON.stringify(attempt));
}

export async function readAttempt(folder: string): Promise<Attempt | null> {
  try {
    return JSON.parse(await readFile(path.join(folder, ATTEMPT), 'utf8')) as Attempt;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function forgetAttempt(folder: string): Promise<void> {
  await rm(path.join(folder, ATTEMPT), { force: true });
}

/**
 * After a start: whether the system that was tried is kept. `soundness` says what is wrong with this start, or null. The
 * change of config.txt is one letter in one sector, written over in place: power may fail before or after it, not within.
 */
export async function finishNext(
  folder: string,
  bootFolder: string,
  kernelCommandLine: string,
  soundness: () => Promise<string | null>,
): Promise<NextOutcome> {
  const attempt = await readAttempt(folder);
  if (attempt === null) return { outcome: 'none' };
  if (runningSlot(kernelCommandLine)?.slot !== attempt.slot) return { outcome: 'fallen_back', attempt };
  const detail = await soundness();
  if (detail !== null) return { outcome: 'unsound', attempt, detail };
  const file = path.join(bootFolder, 'config.txt');
  const before = await readFile(file, 'utf8');
  if (slotOf(before) !== attempt.slot) {
    const handle = await open(file, 'r+');
    try {
      await handle.write(withSlot(before, attempt.slot), 0, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  return { outcome: 'kept', attempt };
}
