import { describe, expect, it } from 'vitest';
import { type CandleColumns, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { runBacktest } from '../../src/research/backtest/backtest.js';
import { checkLookahead, checkRecursive, type Decide } from '../../src/research/backtest/bias-check.js';
import { CONFIG, MODEL, randomWalk, tinyStream } from '../support/tiny-stream.js';

const candles = toColumns(randomWalk(seededRng(5), 600));

/** The pipeline; with a leak, the probability of a bar looks at a close `ahead` bars later. */
const pipeline =
  (ahead: number): Decide =>
  async (given) => {
    const { decisions } = await runBacktest({
      candles: given,
      makeStream: (clock) => tinyStream(clock),
      model: MODEL,
      config: CONFIG,
      startCash: '100000',
      fillModel: { halfSpreadBps: 5 },
      ...(ahead === 0 ? {} : { givenProbabilities: peeking(given, ahead) }),
    });
    return decisions;
  };

function peeking({ close, length }: CandleColumns, ahead: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const later = close[Math.min(length - 1, i + ahead)]!;
    return later > close[i]! ? 0.8 : later < close[i]! ? 0.2 : 0.4;
  });
}

describe('lookahead', () => {
  it('is not found in the pipeline', async () => {
    const check = await checkLookahead(pipeline(0), candles, 4, seededRng(1));
    expect(check.findings).toEqual([]);
    expect(check.runs).toBe(12);
    expect(check.bars).toBeGreaterThan(2000);
  });

  it('is found where a probability knows the next close, at the last bar before the cut', async () => {
    const { findings } = await checkLookahead(pipeline(1), candles, 4, seededRng(1));
    expect(new Set(findings.map(({ change }) => change))).toContain('future cut off');
    expect(findings.some(({ layer }) => layer === 'prediction')).toBe(true);
  });
});

describe('recursion', () => {
  it('is not found in the pipeline', async () => {
    const check = await checkRecursive(pipeline(0), candles, 4);
    expect(check.findings).toEqual([]);
    expect(check.bars).toBeGreaterThan(1000);
  });

  it('is found where a value depends on how long it has been computed', async () => {
    const recursive: Decide = async (given) => {
      let average = given.close[0]!;
      const smooth = given.close.map((close) => {
        average += 0.05 * (close - average);
        return average;
      });
      const { decisions } = await runBacktest({
        candles: given,
        makeStream: (clock) => tinyStream(clock),
        model: MODEL,
        config: CONFIG,
        startCash: '100000',
        fillModel: { halfSpreadBps: 5 },
        givenProbabilities: smooth.map((value, i) => Math.min(1, value / given.close[i]! / 2)),
      });
      return decisions;
    };
    const { findings } = await checkRecursive(recursive, candles, 3);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]!.layer).toBe('prediction');
  });
});
