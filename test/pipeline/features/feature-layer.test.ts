import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../../src/adapters/native/features.js';
import { candleAt, toColumns } from '../../../src/core/candle.js';
import { FEATURE_COLUMNS, MODEL_WIDTH } from '../../../src/core/feature-set.js';
import { timeframeMs } from '../../../src/core/timeframe.js';
import { FEATURE_STATUSES } from '../../../src/pipeline/features/gap-window.js';
import {
  createFeatureLayer,
  featureRows,
  modelInputs,
  usableRows,
} from '../../../src/pipeline/features/index.js';
import { loadCandles } from '../../../src/research/candles/load-candles.js';
import { VECTORS_DIR } from '../../support/golden.js';
import { createPlainFeatureKernel } from '../../support/plain-feature-kernel.js';

const HOUR = 3_600_000;
const stream = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
const rules = { timeframeMs: HOUR, calendar: '24x7', maxGapBars: 3 } as const;

/** Candles that move at every bar, at the given slots. */
function candlesAt(slots: readonly number[]) {
  return slots.map((slot, i) => {
    const close = 100 + 5 * Math.sin(i * 1.3) + (i % 3);
    return { openMs: slot * HOUR, open: close, high: close, low: close, close, volume: 10 + (i % 7) };
  });
}

describe.each([
  ['the native kernel', createFeatureKernel()],
  ['plain TypeScript', createPlainFeatureKernel()],
])('the feature layer over %s', (_, kernel) => {
  it('warms up for 19 candles and then gives the row of the candle it was handed', () => {
    const layer = createFeatureLayer({ kernel, stream, calendar: '24x7', maxGapBars: 3 });
    const rows = candlesAt(Array.from({ length: 30 }, (_, i) => i)).map((candle) => layer.push(candle));
    expect(rows.slice(0, 19).every((row) => row.status === 'warming_up')).toBe(true);
    expect(rows.slice(19).every((row) => row.status === 'ok')).toBe(true);
    rows.forEach((row, i) => {
      expect(row.openMs).toBe(i * HOUR);
    });
    layer.reset();
    expect(layer.push(candlesAt([50])[0]!).status).toBe('warming_up');
  });

  it('marks rows while both sides of a gap are among the last 20 candles', () => {
    const layer = createFeatureLayer({ kernel, stream, calendar: '24x7', maxGapBars: 3 });
    // Slots 0…29, then 4 are missing, then 34 on: candle 30 is the first after the gap.
    const slots = [...Array(30).keys(), ...Array.from({ length: 40 }, (_, i) => 34 + i)];
    const statuses = candlesAt(slots).map((candle) => layer.push(candle).status);
    const gaps = statuses.flatMap((status, i) => (status === 'hole' ? [i] : []));
    expect(gaps).toEqual(Array.from({ length: 19 }, (_, i) => 30 + i));
  });

  it('takes a gap of maxGapBars as it is, and a weekend as none', () => {
    const three = createFeatureLayer({ kernel, stream, calendar: '24x7', maxGapBars: 3 });
    const slots = [...Array(30).keys(), ...Array.from({ length: 10 }, (_, i) => 33 + i)];
    expect(candlesAt(slots).map((candle) => three.push(candle).status)).not.toContain('hole');

    const daily = createFeatureLayer({
      kernel,
      stream: { ...stream, timeframe: '1d' },
      calendar: 'weekdays',
      maxGapBars: 0,
    });
    // 1970-01-05 was a Monday.
    const weekdays = Array.from({ length: 40 }, (_, i) => 4 + Math.floor(i / 5) * 7 + (i % 5));
    const statuses = candlesAt(weekdays.map((day) => day * 24)).map((candle) => daily.push(candle).status);
    expect(statuses.slice(19)).toEqual(Array(21).fill('ok'));
  });

  it('says when a feature has no value', () => {
    const layer = createFeatureLayer({ kernel, stream, calendar: '24x7', maxGapBars: 3 });
    const flat = candlesAt(Array.from({ length: 25 }, (_, i) => i)).map((candle) => ({
      ...candle,
      volume: 7,
    }));
    const last = flat.map((candle) => layer.push(candle)).at(-1)!;
    expect(last.status).toBe('no_value');
    expect(last.values[4]).toBeNaN();
  });

  it.each([
    ['daily_btcusdt', '1d', ['warming_up', 'ok']],
    ['dirty_synth', '1h', ['warming_up', 'ok', 'hole', 'no_value']],
  ])('in one batch equals row by row over %s', async (name, timeframe, expected) => {
    const { candles } = await loadCandles(path.join(VECTORS_DIR, `${name}.input.csv.gz`), {
      rules: 'strict',
    });
    const gaps = { calendar: '24x7', maxGapBars: 1 } as const;
    const table = featureRows(kernel, candles, { ...gaps, timeframeMs: timeframeMs(timeframe) });
    const layer = createFeatureLayer({ kernel, stream: { ...stream, timeframe }, ...gaps });
    const seen = new Set<string>();
    for (let i = 0; i < candles.length; i++) {
      const row = layer.push(candleAt(candles, i));
      expect(FEATURE_STATUSES[table.status[i]!]).toBe(row.status);
      expect(table.openMs[i]).toBe(row.openMs);
      seen.add(row.status);
      FEATURE_COLUMNS.forEach((_, c) => {
        expect(table.values[c * candles.length + i]).toBe(row.values[c]);
      });
    }
    expect([...seen].sort()).toEqual([...expected].sort());
  });

  it('gathers the model inputs of the usable rows, row after row', () => {
    const candles = toColumns(candlesAt(Array.from({ length: 25 }, (_, i) => i)));
    const table = featureRows(kernel, candles, rules);
    const rows = usableRows(table);
    expect([...rows]).toEqual([19, 20, 21, 22, 23, 24]);
    const inputs = modelInputs(table, rows);
    expect(inputs.length).toBe(6 * MODEL_WIDTH);
    const layer = createFeatureLayer({ kernel, stream, calendar: '24x7', maxGapBars: 3 });
    const pushed = Array.from({ length: 25 }, (_, i) => layer.push(candleAt(candles, i)));
    expect([...inputs.subarray(2 * MODEL_WIDTH, 3 * MODEL_WIDTH)]).toEqual([...pushed[21]!.values.slice(1)]);
  });
});
