import type { Alerts } from '../../core/alert.js';
import type { BoxState } from '../../ports/alerts.js';
import type { StoreReader } from '../../ports/store.js';
import type { Clock } from '../../ports/time.js';
import { type AlertLog, createDaily, type Daily } from '../alert-delivery/index.js';

const DAY_MS = 86_400_000;

/** Raises DAILY_SUMMARY at a local time: the last 24 hours, from what is stored. Without `at` it does nothing. */
export function createDailySummary(options: {
  readonly at: string | undefined;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly alerts: Alerts;
  readonly store: Pick<StoreReader, 'fills' | 'equityCurve'>;
  readonly state: () => BoxState;
}): Daily {
  const { at, clock, log, store } = options;
  if (at === undefined) return { start: () => undefined, stop: async () => undefined };
  return createDaily({
    at,
    clock,
    log,
    async run() {
      const { equity, drawdown, tradingState } = options.state();
      const sinceMs = clock.wallMs() - DAY_MS;
      const [fills, curve] = await Promise.all([store.fills(), store.equityCurve()]);
      // The last value of before; a box younger than a day is compared with its first.
      const before = curve.findLast(({ atMs }) => atMs <= sinceMs) ?? curve[0];
      const now = equity ?? Number.NaN;
      await options.alerts.raise('DAILY_SUMMARY', {
        equity: now,
        changePct: before === undefined ? 0 : (now / before.equity - 1) * 100,
        drawdown: drawdown ?? 0,
        fills: fills.filter(({ atMs }) => atMs > sinceMs).length,
        state: tradingState,
      });
    },
  });
}
