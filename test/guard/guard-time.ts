import type { Clock, Scheduler } from '../../src/ports/time.js';
import { settle } from '../support/virtual-clock.js';

interface Timer {
  dueMs: number;
  readonly periodMs: number | null;
  readonly run: () => void;
}

/** Clock and timers that stand still until a test moves them. */
export interface GuardTime {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Moves on, running timers in the order they are due, then lets promises that are ready run. */
  advance(ms: number): Promise<void>;
  /** The same while the event loop is held up: time passes, timers are late and run once each. */
  stall(ms: number): Promise<void>;
}

export function createGuardTime(): GuardTime {
  let nowMs = 5_000;
  let timers: Timer[] = [];
  const add = (timer: Timer) => {
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const run = (timer: Timer) => {
    if (timer.periodMs === null) timers = timers.filter((other) => other !== timer);
    else timer.dueMs = Math.max(timer.dueMs + timer.periodMs, nowMs);
    timer.run();
  };
  return {
    clock: {
      wallMs: () => 1_700_000_000_000 + nowMs,
      monotonicMs: () => nowMs,
      sleep(ms, signal) {
        return new Promise((resolve, reject) => {
          const end = add({
            dueMs: nowMs + ms,
            periodMs: null,
            run() {
              signal?.removeEventListener('abort', abort);
              resolve();
            },
          });
          const abort = () => {
            end();
            reject(signal?.reason);
          };
          signal?.addEventListener('abort', abort, { once: true });
        });
      },
    },
    scheduler: {
      every: (periodMs, task) => add({ dueMs: nowMs + periodMs, periodMs, run: task }),
      after: (delayMs, task) => add({ dueMs: nowMs + delayMs, periodMs: null, run: task }),
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await settle(2);
      for (;;) {
        const next = timers.filter((timer) => timer.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0];
        if (next === undefined) break;
        nowMs = Math.max(nowMs, next.dueMs);
        run(next);
        await settle(1);
      }
      nowMs = endMs;
      await settle(2);
    },
    async stall(ms) {
      nowMs += ms;
      for (const timer of timers.filter(({ dueMs }) => dueMs <= nowMs)) {
        timer.dueMs = nowMs;
        run(timer);
      }
      await settle(2);
    },
  };
}
