import { normalCdf, normalQuantile } from '../core/normal.js';

/** An AUC over `rows` rows and how far it can be trusted. */
export interface AucEstimate {
  readonly auc: number;
  readonly rows: number;
  /** Null where a class has one row only, which says nothing about its spread. */
  readonly interval: AucInterval | null;
}

/** An interval of 95 %: auc ± 1.96 standard errors, held inside [0, 1]. */
export interface AucInterval {
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
}

/** AUC of `a` less that of `b` over the same rows. */
export interface AucDifference {
  readonly difference: number;
  readonly standardError: number;
  /** One-sided: how likely a difference this large is where there is none. */
  readonly pGreater: number;
}

/** Placement values, in the order of rows: of each up among the downs, and of each down among the ups. */
interface Placements {
  readonly ups: Float64Array;
  readonly downs: Float64Array;
  readonly auc: number;
}

const Z = normalQuantile(0.975);

/**
 * AUC with the confidence interval of DeLong, DeLong and Clarke-Pearson (1988), in O(n log n) (Sun and Xu 2014), ties included.
 * Null where a class is absent.
 */
export function estimateAuc(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): AucEstimate | null {
  const placed = placements(scores, up);
  if (placed === null) return null;
  const { ups, downs, auc } = placed;
  const rows = scores.length;
  if (ups.length === 1 || downs.length === 1) return { auc, rows, interval: null };
  const standardError = Math.sqrt(
    covariance(ups, ups) / ups.length + covariance(downs, downs) / downs.length,
  );
  const low = Math.max(0, auc - Z * standardError);
  const high = Math.min(1, auc + Z * standardError);
  return { auc, rows, interval: { low, high, standardError } };
}

/** Compares two models on the same rows (DeLong's test for paired curves). Null where a class has one row or none. */
export function aucDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  up: ArrayLike<boolean | number>,
): AucDifference | null {
  const first = placements(a, up);
  const second = placements(b, up);
  if (first === null || second === null || first.ups.length === 1 || first.downs.length === 1) return null;
  const difference = first.auc - second.auc;
  const variance = (key: 'ups' | 'downs') =>
    (covariance(first[key], first[key]) +
      covariance(second[key], second[key]) -
      2 * covariance(first[key], second[key])) /
    first[key].length;
  // Rounding can leave a variance a hair below zero where both models answer alike.
  const standardError = Math.sqrt(Math.max(0, variance('ups') + variance('downs')));
  return {
    difference,
    standardError,
    pGreater: standardError > 0 ? normalCdf(-difference / standardError) : difference > 0 ? 0 : 1,
  };
}

/** Null where a class is absent. */
function placements(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): Placements | null {
  const all = Float64Array.from(scores);
  const ups = all.filter((_, i) => Boolean(up[i]));
  const downs = all.filter((_, i) => !up[i]);
  if (ups.length === 0 || downs.length === 0) return null;
  const sortedUps = ups.slice().sort();
  const sortedDowns = downs.slice().sort();
  let halfWins = 0;
  const ofUps = ups.map((score) => {
    const half = halvesBelow(sortedDowns, score);
    halfWins += half;
    return half / 2 / downs.length;
  });
  return {
    ups: ofUps,
    downs: downs.map((score) => (ups.length - halvesBelow(sortedUps, score) / 2) / ups.length),
    // Whole numbers but for this division, as in `areaUnderCurve`.
    auc: halfWins / (2 * ups.length * downs.length),
  };
}

/** Twice the number of values below, and once that of equal ones. */
function halvesBelow(sorted: Float64Array, value: number): number {
  return firstNot(sorted, (other) => other < value) + firstNot(sorted, (other) => other <= value);
}

/** Index of the first value for which `holds` does not hold; it holds for all before. */
function firstNot(sorted: Float64Array, holds: (value: number) => boolean): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(sorted[middle]!)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Sample covariance, ddof = 1. */
function covariance(a: Float64Array, b: Float64Array): number {
  const n = a.length;
  const meanA = a.reduce((sum, x) => sum + x, 0) / n;
  const meanB = b.reduce((sum, x) => sum + x, 0) / n;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (a[i]! - meanA) * (b[i]! - meanB);
  return sum / (n - 1);
}
