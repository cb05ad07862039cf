import type { ReferenceHistogram } from '../../core/manifest.js';

/** Share given to an empty bin, so that its logarithm exists. */
const EMPTY_SHARE = 1e-4;

/** The bin of a value; the outer bins are open-ended. NaN belongs to none. */
export function binOf(edges: readonly number[], value: number): number {
  if (Number.isNaN(value)) return -1;
  const last = edges.length - 2;
  let low = 0;
  let high = last;
  // The last inner edge at or below the value starts its bin.
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (edges[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Population stability index of a window of values against the training histogram: Σ (q − p)·ln(q/p) over the bins, with
 * p the share in training and q in the window, neither taken below {@link EMPTY_SHARE}. Null without values.
 */
export function psi(reference: ReferenceHistogram, values: ArrayLike<number>): number | null {
  const counts = new Array<number>(reference.counts.length).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = binOf(reference.edges, values[i]!);
    if (bin >= 0) counts[bin]!++;
  }
  return psiOfCounts(reference, counts);
}

/** The same from values already counted into the reference's bins. */
export function psiOfCounts(reference: ReferenceHistogram, counts: readonly number[]): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const trained = reference.counts.reduce((sum, count) => sum + count, 0);
  if (total === 0 || trained === 0) return null;
  let sum = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const p = Math.max(EMPTY_SHARE, reference.counts[bin]! / trained);
    const q = Math.max(EMPTY_SHARE, counts[bin]! / total);
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}
