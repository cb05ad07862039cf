import { describe, expect, it } from 'vitest';
import { MODEL_COLUMNS, MODEL_WIDTH } from '../../src/core/feature-set.js';
import { referenceHistograms } from '../../src/learning/reference.js';
import { labelledRows } from '../support/labelled-rows.js';

describe('reference histograms', () => {
  it('part each column into ten bins of about as many rows', () => {
    const { rows } = labelledRows(5000, 51, 0);
    const histograms = referenceHistograms(rows, 5000);
    expect(histograms.map(({ column }) => column)).toEqual(MODEL_COLUMNS);
    for (const { edges, counts, min, max } of histograms) {
      expect(counts).toEqual(new Array(10).fill(500));
      expect(edges[0]).toBe(min);
      expect(edges.at(-1)).toBe(max);
    }
  });

  it('have fewer bins where values repeat, and one for a constant', () => {
    const rows = new Float64Array(100 * MODEL_WIDTH).fill(3);
    for (let i = 0; i < 100; i++) rows[i * MODEL_WIDTH] = i < 85 ? 0 : i;
    const [repeated, constant] = referenceHistograms(rows, 100);
    expect(repeated!.edges).toEqual([0, 90, 99]);
    expect(repeated!.counts).toEqual([90, 10]);
    expect(constant!.counts).toEqual([100]);
    expect(constant!.edges[1]).toBeGreaterThan(constant!.edges[0]!);
  });
});
