import { describe, expect, it } from 'vitest';
import { accountMetrics, buyAndHold, curveMetrics, drawdownCurve } from '../../src/research/metrics.js';
import { roundTrips, type TradeFill } from '../../src/research/round-trips.js';

const DAY = 86_400_000;
const days = (count: number) => Array.from({ length: count }, (_, i) => i * DAY);

const fill = (day: number, side: 'buy' | 'sell', units: number, price: number, fee = 0): TradeFill => ({
  atMs: day * DAY,
  symbol: 'BTC/USDT',
  side,
  units,
  price,
  fee,
  reason: side === 'buy' ? 'long' : 'flat',
});

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

describe('roundTrips', () => {
  it('closes a position, averages its prices and takes the fees off', () => {
    const trips = roundTrips([
      fill(1, 'buy', 1, 100, 0.1),
      fill(2, 'buy', 3, 120, 0.3),
      fill(3, 'sell', 2, 130, 0.2),
      fill(4, 'sell', 2, 110, 0.4),
    ]);
    expect(trips).toHaveLength(1);
    expect(trips[0]).toMatchObject({
      direction: 'long',
      entryMs: DAY,
      exitMs: 4 * DAY,
      units: 4,
      entryPrice: 115,
      exitPrice: 120,
      entryReason: 'long',
      exitReason: 'flat',
    });
    // 480 received − 460 paid − 1 in fees.
    expect(trips[0]!.profit).toBeCloseTo(19, 12);
    expect(trips[0]!.returnOnEntry).toBeCloseTo(19 / 460, 12);
  });

  it('turns a long into a short by one fill, sharing its fee', () => {
    const trips = roundTrips([
      fill(1, 'buy', 2, 100),
      fill(2, 'sell', 3, 90, 0.3),
      fill(3, 'buy', 1, 80, 0.1),
    ]);
    expect(trips.map((trip) => trip.direction)).toEqual(['long', 'short']);
    expect(trips[0]!.profit).toBeCloseTo(-20 - 0.2, 12);
    expect(trips[1]!.profit).toBeCloseTo(10 - 0.1 - 0.1, 12);
  });

  it('keeps symbols apart and an open position open', () => {
    const trips = roundTrips([
      fill(1, 'buy', 1, 100),
      { ...fill(2, 'sell', 5, 10), symbol: 'ETH/USDT' },
      fill(3, 'sell', 0.5, 110),
    ]);
    expect(trips).toMatchObject([
      { symbol: 'BTC/USDT', exitMs: null, profit: null, exitPrice: 110 },
      { symbol: 'ETH/USDT', direction: 'short', profit: null, exitPrice: null },
    ]);
  });

  it('is not kept open by what rounding leaves', () => {
    const trips = roundTrips([
      fill(1, 'buy', 0.1, 100),
      fill(2, 'buy', 0.2, 100),
      fill(3, 'sell', 0.3, 101),
      fill(4, 'buy', 1, 100),
      fill(5, 'sell', 1, 100),
    ]);
    expect(trips.map((trip) => trip.exitMs)).toEqual([3 * DAY, 5 * DAY]);
  });
});

describe('accountMetrics', () => {
  it('counts trades, turnover, fees and exposure', () => {
    const fills = [
      fill(0, 'buy', 1, 100, 1),
      fill(1, 'sell', 1, 110, 1),
      fill(2, 'buy', 1, 100, 1),
      fill(3, 'sell', 1, 95, 1),
      fill(4, 'buy', 1, 100, 1),
    ];
    const metrics = accountMetrics({
      equity: { atMs: days(5), value: [1000, 1008, 1007, 1001, 984] },
      exposed: [1, 0, 1, 0, 1],
      fills,
      trips: roundTrips(fills),
      barsPerYear: 365.25,
    });
    expect(metrics).toMatchObject({ closedTrades: 2, hitRate: 0.5, fees: 5, exposure: 0.6 });
    // Won 10 − 2, lost 5 + 2.
    expect(metrics.profitFactor).toBeCloseTo(8 / 7, 12);
    expect(metrics.turnover).toBeCloseTo(505 / 1000, 12);
  });

  it('has no rates without trades', () => {
    const metrics = accountMetrics({
      equity: { atMs: days(2), value: [1, 1] },
      exposed: [0, 0],
      fills: [],
      trips: [],
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
