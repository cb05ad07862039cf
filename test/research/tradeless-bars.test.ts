import { describe, expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { runBacktest } from '../../src/research/backtest/backtest.js';
import { CONFIG, HOUR_MS, MODEL, randomWalk, tinyStream } from '../support/tiny-stream.js';

const WALK = randomWalk(seededRng(21), 1000);

describe('a bar without a trade', () => {
  it.each(['close', 'next-close'] as const)('has no fill in it (fills at %s)', async (fillAt) => {
    const candles = WALK.map((candle, i) => ({ ...candle, volume: i % 2 === 0 ? 0 : candle.volume }));
    const { fills } = await runBacktest({
      candles: toColumns(candles),
      makeStream: (clock) => tinyStream(clock),
      model: MODEL,
      config: CONFIG,
      startCash: '10000',
      fillModel: { halfSpreadBps: 1, fillAt },
    });
    const tradeless = new Set(candles.filter(({ volume }) => volume === 0).map(({ openMs }) => openMs));
    expect(fills.length).toBeGreaterThan(10);
    expect(fills.filter(({ atMs }) => tradeless.has(atMs - HOUR_MS))).toEqual([]);
  });
});
