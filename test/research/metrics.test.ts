import { describe, expect, it } from 'vitest';
import {
  accountMetrics,
  buyAndHold,
  curveMetrics,
  drawdownCurve,
} from '../../src/research/report/metrics.js';

const DAY = 86_400_000;
const days = (count: number) => Array.from({ length: count }, (_, i) => i * DAY);

describe('curveMetrics', () => {
  it('matches a case worked out by hand', () => {
    // Returns: +10 %, −10 %, +10 %; mean 1/30; squared deviations (1/15)², (2/15)², (1/15)² sum to 6/225.
    const value = [100, 110, 99, 108.9];
    const metrics = curveMetrics({ atMs: days(4), value }, 252);
    expect(metrics.totalReturn).toBeCloseTo(0.089, 12);
    expect(metrics.annualReturn).toBeCloseTo(1.089 ** (365.25 / 3) - 1, 6);
    const deviation = Math.sqrt(6 / 225 / 2);
    expect(metrics.sharpe).toBeCloseTo((1 / 30 / deviation) * Math.sqrt(252), 10);
    expect(metrics.sortino).toBeCloseTo((1 / 30 / Math.sqrt(0.01 / 3)) * Math.sqrt(252), 10);
    expect(metrics.maxDrawdown).toBeCloseTo(0.1, 12);
    expect(metrics.maxDrawdownMs).toBe(2 * DAY);
    expect(metrics.maxDrawdownRecovered).toBe(false);
    expect(metrics.calmar).toBeCloseTo(metrics.annualReturn! / 0.1, 6);
  });

  it('measures the deepest fall from its peak until the peak is reached again', () => {
    const value = [100, 120, 110, 120, 90, 60, 100, 119, 120, 130, 125];
    const metrics = curveMetrics({ atMs: days(11), value }, 365.25);
    expect(metrics.maxDrawdown).toBeCloseTo(0.5, 12);
    // The last time at 120 before the fall is day 3, the first time back is day 8.
    expect(metrics.maxDrawdownMs).toBe(5 * DAY);
    expect(metrics.maxDrawdownRecovered).toBe(true);
  });

  it('has a year in a year', () => {
    const metrics = curveMetrics({ atMs: [0, 365.25 * DAY], value: [100, 121] }, 252);
    expect(metrics.annualReturn).toBeCloseTo(0.21, 12);
    expect(metrics.sharpe).toBeNull();
    expect(metrics.sortino).toBeNull();
    expect(metrics.calmar).toBeNull();
  });

  it('has no value where there is none, and never NaN', () => {
    const flat = curveMetrics({ atMs: days(5), value: [7, 7, 7, 7, 7] }, 252);
    expect(flat).toMatchObject({ totalReturn: 0, sharpe: null, sortino: null, calmar: null, maxDrawdown: 0 });
    for (const length of [0, 1]) {
      const short = curveMetrics({ atMs: days(length), value: Array(length).fill(5) }, 252);
      expect(short).toMatchObject({ totalReturn: 0, annualReturn: null, sharpe: null, maxDrawdownMs: 0 });
    }
  });
});

describe('accountMetrics', () => {
  it('counts trades, turnover, fees and exposure', () => {
    const metrics = accountMetrics({
      equity: { atMs: days(5), value: [1000, 1008, 1007, 1001, 984] },
      exposed: [1, 0, 1, 0, 1],
      // Won 10 − 2, lost 5 + 2.
      profits: [8, -7],
      traded: 505,
      quoteCurrency: 'USDT',
      fees: { BNB: '0.02', USDT: '5' },
      barsPerYear: 365.25,
    });
    expect(metrics).toMatchObject({ closedTrades: 2, hitRate: 0.5, fees: 5, exposure: 0.6 });
    expect(metrics.otherFees).toEqual({ BNB: '0.02' });
    expect(metrics.profitFactor).toBeCloseTo(8 / 7, 12);
    expect(metrics.turnover).toBeCloseTo(505 / 1000, 12);
  });

  it('has no rates without trades', () => {
    const metrics = accountMetrics({
      equity: { atMs: days(2), value: [1, 1] },
      exposed: [0, 0],
      profits: [],
      traded: 0,
      quoteCurrency: 'USDT',
      fees: {},
      barsPerYear: 252,
    });
    expect(metrics).toMatchObject({ closedTrades: 0, hitRate: null, profitFactor: null, turnover: 0 });
  });
});

describe('curves', () => {
  it('of buy-and-hold follow the close', () => {
    expect([...buyAndHold([50, 75, 25], 1000)]).toEqual([1000, 1500, 500]);
  });

  it('of drawdown are zero at each peak', () => {
    expect([...drawdownCurve([10, 8, 12, 9])]).toEqual([0, 0.8 - 1, 0, 0.75 - 1]);
  });
});
