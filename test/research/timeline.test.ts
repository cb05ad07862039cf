import { describe, expect, it } from 'vitest';
import { type Candle, sliceCandles, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { runBacktest } from '../../src/research/backtest/backtest.js';
import type { FillModel } from '../../src/research/backtest/backtest-exchange.js';
import { runTimeline, type TimelineInstrument } from '../../src/research/backtest/timeline.js';
import { HALF_SPREAD_BPS, START_CASH } from '../support/paper-world.js';
import {
  CONFIG,
  HOUR_MS,
  KEY,
  MODEL,
  randomWalk,
  SPOT,
  START_MS,
  tinyStream,
} from '../support/tiny-stream.js';

const common = { model: MODEL, config: CONFIG, startCash: START_CASH } as const;
const atClose: FillModel = { halfSpreadBps: HALF_SPREAD_BPS };

function instrument(symbol: string, candles: readonly Candle[]): TimelineInstrument {
  return {
    candles: toColumns(candles),
    makeStream: (clock) => tinyStream(clock, { ...KEY, symbol }, { ...SPOT, symbol }),
  };
}

function bars(closes: readonly number[], volume = 1): Candle[] {
  return closes.map((close, i) => {
    const open = i === 0 ? close : closes[i - 1]! + 1;
    return {
      openMs: START_MS + i * HOUR_MS,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume,
    };
  });
}

/** Buys at bar 1 and sells at bar 4 of the closes 100, 100, 110, 120, 130, 140, 150. */
async function buyThenSell(fillModel: FillModel, volume = 1000) {
  const candles = toColumns(bars([100, 100, 110, 120, 130, 140, 150], volume));
  const p = new Float64Array(7).fill(Number.NaN);
  p[1] = 1;
  p[4] = 0;
  const result = await runBacktest({
    ...common,
    candles,
    makeStream: (clock) => tinyStream(clock),
    fillModel,
    givenProbabilities: p,
  });
  return result.fills.map(({ side, amount, price, atMs }) => [
    side,
    amount,
    price,
    (atMs - START_MS) / HOUR_MS,
  ]);
}

describe('fills of a backtest', () => {
  it('come at the close decided on, at the next open or at the next close', async () => {
    // Bar i closes at i + 1; its successor opens then, one above the close before it
    expect(await buyThenSell({ halfSpreadBps: 0 })).toEqual([
      ['buy', '100', '100', 2],
      ['sell', '100', '130', 5],
    ]);
    expect(await buyThenSell({ halfSpreadBps: 0, fillAt: 'next-open' })).toEqual([
      ['buy', '100', '101', 2],
      ['sell', '100', '131', 5],
    ]);
    expect(await buyThenSell({ halfSpreadBps: 0, fillAt: 'next-close' })).toEqual([
      ['buy', '100', '110', 3],
      ['sell', '100', '140', 6],
    ]);
  });

  it('are worse than the price by the fixed slippage', async () => {
    expect(await buyThenSell({ halfSpreadBps: 10, fillAt: 'next-open' })).toMatchObject([
      ['buy', '99.90009', '101.11', 2],
      ['sell', '99.90009', '130.86', 5],
    ]);
  });

  it('take no more than the share of the volume; the rest expires', async () => {
    expect(await buyThenSell({ halfSpreadBps: 0, volumeShareMax: 0.025 })).toEqual([
      ['buy', '25', '100', 2],
      ['sell', '25', '130', 5],
    ]);
  });

  it('do not come at all for an order of the last bar', async () => {
    const p = new Float64Array(3).fill(Number.NaN);
    p[2] = 1;
    const result = await runTimeline({
      ...common,
      instruments: [{ ...instrument('BTC/USDT', bars([100, 100, 100])), givenProbabilities: p }],
      fillModel: { halfSpreadBps: 0, fillAt: 'next-open' },
    });
    expect(result.instruments[0]!.fills).toEqual([]);
    expect(result.unresolvedOrders).toBe(1);
  });
});

describe('several symbols on one time line', () => {
  it('share the cash: hand-computed', async () => {
    // Both are bought on bar 0 with a tenth of the equity; the second sees the first one's fee
    const one = (symbol: string, closes: readonly number[]): TimelineInstrument => ({
      ...instrument(symbol, bars(closes)),
      givenProbabilities: Float64Array.from(closes, (_, i) => (i === 0 ? 1 : Number.NaN)),
    });
    const { instruments, finalEquity } = await runTimeline({
      ...common,
      instruments: [one('BTC/USDT', [100, 120]), one('ETH/USDT', [50, 40])],
      fillModel: { halfSpreadBps: 0 },
    });
    const [btc, eth] = instruments.map(({ fills }) => fills[0]!);
    expect([btc!.amount, btc!.fee]).toEqual(['100', '10']);
    // 10 % of 99 990 at 50
    expect([eth!.amount, eth!.fee]).toEqual(['199.98', '9.999']);
    expect(finalEquity).toBeCloseTo(100_000 - 10 - 9.999 + 100 * 20 - 199.98 * 10, 9);
    // On each bar the second stream sees the first one's new price, as a live run does
    expect([...instruments[1]!.bars.equity]).toEqual([99_990, 99_980.001 + 2000 - 1999.8]);
  });

  it('are decided in the order of their closes, whatever their bars', async () => {
    const rng = seededRng(5);
    const hourly = randomWalk(rng, 400);
    // Holes and a late start move one stream against the other
    const sparse = randomWalk(rng, 400, 500).filter((_, i) => i > 30 && i % 7 !== 3);
    const seen: string[] = [];
    const spy = (symbol: string, candles: readonly Candle[]): TimelineInstrument => ({
      candles: toColumns(candles),
      makeStream: (clock) => tinyStream(clock, { ...KEY, symbol }, { ...SPOT, symbol }),
    });
    const { instruments, trades } = await runTimeline({
      ...common,
      instruments: [spy('BTC/USDT', hourly), spy('ETH/USDT', sparse)],
      fillModel: atClose,
    });
    for (const { decisions } of instruments) {
      for (const { account, stream } of decisions) seen.push(`${account!.atMs}:${stream.symbol}`);
    }
    expect(instruments.map(({ bars: { length } }) => length)).toEqual([400, sparse.length]);
    expect(trades.map(({ closedAtMs }) => closedAtMs)).toEqual(
      trades.map(({ closedAtMs }) => closedAtMs).sort((a, b) => a - b),
    );
    expect(new Set(trades.map(({ symbol }) => symbol)).size).toBe(2);
    expect(new Set(seen).size).toBe(400 + sparse.length);
  });

  it('refuse to share an account they cannot share', async () => {
    const walk = bars([1, 2]);
    const run = (other: string) =>
      runTimeline({
        ...common,
        instruments: [instrument('BTC/USDT', walk), instrument(other, walk)],
        fillModel: atClose,
      });
    await expect(run('BTC/USDT')).rejects.toThrow('are the same symbol');
    await expect(run('ETH/BTC')).rejects.toThrow('different quote currencies');
  });
});

describe('candles that come in parts', () => {
  it('give what they give at once', async () => {
    const walk = toColumns(randomWalk(seededRng(3), 5000));
    async function* parts() {
      for (let from = 0; from < walk.length; from += 777) {
        yield sliceCandles(walk, from, Math.min(walk.length, from + 777));
      }
    }
    const run = (candles: TimelineInstrument['candles']) =>
      runBacktest({ ...common, candles, makeStream: (clock) => tinyStream(clock), fillModel: atClose });
    const whole = await run(walk);
    const inParts = await run(parts());
    expect(inParts.fills).toEqual(whole.fills);
    expect(inParts.bars).toEqual(whole.bars);
    expect(whole.fills.length).toBeGreaterThan(200);
  });
});
