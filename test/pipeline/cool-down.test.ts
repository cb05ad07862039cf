import { describe, expect, it } from 'vitest';
import type { Candle } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { BarAlerts } from '../../src/trader/bar-alerts.js';
import { barOf } from '../contract/store-rows.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { paperWorld } from '../support/paper-world.js';
import { CONFIG, KEY, randomWalk, START_MS } from '../support/tiny-stream.js';

const DAY_MS = 86_400_000;

/** Market days from Monday 2024-01-01 on; the prices are a random walk's. */
function weekdays(count: number): Candle[] {
  const walk = randomWalk(seededRng(4), count);
  let openMs = START_MS;
  return walk.map((candle) => {
    while ([0, 6].includes(new Date(openMs).getUTCDay())) openMs += DAY_MS;
    const day = { ...candle, openMs };
    openMs += DAY_MS;
    return day;
  });
}

describe('a cool-down after losses', () => {
  it('counts market bars, so that a weekend does not end it', async () => {
    const key = { ...KEY, timeframe: '1d' };
    const config = { ...CONFIG, risk: { ...CONFIG.risk, cooldownLosses: 1, cooldownBars: 3 } };
    const world = await paperWorld({
      store: new MemoryStore(),
      config,
      keys: [key],
      setup: (setup) => ({ ...setup, calendar: 'weekdays' }),
    });
    const told: string[] = [];
    const { pipeline } = world;
    const days = weekdays(400);
    let acrossWeekend = 0;
    for (const [i, candle] of days.entries()) {
      world.clock.setWallMs(candle.openMs + DAY_MS);
      const loss = pipeline.portfolio.trades().findLast(({ profit }) => profit < 0);
      const outcome = await pipeline.onCandle(key, candle);
      const risk = outcome.kind === 'decided' ? outcome.record.risk : null;
      if (risk === null || risk.inputs.barsSinceLoss === null) continue;
      // Market days that closed since the last losing trade ended.
      const { closedAtMs } = loss!;
      const closed = days.slice(0, i + 1).filter(({ openMs }) => openMs + DAY_MS > closedAtMs).length;
      if (candle.openMs - closedAtMs > closed * DAY_MS) acrossWeekend++;
      told.push(`${risk.inputs.barsSinceLoss} of ${closed}`);
      expect(risk.inputs.barsSinceLoss, `bar ${i}, after the loss of ${closedAtMs}`).toBe(closed);
    }
    expect(told.length).toBeGreaterThan(5);
    expect(acrossWeekend).toBeGreaterThan(0);
  });

  it('is one on Monday’s bar after a loss on Friday: one market bar, not three days', async () => {
    const fridayMs = Date.UTC(2024, 0, 5) + DAY_MS;
    const stream = { ...KEY, timeframe: '1d' };
    const heard: string[] = [];
    const alerts = new BarAlerts({
      alerts: { raise: async (code) => void heard.push(code) },
      drawdownHaltFraction: 0.9,
      limits: {
        cooldownLosses: 1,
        cooldownBars: 3,
        losingRun: () => ({ count: 1, lastMs: fridayMs }),
        calendarOf: () => 'weekdays',
      },
      quarantineAlertRate: 1,
      aucWindow: 30,
      modelName: () => 'm',
      quarantineShare: () => undefined,
    });
    const record = barOf(stream, 0, { rng: seededRng(1).next, decided: true, risk: 'denial' });
    const monday = { ...record, candle: { ...record.candle, openMs: Date.UTC(2024, 0, 8) } };
    await alerts.onBar({
      kind: 'decided',
      stream,
      record: { ...monday, account: { ...record.account!, drawdown: 0 } },
      missingBars: 0,
      breakerTripped: false,
      execution: null,
      health: null,
      resolved: [],
    });
    expect(heard).toContain('COOL_DOWN');
  });
});
