import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../ports/time.js';

/**
 * The real clock. `monotonicMs` is CLOCK_MONOTONIC (what process.hrtime reads on Linux), so that every process of the
 * box counts from the same boot and a permit written by one can be judged by another.
 */
export function createSystemClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
    sleep: async (ms, signal) => {
      try {
        await delay(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw signal?.aborted ? signal.reason : error;
      }
    },
  };
}
