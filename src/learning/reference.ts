import { MODEL_COLUMNS, MODEL_WIDTH } from '../core/feature-set.js';
import type { ReferenceHistogram } from '../core/manifest.js';

const BINS = 10;

/**
 * How each column was distributed in training, for the population stability index: ten bins between deciles (fewer where
 * values repeat so often that deciles coincide), each with its count. A value on an edge belongs to the bin above it.
 */
export function referenceHistograms(rows: Float64Array, count: number): ReferenceHistogram[] {
  return MODEL_COLUMNS.map((column, c) => {
    const sorted = new Float64Array(count);
    for (let i = 0; i < count; i++) sorted[i] = rows[i * MODEL_WIDTH + c]!;
    sorted.sort();
    const min = sorted[0]!;
    const max = sorted[count - 1]!;
    const edges = [min];
    for (let b = 1; b < BINS; b++) {
      const cut = sorted[Math.floor((b * count) / BINS)]!;
      if (cut > edges.at(-1)!) edges.push(cut);
    }
    // The last edge closes the last bin; a column of one value gets a bin of no width but for rounding.
    if (max > edges.at(-1)!) edges.push(max);
    else edges.push(edges.at(-1)! + Math.max(Math.abs(edges.at(-1)!) * 2 ** -40, 2 ** -40));
    const counts = new Array<number>(edges.length - 1).fill(0);
    let bin = 0;
    for (const value of sorted) {
      while (bin < counts.length - 1 && value >= edges[bin + 1]!) bin++;
      counts[bin]!++;
    }
    return { column, edges, counts, min, max };
  });
}
