import { describe, expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { createTrainingTable, labelledRows, sliceTable } from '../../src/learning/training-table.js';

const MINUTE = 60_000;
const gaps = { timeframeMs: MINUTE, calendar: '24x7', maxGapBars: 3 } as const;

/** Candles that close at the given prices, at minutes 0, 1, 2 … or as given. */
function candles(closes: readonly number[], minutes = closes.map((_, i) => i)) {
  return toColumns(
    closes.map((close, i) => ({
      openMs: minutes[i]! * MINUTE,
      open: close,
      high: close,
      low: close,
      close,
      volume: 1,
    })),
  );
}

describe('labels', () => {
  it('ask whether the close is higher a horizon later; equal is not higher', () => {
    const series = candles([1, 2, 2, 1, 3]);
    const all = Uint32Array.of(0, 1, 2, 3, 4);
    const rows = labelledRows(series, all, 1, gaps);
    expect([...rows]).toEqual([0, 1, 2, 3]);
    const table = createTrainingTable(series, rows, new Float64Array(36), 1);
    expect([...table.labels]).toEqual([1, 0, 0, 1]);
    expect([...table.openMs]).toEqual([0, MINUTE, 2 * MINUTE, 3 * MINUTE]);
    expect([...createTrainingTable(series, Uint32Array.of(0, 1, 2), new Float64Array(27), 2).labels]).toEqual(
      [1, 0, 1],
    );
  });

  it('do not reach over a gap, nor past the end', () => {
    // Four bars are missing before minute 7, three before minute 11.
    const series = candles([1, 2, 3, 4, 5], [0, 1, 2, 7, 11]);
    const all = Uint32Array.of(0, 1, 2, 3, 4);
    expect([...labelledRows(series, all, 1, gaps)]).toEqual([0, 1, 3]);
    expect([...labelledRows(series, all, 2, gaps)]).toEqual([0]);
    expect([...labelledRows(series, all, 5, gaps)]).toEqual([]);
    expect([...labelledRows(series, Uint32Array.of(1, 4), 1, gaps)]).toEqual([1]);
  });
});

describe('a slice of a table', () => {
  it('holds the rows asked for', () => {
    const series = candles([1, 2, 1, 2]);
    const inputs = Float64Array.from({ length: 27 }, (_, i) => i);
    const part = sliceTable(createTrainingTable(series, Uint32Array.of(0, 1, 2), inputs, 1), 1, 3);
    expect(part).toMatchObject({ length: 2, horizonBars: 1 });
    expect([...part.rows]).toEqual([...inputs.subarray(9)]);
    expect([...part.labels]).toEqual([0, 1]);
  });
});
