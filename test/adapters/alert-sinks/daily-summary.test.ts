import { describe, expect, it } from 'vitest';
import { nextLocalTime } from '../../../src/adapters/alert-delivery/daily.js';
import { createDailySummary } from '../../../src/adapters/alert-sinks/index.js';
import { createAlerts } from '../../../src/core/alert.js';
import { ALERT_CATALOGUE } from '../../../src/core/alert-catalogue.js';
import type { Fill } from '../../../src/core/order.js';
import type { AccountSnapshot } from '../../../src/core/records.js';
import { createSimulatedClock } from '../../../src/research/backtest/simulated-clock.js';
import { boxState, eventually } from '../mqtt/box.js';

const NOON_MS = Date.UTC(2024, 5, 1, 12);
const DAY_MS = 86_400_000;

function account(atMs: number, equity: number): AccountSnapshot {
  const day = { dayMs: 0, dayStartEquity: equity, dayLowEquity: equity };
  return { atMs, equity, cash: equity, peakEquity: equity, drawdown: 0, breakerTripped: false, ...day };
}

describe('the daily summary', () => {
  it('compares with a day ago and counts the day’s fills, once, at its local time', async () => {
    const clock = createSimulatedClock();
    const dueMs = nextLocalTime('20:00', NOON_MS);
    clock.setWallMs(dueMs - 60_000);
    const raised: string[] = [];
    const fill = (atMs: number) => ({ atMs }) as Fill;
    const alerts = createAlerts(
      ALERT_CATALOGUE,
      clock,
      { raise: async (alert) => void raised.push(alert.text) },
      () => 'id',
    );
    // Each sleep lets two minutes pass, so that the moment comes and goes; the third ends the watch.
    let sleeps = 0;
    const watch = createDailySummary({
      at: '20:00',
      clock: {
        ...clock,
        async sleep() {
          sleeps += 1;
          if (sleeps > 3) await new Promise((resolve) => setTimeout(resolve, 1));
          else clock.setWallMs(clock.wallMs() + 120_000);
        },
      },
      log: { info: () => {}, warn: () => {}, error: () => {} },
      alerts,
      store: {
        fills: async () => [fill(dueMs - DAY_MS - 60_000), fill(dueMs - DAY_MS / 2), fill(dueMs - 60_000)],
        equityCurve: async () => [
          account(dueMs - 3 * DAY_MS, 50_000),
          account(dueMs - DAY_MS - 3_600_000, 100_000),
          account(dueMs - DAY_MS / 2, 101_000),
        ],
      },
      state: () => boxState({ equity: 102_000, drawdown: 0.01 }),
    });
    watch.start();
    await eventually('raised', () => raised.length > 0 && sleeps > 5);
    await watch.stop();
    expect(raised).toEqual(['Today: equity 102000.00 (+2.00 %), drawdown 1.0 %, 2 fills, ACTIVE.']);
  });
});
