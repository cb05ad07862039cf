import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import type { CandleColumns } from '../../src/core/candle.js';
import { candleAt } from '../../src/core/candle.js';
import { FEATURE_COLUMNS, FEATURE_WINDOW } from '../../src/core/feature-set.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { FeatureColumnsOut } from '../../src/ports/model.js';
import { OWN_GOLDEN, readSet } from './golden-vectors.js';
import { kernelPaths } from './kernel-paths.js';

const WIDTH = FEATURE_COLUMNS.length;
const SEED = 20_260_101;

/** The row's ten columns and its validity as bits, so that −0 differs from 0 and one NaN from another. */
function bitsOfRow(rows: FeatureColumnsOut, i: number): string {
  const row = Float64Array.from({ length: WIDTH }, (_, c) => rows.values[c * rows.length + i]!);
  return bits(row, rows.valid[i] === 1);
}

function bits(row: Float64Array, valid: boolean): string {
  return `${valid} ${Array.from(new BigUint64Array(row.slice().buffer), (word) => word.toString(16)).join(' ')}`;
}

function part(candles: CandleColumns, from: number, to: number): CandleColumns {
  const cut = (values: Float64Array) => values.subarray(from, to);
  return {
    length: to - from,
    openMs: cut(candles.openMs),
    open: cut(candles.open),
    high: cut(candles.high),
    low: cut(candles.low),
    close: cut(candles.close),
    volume: cut(candles.volume),
  };
}

const sets = [readSet(OWN_GOLDEN, 'daily_btcusdt'), readSet(OWN_GOLDEN, 'dirty_synth')];

describe.each(sets)('every entrance gives the bits of the batch, on $name', ({ candles }) => {
  const kernel = createFeatureKernel();
  const batch = kernel.batch(candles);
  const expected = Array.from({ length: candles.length }, (_, i) => bitsOfRow(batch, i));

  it('candle by candle', () => {
    const stream = kernel.stream();
    const out = new Float64Array(WIDTH);
    const streamed = expected.map((_, i) => bits(out, stream.push(candleAt(candles, i), out)));
    expect(streamed).toEqual(expected);
  });

  it('restarted at 100 random candles, from the 20th candle on', () => {
    const random = seededRng(SEED).next;
    const out = new Float64Array(WIDTH);
    for (let restart = 0; restart < 100; restart++) {
      const from = Math.floor(random() * (candles.length - FEATURE_WINDOW));
      const stream = kernel.stream();
      const to = Math.min(candles.length, from + FEATURE_WINDOW + 50);
      for (let i = from; i < to; i++) {
        const row = bits(out, stream.push(candleAt(candles, i), out));
        if (i - from >= FEATURE_WINDOW - 1)
          expect(row, `seed ${SEED}, from ${from}, row ${i}`).toBe(expected[i]);
        else expect(row.startsWith('false'), `row ${i - from} of a fresh stream must be no row`).toBe(true);
      }
    }
  });

  it.each([1, 2, 3, 5, 7, 13, 100, 255, 256, 257])('in chunks of %i', (size) => {
    const stream = kernel.stream();
    for (let from = 0; from < candles.length; from += size) {
      const to = Math.min(candles.length, from + size);
      const rows = stream.pushChunk(part(candles, from, to));
      for (let i = from; i < to; i++) expect(bitsOfRow(rows, i - from)).toBe(expected[i]);
    }
  });

  it('in chunks and single candles, mixed at random', () => {
    const random = seededRng(SEED + 1).next;
    const stream = kernel.stream();
    const out = new Float64Array(WIDTH);
    for (let i = 0; i < candles.length; ) {
      const size = Math.floor(random() * 40);
      const rows = stream.pushChunk(part(candles, i, Math.min(candles.length, i + size)));
      for (let k = 0; k < rows.length; k++, i++) expect(bitsOfRow(rows, k)).toBe(expected[i]);
      if (i < candles.length) {
        expect(bits(out, stream.push(candleAt(candles, i), out)), `seed ${SEED + 1}`).toBe(expected[i]);
        i++;
      }
    }
  });

  it.each(kernelPaths())('on the %s path', (path) => {
    const rows = createFeatureKernel({ path }).batch(candles);
    expect(expected.map((_, i) => bitsOfRow(rows, i))).toEqual(expected);
  });
});

describe('several symbols in one call', () => {
  it('keep their windows apart and give the bits of one stream each', () => {
    const random = seededRng(SEED + 2).next;
    const kernel = createFeatureKernel();
    const together = kernel.streams(3);
    const alone = [kernel.stream(), kernel.stream(), kernel.stream()];
    const candles = sets[0]!.candles;
    const out = new Float64Array(WIDTH * 8);
    const valid = new Uint8Array(8);
    const single = new Float64Array(WIDTH);

    for (let i = 0; i < 300; i++) {
      // Up to eight candles a call for three symbols: some have several, some none.
      const pushed = Array.from({ length: Math.floor(random() * 9) }, () => ({
        symbol: Math.floor(random() * 3),
        candle: candleAt(candles, Math.floor(random() * candles.length)),
      }));
      together.pushMany(pushed, out, valid);
      pushed.forEach(({ symbol, candle }, k) => {
        const ok = alone[symbol]!.push(candle, single);
        expect(bits(out.slice(k * WIDTH, (k + 1) * WIDTH), valid[k] === 1), `seed ${SEED + 2}`).toBe(
          bits(single, ok),
        );
      });
    }
    expect(valid.some((byte) => byte === 1)).toBe(true);
  });

  it('refuse a call that names an unknown symbol, and push nothing of it', () => {
    const kernel = createFeatureKernel();
    const streams = kernel.streams(2);
    const stream = kernel.stream();
    const candles = sets[0]!.candles;
    const out = new Float64Array(2 * WIDTH);
    const single = new Float64Array(WIDTH);
    const valid = new Uint8Array(2);
    for (let i = 0; i < 40; i++) {
      const candle = candleAt(candles, i);
      for (const symbol of [2, -1, 0.5, Number.NaN]) {
        expect(() =>
          streams.pushMany(
            [
              { symbol: 0, candle },
              { symbol, candle },
            ],
            out,
            valid,
          ),
        ).toThrowError(expect.objectContaining({ code: 'E_FEATURE_INPUT' }));
      }
      streams.pushMany([{ symbol: 0, candle }], out, valid);
      expect(bits(out.slice(0, WIDTH), valid[0] === 1)).toBe(bits(single, stream.push(candle, single)));
    }
  });

  it('forget one symbol alone when it is reset', () => {
    const streams = createFeatureKernel().streams(2);
    const candles = sets[0]!.candles;
    const out = new Float64Array(2 * WIDTH);
    const valid = new Uint8Array(2);
    const push = (i: number) => {
      const candle = candleAt(candles, i);
      streams.pushMany(
        [
          { symbol: 0, candle },
          { symbol: 1, candle },
        ],
        out,
        valid,
      );
      return [...valid];
    };
    for (let i = 0; i < 19; i++) expect(push(i)).toEqual([0, 0]);
    expect(push(19)).toEqual([1, 1]);
    streams.reset(0);
    expect(push(20)).toEqual([0, 1]);
  });
});
