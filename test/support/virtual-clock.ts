import type { Clock } from '../../src/ports/time.js';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it; both hands move together from where they were set. */
export interface VirtualClock extends Clock {
  /** Moves time on, waking sleepers in the order they are due, and lets what they started run. */
  advance(ms: number): Promise<void>;
}

/** Lets promises that are ready run: as many turns as any chain under test needs. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export function createVirtualClock(wallMs = 1_700_000_000_000, monotonicMs = 1_000): VirtualClock {
  let elapsedMs = 0;
  let sleepers: Sleeper[] = [];
  return {
    wallMs: () => wallMs + elapsedMs,
    monotonicMs: () => monotonicMs + elapsedMs,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = {
          dueMs: elapsedMs + ms,
          wake: () => {
            signal?.removeEventListener('abort', cancel);
            resolve();
          },
        };
        const cancel = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason);
        };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', cancel, { once: true });
      });
    },
    async advance(ms) {
      const endMs = elapsedMs + ms;
      await settle();
      for (;;) {
        const next = sleepers
          .filter((sleeper) => sleeper.dueMs <= endMs)
          .sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        sleepers = sleepers.filter((sleeper) => sleeper !== next);
        elapsedMs = Math.max(elapsedMs, next.dueMs);
        next.wake();
        await settle();
      }
      elapsedMs = endMs;
      await settle();
    },
  };
}
