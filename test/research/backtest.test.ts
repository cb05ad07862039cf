// @module-tag long

import { describe, expect, it } from 'vitest';
import { type Candle, candleAt, toColumns } from '../../src/core/candle.js';
import type { BarRecord, HaltRecord } from '../../src/core/records.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { type BacktestOptions, runBacktest } from '../../src/research/backtest/backtest.js';
import { compareDecisions } from '../../src/research/backtest/compare.js';
import { stateByHalts } from '../../src/research/backtest/state-by-halts.js';
import { HALF_SPREAD_BPS, paperWorld, START_CASH } from '../support/paper-world.js';
import { emptyContents, tinyStore } from '../support/tiny-store.js';
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

const WALK = randomWalk(seededRng(21), 5000);

function backtest(candles: readonly Candle[], more: Partial<BacktestOptions> = {}) {
  return runBacktest({
    candles: toColumns(candles),
    makeStream: (clock) => tinyStream(clock),
    model: MODEL,
    config: CONFIG,
    startCash: START_CASH,
    fillModel: { halfSpreadBps: HALF_SPREAD_BPS },
    ...more,
  });
}

/** A live paper run over the same candles; `each` may turn the box before a bar. */
async function live(
  candles: readonly Candle[],
  each: (i: number, box: Awaited<ReturnType<typeof paperWorld>>['box']) => void = () => {},
) {
  const contents = emptyContents();
  const world = await paperWorld({ store: tinyStore(contents) });
  for (let i = 0; i < candles.length; i++) {
    each(i, world.box);
    await world.bar(candles[i]!);
  }
  return { contents, decisions: [...contents.bars.values()], world };
}

describe('live equals backtest', () => {
  it('decision by decision, over chunks of thousands of bars', async () => {
    const { decisions, contents } = await live(WALK);
    const result = await backtest(WALK);
    expect(result.executions.length).toBeGreaterThan(200);
    expect(compareDecisions(decisions, result.decisions)).toEqual([]);
    const figures = (fills: Iterable<{ side: string; price: string; amount: string; fee: string }>) =>
      [...fills].map(({ side, price, amount, fee }) => `${side} ${amount} at ${price}, ${fee}`);
    expect(figures(result.fills)).toEqual(figures(contents.fills.values()));
    console.log(
      `live against backtest: ${decisions.length} bars, ${result.fills.length} fills, 0 differences`,
    );
  });

  it('with the halts that were recorded', async () => {
    const halts: HaltRecord[] = [];
    const { decisions } = await live(WALK, (i, box) => {
      if (i % 100 !== 50) return;
      box.state = (['HALTED', 'ACTIVE', 'REDUCING', 'ACTIVE'] as const)[((i / 50 / 2) % 4) | 0]!;
      // Recorded as the bar closes, before it is decided
      halts.push({ atMs: WALK[i]!.openMs + HOUR_MS, state: box.state, cause: 'test', epoch: i });
    });
    const result = await backtest(WALK, { halts });
    expect(compareDecisions(decisions, result.decisions)).toEqual([]);
    expect(result.denials.state_halted).toBeGreaterThan(50);
    // And it is those records that make them equal
    expect(compareDecisions(decisions, (await backtest(WALK)).decisions).length).toBeGreaterThan(50);
  });

  it('over a restart of the live run', async () => {
    const contents = emptyContents();
    const candles = WALK.slice(0, 1000);
    for (const [run, part] of [
      candles.slice(0, 400),
      candles.slice(400, 401),
      candles.slice(401),
    ].entries()) {
      const world = await paperWorld({ store: tinyStore(contents), idSeed: run });
      await world.pipeline.warmUp(KEY, await tinyStore(contents).lastCandles(KEY, 200));
      for (const candle of part) await world.bar(candle);
    }
    const result = await backtest(candles);
    expect(compareDecisions([...contents.bars.values()], result.decisions)).toEqual([]);
  });
});

describe('the comparison', () => {
  it('names bar, layer and both values', async () => {
    const { decisions } = await backtest(WALK.slice(0, 300));
    const at = decisions.findIndex((record) => record.risk !== null);
    const bar = decisions[at]!;
    const risk = bar.risk!;
    const flipped: BarRecord[] = [...decisions];
    flipped[at] = {
      ...bar,
      risk: { ...risk, inputs: { ...risk.inputs, equity: risk.inputs.equity + 1e-11 } },
    };
    expect(compareDecisions(decisions, flipped)).toEqual([
      {
        stream: 'binance:BTC/USDT:1h',
        openMs: bar.candle.openMs,
        layer: 'risk',
        field: 'risk.inputs.equity',
        a: risk.inputs.equity,
        b: risk.inputs.equity + 1e-11,
      },
    ]);
  });

  it('tells −0 from 0, finds a flipped feature, and a bar that is missing on either side', async () => {
    const { decisions } = await backtest(WALK.slice(0, 60));
    const last = decisions.at(-1)!;
    const features = last.features!.slice();
    features[4] = -features[4]!;
    expect(compareDecisions([last], [{ ...last, features }])).toMatchObject([
      { layer: 'features', field: 'features.4' },
    ]);
    const zero = { ...last, account: { ...last.account!, drawdown: 0 } };
    const minusZero = { ...last, account: { ...last.account!, drawdown: -0 } };
    expect(compareDecisions([zero], [minusZero])).toMatchObject([
      { layer: 'account', field: 'account.drawdown' },
    ]);
    expect(compareDecisions(decisions, decisions.slice(1))).toMatchObject([
      { layer: 'bar', a: true, b: false },
    ]);
    expect(compareDecisions(decisions.slice(1), decisions)).toMatchObject([
      { layer: 'bar', a: false, b: true },
    ]);
  });

  it('finds the state at a wall time', () => {
    const state = stateByHalts(
      [
        { atMs: 20, state: 'ACTIVE', cause: '', epoch: 2 },
        { atMs: 10, state: 'HALTED', cause: '', epoch: 1 },
      ],
      'REDUCING',
    );
    expect([9, 10, 19, 20, 99].map(state)).toEqual(['REDUCING', 'HALTED', 'HALTED', 'ACTIVE', 'ACTIVE']);
  });
});

