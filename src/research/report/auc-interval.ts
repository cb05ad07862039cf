/** An area under the curve with its interval of confidence. */
export interface AucInterval {
  readonly auc: number;
  /** Null where a class has a single row, which tells nothing about its spread. */
  readonly standardError: number | null;
  /** auc ∓ 1.96 standard errors, inside [0, 1]. */
  readonly low: number | null;
  readonly high: number | null;
  readonly rows: number;
}

/** 97.5 % point of the normal distribution, for an interval of 95 %. */
const Z = 1.959963984540054;

/**
 * Area under the ROC curve with the variance of DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988): each up row's
 * share of down rows below it, each down row's share of up rows above it (ties one half), and the spread of both. Null
 * when one class is absent. O(n log n), after Sun & Xu (2014).
 */
export function aucInterval(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): AucInterval | null {
  const rows = scores.length;
  const ups = new Float64Array(rows);
  const downs = new Float64Array(rows);
  let m = 0;
  let n = 0;
  for (let i = 0; i < rows; i++) {
    if (up[i]) ups[m++] = scores[i]!;
    else downs[n++] = scores[i]!;
  }
  if (m === 0 || n === 0) return null;
  const above = ups.subarray(0, m).sort();
  const below = downs.subarray(0, n).sort();
  const wins = placements(above, below);
  const auc = mean(wins);
  if (m === 1 || n === 1) return { auc, standardError: null, low: null, high: null, rows };
  // A down row's share of up rows above it is one less its share of those below.
  const losses = placements(below, above);
  const standardError = Math.sqrt(variance(wins) / m + variance(losses) / n);
  return {
    auc,
    standardError,
    low: Math.max(0, auc - Z * standardError),
    high: Math.min(1, auc + Z * standardError),
    rows,
  };
}

/** Of each value its share of `others` that lie below it, ties counting one half. Both are sorted. */
function placements(values: Float64Array, others: Float64Array): Float64Array {
  const share = new Float64Array(values.length);
  let less = 0;
  let lessOrEqual = 0;
  for (let i = 0; i < values.length; i++) {
    while (less < others.length && others[less]! < values[i]!) less++;
    while (lessOrEqual < others.length && others[lessOrEqual]! <= values[i]!) lessOrEqual++;
    share[i] = (less + lessOrEqual) / 2 / others.length;
  }
  return share;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function variance(values: Float64Array): number {
  const centre = mean(values);
  let sum = 0;
  for (const value of values) sum += (value - centre) ** 2;
  return sum / (values.length - 1);
}
