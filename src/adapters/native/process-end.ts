import { writeSync } from 'node:fs';
import { loadAddon } from './addon.js';

/** Ends this process whatever its event loop does. */
export interface ProcessEnd {
  /** A thread of its own ends the process with `code` once the time is over, and prints `sentence` then. The last call counts. */
  endProcessAfter(ms: number, code: number, sentence: string): void;
}

/**
 * In place of an addon that does not fit: it ends no process whose event loop hangs, but a guard must not live on for want of an
 * addon after it was told to end.
 */
export const TIMER_IN_PLACE: ProcessEnd = {
  endProcessAfter(ms, code, sentence) {
    process.exitCode = code;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (sentence !== '') writeSync(2, sentence);
      // Node's own exit waits for threads of the pool, one of which may hang on a disk.
      process.kill(process.pid, 'SIGKILL');
    }, ms);
    timer.unref();
  },
};
let timer: NodeJS.Timeout | undefined;

export function processEnd(): ProcessEnd {
  try {
    return loadAddon<ProcessEnd>(['endProcessAfter']);
  } catch {
    return TIMER_IN_PLACE;
  }
}