describe('exact arithmetic', () => {
  const options = { keepDecisions: true, fillModel: { halfSpreadBps: 0 } } as const;

  it('holds a hand-computed case of ten bars', async () => {
    // Given ten closes, a sure rise predicted on bar 1 and a sure fall on bar 8
    const closes = [100, 100, 110, 120, 120, 110, 130, 130, 125, 125];
    const candles = closes.map((close, i) => ({
      openMs: START_MS + i * HOUR_MS,
      open: close,
      high: close,
      low: close,
      close,
      volume: 1,
    }));
    const p = new Float64Array(10).fill(Number.NaN);
    p[1] = 1;
    p[8] = 0;
    const result = await backtest(candles, { ...options, givenProbabilities: p });
    // Kelly of a sure win is 1, its quarter 0.25, the cap 0.1: 10 000 at 100 is 100 units; fee 10
    expect(result.fills.map(({ side, amount, price, fee }) => [side, amount, price, fee])).toEqual([
      ['buy', '100', '100', '10'],
      ['sell', '100', '125', '12.5'],
    ]);
    // Equity at each close, before that bar's own order
    expect([...result.bars.equity]).toEqual([
      100_000, 100_000, 100_990, 101_990, 101_990, 100_990, 102_990, 102_990, 102_490, 102_477.5,
    ]);
    expect(result.trades).toMatchObject([{ entryNotional: 10_000, profit: 2477.5, fees: 22.5 }]);
    expect(result.finalEquity).toBe(102_477.5);
  });

  it('equals buy and hold for a model that is always long and never resized', async () => {
    const candles = WALK.slice(0, 300);
    const p = new Float64Array(300).fill(Number.NaN);
    p[0] = 1;
    const result = await backtest(candles, {
      ...options,
      givenProbabilities: p,
      config: {
        ...CONFIG,
        risk: { ...CONFIG.risk, maxPositionFraction: 0.5, kellyFraction: 0.5 },
        execution: { ...CONFIG.execution, notionalMaxFraction: 1 },
      },
    });
    const units = Number(result.fills[0]?.amount);
    expect(units).toBe(Math.floor((50_000 / candles[0]!.close) * 1e5) / 1e5);
    const cost = units * candles[0]!.close * 1.001;
    expect(result.finalEquity).toBeCloseTo(100_000 - cost + units * candles[299]!.close, 6);
    expect(result.bars.equity[299]).toBe(result.finalEquity);
  });
});

describe('speed', () => {
  it('decides at least 200 000 bars/s with predictions given', async () => {
    const columns = toColumns(randomWalk(seededRng(2), 1));
    const bars = 300_000;
    const openMs = Float64Array.from({ length: bars }, (_, i) => START_MS + i * HOUR_MS);
    const price = new Float64Array(bars).fill(candleAt(columns, 0).close);
    const candles = {
      length: bars,
      openMs,
      open: price,
      high: price,
      low: price,
      close: price,
      volume: price,
    };
    const givenProbabilities = new Float64Array(bars).fill(0.55);
    const run = async () => {
      const startedAt = process.cpuUsage();
      const result = await runBacktest({
        candles,
        makeStream: (clock) => tinyStream(clock, KEY, SPOT),
        model: MODEL,
        config: CONFIG,
        startCash: START_CASH,
        fillModel: { halfSpreadBps: HALF_SPREAD_BPS },
        givenProbabilities,
        keepDecisions: false,
      });
      expect(result.bars.length).toBe(bars);
      // Processor time, all threads, so that other work on the machine does not count.
      const { user, system } = process.cpuUsage(startedAt);
      return bars / ((user + system) / 1e6);
    };
    let best = 0;
    for (let i = 0; i < 3; i++) best = Math.max(best, await run());
    console.log(
      `backtest, predictions given: ${Math.round(best).toLocaleString('en')} bars per second of processor time`,
    );
    expect(best).toBeGreaterThan(200_000);
  });
});
