import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from './alert-log.js';

/** The wall clock is looked at this often, since it may be set while we wait. */
const LOOK_MS = 20_000;

export interface Daily {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Runs something once a day at a local time `HH:MM`, by the wall clock: a day whose moment passed while the box was off
 * is left out, a clock set back does not make a second run of the same day.
 */
export function createDaily(options: {
  readonly at: string;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly run: () => Promise<void>;
}): Daily {
  const { clock } = options;
  let running = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function watch(signal: AbortSignal): Promise<void> {
    let dueMs = nextLocalTime(options.at, clock.wallMs());
    while (!signal.aborted) {
      const nowMs = clock.wallMs();
      if (nowMs >= dueMs) {
        dueMs = nextLocalTime(options.at, Math.max(nowMs, dueMs));
        await options.run().catch((error) => {
          options.log.error({ errorCode: 'E_DAILY', detail: messageOf(error) }, 'the daily summary failed');
        });
      } else if (dueMs - nowMs > 26 * 3_600_000) {
        // The clock was set back by more than a day: what was due then is days away now.
        dueMs = nextLocalTime(options.at, nowMs);
      }
      await clock.sleep(LOOK_MS, signal).catch(() => {});
    }
  }

  return {
    start() {
      running = new AbortController();
      loop = watch(running.signal);
    },
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
    },
  };
}

/** The next moment after `afterMs` at which a local clock shows `HH:MM`; a time that a day skips comes as much later. */
export function nextLocalTime(at: string, afterMs: number): number {
  const [hours, minutes] = at.split(':').map(Number);
  const day = new Date(afterMs);
  // Each day by its own date: what a change of the clock made of the time on one day must not be carried into the next.
  const on = (daysOn: number) =>
    new Date(day.getFullYear(), day.getMonth(), day.getDate() + daysOn, hours, minutes).getTime();
  const today = on(0);
  return today > afterMs ? today : on(1);
}
