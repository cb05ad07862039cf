import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import type { CandleColumns } from '../../src/core/candle.js';
import { candleAt } from '../../src/core/candle.js';
import { FEATURE_COLUMNS, FEATURE_WINDOW } from '../../src/core/feature-set.js';
import { kernelPaths } from './kernel-paths.js';
import { plainRow } from './plain-features.js';

const WIDTH = FEATURE_COLUMNS.length;
/** The same cases each run; FUZZ_SEED and FUZZ_RUNS look for others. fast-check prints the seed of a failure. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_101);
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const HOSTILE = [
  0,
  -0,
  5e-324,
  1e-310,
  2.2250738585072014e-308,
  1e-160,
  1e308,
  -1e308,
  Number.MAX_VALUE,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const ordinary = fc.double({ min: 0.01, max: 100_000, noNaN: true });
const value = fc.oneof(
  { weight: 20, arbitrary: ordinary },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.double() },
);
/** A run of one value or of several, so that constant windows and windows of only gains or losses come up. */
const run = fc.oneof(
  fc.tuple(value, fc.integer({ min: 1, max: 45 })).map(([x, n]) => Array<number>(n).fill(x)),
  fc
    .tuple(ordinary, fc.double({ min: 0.9, max: 1.1, noNaN: true }), fc.integer({ min: 1, max: 45 }))
    .map(([x, factor, n]) => Array.from({ length: n }, (_, i) => x * factor ** i)),
  fc.array(value, { maxLength: 45 }),
);
const series = fc.array(run, { maxLength: 12 }).map((runs) => runs.flat().slice(0, 200));

const candles = fc.tuple(series, series).map(([close, volume]): CandleColumns => {
  const length = Math.min(close.length, volume.length);
  const prices = Float64Array.from(close.slice(0, length));
  return {
    length,
    openMs: Float64Array.from({ length }, (_, i) => i * 60_000),
    open: prices,
    high: prices,
    low: prices,
    close: prices,
    volume: Float64Array.from(volume.slice(0, length)),
  };
});

/** Whether two arrays have the same bits, NaN and −0 included. */
function sameBits(a: Float64Array, b: Float64Array): boolean {
  const bytes = (values: Float64Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return bytes(a).equals(bytes(b));
}

describe('features of any series of 0 to 200 candles, hostile values included', { timeout: 120_000 }, () => {
  const paths = kernelPaths();
  const kernels = paths.map((path) => createFeatureKernel({ path }));

  it('have the same bits on every path, in batch and in stream', () => {
    fc.assert(
      fc.property(candles, (input) => {
        const batches = kernels.map((kernel) => kernel.batch(input));
        for (const batch of batches) {
          expect(sameBits(batch.values, batches[0]!.values)).toBe(true);
          expect(batch.valid).toEqual(batches[0]!.valid);
        }
        const stream = kernels[0]!.stream();
        const row = new Float64Array(WIDTH);
        for (let i = 0; i < input.length; i++) {
          const valid = stream.push(candleAt(input, i), row);
          const batched = Float64Array.from(row, (_, c) => batches[0]!.values[c * input.length + i]!);
          expect(sameBits(row, batched)).toBe(true);
          expect(valid).toBe(batches[0]!.valid[i] === 1);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('are finite or NaN, and valid exactly where all ten are finite', () => {
    fc.assert(
      fc.property(candles, (input) => {
        const { values, valid } = kernels[0]!.batch(input);
        for (let i = 0; i < input.length; i++) {
          const row = Array.from({ length: WIDTH }, (_, c) => values[c * input.length + i]!);
          expect(row.every((x) => Number.isFinite(x) || Number.isNaN(x))).toBe(true);
          expect(valid[i]).toBe(row.every(Number.isFinite) ? 1 : 0);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('are no row while the window is short or holds a value that is not finite', () => {
    fc.assert(
      fc.property(candles, (input) => {
        const { valid } = kernels[0]!.batch(input);
        for (let i = 0; i < input.length; i++) {
          const from = i - FEATURE_WINDOW + 1;
          const sound =
            from >= 0 &&
            input.close.subarray(from, i + 1).every(Number.isFinite) &&
            input.volume.subarray(from, i + 1).every(Number.isFinite);
          if (!sound) expect(valid[i]).toBe(0);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('agree with the formulas written plainly, wherever prices and volumes are ordinary', () => {
    const plainSeries = fc.array(
      fc.oneof(run.map((values) => values.map((x) => (x >= 0.01 && x <= 1e9 ? x : 1)))),
      { maxLength: 12 },
    );
    const plain = fc.tuple(plainSeries, plainSeries).map(([a, b]) => {
      const close = a.flat().slice(0, 200);
      const volume = b.flat().slice(0, close.length);
      return { close: close.slice(0, volume.length), volume };
    });
    fc.assert(
      fc.property(plain, ({ close, volume }) => {
        const length = close.length;
        const empty = new Float64Array(length);
        const { values, valid } = kernels[0]!.batch({
          length,
          openMs: empty,
          open: empty,
          high: empty,
          low: empty,
          close: Float64Array.from(close),
          volume: Float64Array.from(volume),
        });
        for (let i = FEATURE_WINDOW - 1; i < length; i++) {
          const from = i - FEATURE_WINDOW + 1;
          const expected = plainRow(close.slice(from, i + 1), volume.slice(from, i + 1));
          expect(valid[i]).toBe(expected.values.every(Number.isFinite) ? 1 : 0);
          expected.values.forEach((x, c) => {
            const computed = values[c * length + i]!;
            if (Number.isNaN(x)) expect(computed).toBeNaN();
            else
              expect(Math.abs(computed - x), `${FEATURE_COLUMNS[c]} of row ${i}`).toBeLessThanOrEqual(
                expected.errorMax[c]!,
              );
          });
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});

describe('edges of the formulas', () => {
  const row = (close: readonly number[], volume: readonly number[]) => {
    const stream = createFeatureKernel().stream();
    const out = new Float64Array(WIDTH);
    let valid = false;
    close.forEach((c, i) => {
      valid = stream.push({ openMs: i, open: c, high: c, low: c, close: c, volume: volume[i]! }, out);
    });
    return { valid, ...Object.fromEntries(FEATURE_COLUMNS.map((name, c) => [name, out[c]!])) } as Record<
      string,
      number | boolean
    >;
  };
  const rising = Array.from({ length: 20 }, (_, i) => 100 + 0.1 * i);
  const volumes = Array.from({ length: 20 }, (_, i) => 10 + ((i * 7) % 5));

  it('no loss gives an RSI of exactly 100, no gain exactly 0', () => {
    expect(row(rising, volumes)).toMatchObject({ valid: true, rsi: 100 });
    expect(row([...rising].reverse(), volumes)).toMatchObject({ valid: true, rsi: 0 });
  });

  it('prices that do not move have no RSI, and a spread of exactly 0', () => {
    expect(row(Array(20).fill(0.1), volumes)).toMatchObject({
      valid: false,
      rsi: NaN,
      bb_width: 0,
      volatility: 0,
    });
  });

  it.each([0, 0.1, 1 / 3, 12_345.678, 5e-324])('a constant volume of %d has no z-score', (volume) => {
    expect(row(rising, Array(20).fill(volume))).toMatchObject({ valid: false, vol_zscore: NaN });
  });
});
