import type { DuckStore, Retention } from '../adapters/duckdb/index.js';
import type { Config } from '../config/schema.js';
import type { Alerts } from '../core/alert.js';
import { messageOf, RedbuttonError } from '../core/errors.js';
import { timeframeMs } from '../core/timeframe.js';
import type { Clock } from '../ports/time.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The configuration's retention; bars are counted, whatever their timeframe, and a calendar with closed days keeps fewer. */
export function retentionOf({ storage, timeframe }: Pick<Config, 'storage' | 'timeframe'>): Retention {
  const { keepBars, keepDays } = storage;
  return { ...keepDays, bars: Math.ceil((keepBars * timeframeMs(timeframe)) / DAY_MS) };
}

export interface StoreRetentionOptions {
  readonly store: Pick<DuckStore, 'retire'>;
  readonly keepDays: Retention;
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly log: { info(figures: object, text: string): void; error(figures: object, text: string): void };
  /** Wait before the first round: a start has better things to do. */
  readonly firstAfterMs?: number;
}

/** Once a day takes out of the store what has expired. A failure is told once, and its end too. */
export function createStoreRetention(options: StoreRetentionOptions): {
  start(): void;
  stop(): Promise<void>;
} {
  const { store, keepDays, clock, alerts, log } = options;
  const running = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  let failedMs: number | null = null;

  async function round(): Promise<void> {
    const nowMs = clock.wallMs();
    try {
      for (const retired of await store.retire(keepDays, nowMs))
        log.info(retired, 'expired rows are out of the store');
      if (failedMs === null) return;
      await alerts.raise('LAYER_BACK', { layer: 'store upkeep', afterMs: nowMs - failedMs });
      failedMs = null;
    } catch (error) {
      log.error({ err: error }, 'old rows could not be taken out');
      if (failedMs !== null) return;
      failedMs = nowMs;
      await alerts.raise('LAYER_FAULT', {
        layer: 'store upkeep',
        errorCode: error instanceof RedbuttonError ? error.code : 'E_STORE_UPKEEP',
        detail: messageOf(error),
      });
    }
  }

  async function days(signal: AbortSignal): Promise<void> {
    await clock.sleep(options.firstAfterMs ?? HOUR_MS / 6, signal);
    for (;;) {
      await round().catch((error: unknown) => log.error({ err: error }, 'an alert was lost'));
      await clock.sleep(DAY_MS, signal);
    }
  }

  return {
    start() {
      loop = days(running.signal).catch(() => undefined);
    },
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
    },
  };
}
