import { describe, expect, it } from 'vitest';
import type { AlertCode } from '../../src/core/alert-catalogue.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { BarAlerts } from '../../src/trader/bar-alerts.js';
import { BTC, barOf } from '../contract/store-rows.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Alerts of bars whose account is that of the test's own. */
function world(limits: { dailyLossFraction?: number; cooldownLosses?: number; cooldownBars?: number }) {
  const told: { code: AlertCode; figures: object }[] = [];
  let losing = { count: 0, lastMs: 0 };
  const barAlerts = new BarAlerts({
    alerts: { raise: async (code, figures) => void told.push({ code, figures }) },
    drawdownHaltFraction: 0.9,
    limits: { ...limits, losingRun: () => losing, calendarOf: () => '24x7' },
    quarantineAlertRate: 1,
    aucWindow: 30,
    modelName: () => 'm',
    quarantineShare: () => undefined,
  });
  return {
    told,
    lose(count: number, lastMs: number) {
      losing = { count, lastMs };
    },
    async bar(index: number, dayLowEquity = 100) {
      const record = barOf(BTC, index, { rng: seededRng(1).next, decided: true, risk: 'denial' });
      const { openMs } = record.candle;
      const account = {
        ...record.account!,
        drawdown: 0,
        dayMs: Math.floor(openMs / DAY_MS) * DAY_MS,
        dayStartEquity: 100,
        dayLowEquity,
      };
      await barAlerts.onBar({
        kind: 'decided',
        stream: BTC,
        record: { ...record, account },
        missingBars: 0,
        breakerTripped: false,
        execution: null,
        health: null,
        resolved: [],
      });
      return openMs + HOUR_MS;
    },
  };
}

describe('limits of the account', () => {
  it('tell of a day’s loss once a day, at the limit and not before', async () => {
    const { bar, told } = world({ dailyLossFraction: 0.05 });
    for (let i = 0; i < 24; i++) await bar(i, i < 3 ? 95.01 : 95);
    expect(told).toEqual([{ code: 'DAILY_LOSS', figures: { loss: 0.05, limit: 0.05 } }]);
    for (let i = 24; i < 48; i++) await bar(i, i < 30 ? 100 : 80);
    expect(told).toHaveLength(2);
    expect(told[1]!.figures).toMatchObject({ loss: 0.2 });
  });

  it('tell of a cool-down when it begins, and again only after one has ended', async () => {
    const { bar, told, lose } = world({ cooldownLosses: 3, cooldownBars: 5 });
    let closedMs = await bar(0);
    lose(2, closedMs);
    await bar(1);
    expect(told).toEqual([]);
    lose(3, closedMs);
    for (let i = 2; i < 5; i++) closedMs = await bar(i);
    // Another loss makes the same cool-down longer
    lose(4, closedMs);
    for (let i = 5; i < 12; i++) closedMs = await bar(i);
    expect(told).toEqual([{ code: 'COOL_DOWN', figures: { losses: 3, bars: 5 } }]);
    lose(5, closedMs);
    await bar(12);
    expect(told).toHaveLength(2);
  });

  it('are silent where there are none', async () => {
    const { bar, told, lose } = world({});
    lose(50, 0);
    await bar(0, 1);
    expect(told).toEqual([]);
  });
});
