import { columnOf, type FeatureColumn } from '../../core/feature-set.js';
import type { ReferenceHistogram } from '../../core/manifest.js';
import { binOf, psiOfCounts } from './psi.js';

/** Counts the features of any number of rows into the bins of the training reference. */
export interface Drift {
  /** Takes a row of all feature columns. */
  add(features: Float64Array): void;
  /** By feature; empty before the first row. */
  psi(): Partial<Record<FeatureColumn, number>>;
}

export function createDrift(reference: readonly ReferenceHistogram[]): Drift {
  const bins = reference.map((histogram) => ({
    histogram,
    column: columnOf(histogram.column),
    counts: new Array<number>(histogram.counts.length).fill(0),
  }));
  return {
    add(features) {
      for (const { histogram, column, counts } of bins) {
        const bin = binOf(histogram.edges, features[column]!);
        if (bin >= 0) counts[bin]!++;
      }
    },
    psi() {
      const byColumn: Partial<Record<FeatureColumn, number>> = {};
      for (const { histogram, counts } of bins) {
        const value = psiOfCounts(histogram, counts);
        if (value !== null) byColumn[histogram.column] = value;
      }
      return byColumn;
    },
  };
}
