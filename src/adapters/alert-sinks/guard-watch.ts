import type { Alerts } from '../../core/alert.js';
import { messageOf } from '../../core/errors.js';
import type { Permit } from '../../ports/guard.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/index.js';

export interface GuardWatch {
  start(): void;
  stop(): Promise<void>;
}

const LOOK_MS = 1000;
/** A guard that is restarted is back within this. */
const SILENT_MS_MAX = 5000;

/**
 * Looks at the permit once a second: raises GUARD_LOST when nobody has renewed or revoked it for 5 s, and calls
 * `onLook`, so that a state that changed without a bar is published.
 */
export function createGuardWatch(options: {
  readonly permit: Permit;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly alerts: Alerts;
  readonly onLook: () => void;
}): GuardWatch {
  const { permit, clock } = options;
  let running = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  let silentSinceMs: number | null = null;
  let told = false;

  async function look(): Promise<void> {
    options.onLook();
    const reading = permit.read();
    if (reading.ok || reading.reason === 'revoked') {
      silentSinceMs = null;
      told = false;
      return;
    }
    const nowMs = clock.monotonicMs();
    silentSinceMs ??= nowMs;
    if (told || nowMs - silentSinceMs < SILENT_MS_MAX) return;
    told = true;
    await options.alerts.raise('GUARD_LOST', { silentMs: nowMs - silentSinceMs });
  }

  async function watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await look().catch((error) => {
        options.log.warn(
          { errorCode: 'E_GUARD_WATCH', detail: messageOf(error) },
          'the guard cannot be watched',
        );
      });
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
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
