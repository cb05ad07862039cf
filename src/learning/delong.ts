import { areaUnderCurve } from '../core/auc.js';
import { normalCdf, normalQuantile } from '../core/normal.js';

/** An AUC and how far it can be trusted. */
export interface AucInterval {
  readonly auc: number;
  readonly standardError: number;
  /** auc ± z·standardError, held inside [0, 1]. */
  readonly low: number;
  readonly high: number;
}

/** AUC of `a` less that of `b` over the same rows. */
export interface AucDifference {
  readonly difference: number;
  readonly standardError: number;
  /** One-sided: how likely a difference this large is where there is none. */
  readonly pGreater: number;
}

/** Placement values: of each up among the downs, and of each down among the ups (ties count one half). */
interface Placements {
  readonly ups: Float64Array;
  readonly downs: Float64Array;
}

/**
 * AUC with the confidence interval of DeLong, DeLong and Clarke-Pearson (1988), by ranks (Sun and Xu 2014), ties included.
 * Null where a class is absent or has one row only. `level` is the interval's, two-sided.
 */
export function aucInterval(
  scores: ArrayLike<number>,
  up: ArrayLike<boolean | number>,
  level = 0.95,
): AucInterval | null {
  const placed = placements(scores, up);
  if (placed === null) return null;
  const auc = areaUnderCurve(scores, up)!;
  const standardError = Math.sqrt(
    covariance(placed.ups, placed.ups) / placed.ups.length +
      covariance(placed.downs, placed.downs) / placed.downs.length,
  );
  const reach = normalQuantile(0.5 + level / 2) * standardError;
  return { auc, standardError, low: Math.max(0, auc - reach), high: Math.min(1, auc + reach) };
}

/** Compares two models on the same rows (DeLong's test for paired curves). Null as in {@link aucInterval}. */
export function aucDifference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  up: ArrayLike<boolean | number>,
): AucDifference | null {
  const first = placements(a, up);
  const second = placements(b, up);
  if (first === null || second === null) return null;
  const difference = areaUnderCurve(a, up)! - areaUnderCurve(b, up)!;
  const variance = (key: keyof Placements) =>
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

function placements(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): Placements | null {
  const n = scores.length;
  const order = Float64Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let upCount = 0;
  for (let i = 0; i < n; i++) if (up[i]) upCount++;
  const downCount = n - upCount;
  if (upCount < 2 || downCount < 2) return null;
  // Value of each row by its place in the data, so that two models' placements stand side by side.
  const value = new Float64Array(n);
  let upsBelow = 0;
  let downsBelow = 0;
  for (let i = 0; i < n; ) {
    let j = i;
    let ups = 0;
    do {
      if (up[order[j]!]) ups++;
      j++;
    } while (j < n && scores[order[j]!] === scores[order[i]!]);
    const downs = j - i - ups;
    for (let k = i; k < j; k++) {
      value[order[k]!] = up[order[k]!]
        ? (downsBelow + downs / 2) / downCount
        : (upCount - upsBelow - ups / 2) / upCount;
    }
    upsBelow += ups;
    downsBelow += downs;
    i = j;
  }
  return {
    ups: value.filter((_, i) => Boolean(up[i])),
    downs: value.filter((_, i) => !up[i]),
  };
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
