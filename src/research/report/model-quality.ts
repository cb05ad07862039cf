import { type AucEstimate, estimateAuc } from '../../learning/delong.js';

/** Predictions whose horizon has closed, in the order of bars. */
export interface ResolvedPredictions {
  readonly length: number;
  /** The bar at which the outcome was known. */
  readonly knownAt: Uint32Array;
  readonly probabilityUp: Float64Array;
  readonly up: Uint8Array;
}

/** One step of a reliability table: how often what was called likely came true. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly meanProbability: number;
  /** Share of the rows that went up, and its interval of 95 % (Wilson's). */
  readonly upShare: number;
  readonly low: number;
  readonly high: number;
}

/** The rolling AUC at some of the bars; the other elements are NaN. */
export interface RollingAuc {
  readonly auc: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

const RELIABILITY_BINS = 10;
const Z = 1.959963984540054;
/** Places at which the rolling AUC is computed; a screen shows no more of so noisy a line. */
const ROLLING_PLACES_MAX = 240;

/** Puts predictions and closes together: up is a close above that of the prediction's own bar, `horizonBars` later. */
export function resolvePredictions(
  probabilityUp: Float64Array,
  close: Float64Array,
  horizonBars: number,
): ResolvedPredictions {
  const n = close.length;
  const knownAt = new Uint32Array(n);
  const probability = new Float64Array(n);
  const up = new Uint8Array(n);
  let length = 0;
  for (let i = horizonBars; i < n; i++) {
    const p = probabilityUp[i - horizonBars]!;
    if (Number.isNaN(p)) continue;
    knownAt[length] = i;
    probability[length] = p;
    up[length] = close[i]! > close[i - horizonBars]! ? 1 : 0;
    length++;
  }
  return {
    length,
    knownAt: knownAt.subarray(0, length),
    probabilityUp: probability.subarray(0, length),
    up: up.subarray(0, length),
  };
}

/** AUC of all resolved predictions; null with one class only. */
export function overallAuc({ probabilityUp, up }: ResolvedPredictions): AucEstimate | null {
  return estimateAuc(probabilityUp, up);
}

/** AUC of the last `window` resolved predictions at evenly spaced bars, with DeLong's interval. */
export function rollingAucCurve(resolved: ResolvedPredictions, bars: number, window: number): RollingAuc {
  const blank = () => new Float64Array(bars).fill(Number.NaN);
  const curve = { auc: blank(), low: blank(), high: blank() };
  const { length, knownAt, probabilityUp, up } = resolved;
  const step = Math.max(1, Math.ceil((length - window) / ROLLING_PLACES_MAX));
  for (let last = window - 1; last < length; last += step) {
    const from = last - window + 1;
    const found = estimateAuc(probabilityUp.subarray(from, last + 1), up.subarray(from, last + 1));
    if (found === null) continue;
    const bar = knownAt[last]!;
    curve.auc[bar] = found.auc;
    curve.low[bar] = found.interval?.low ?? Number.NaN;
    curve.high[bar] = found.interval?.high ?? Number.NaN;
  }
  return curve;
}

/** Ten equal steps of probability; steps without a row are left out. */
export function reliability({ length, probabilityUp, up }: ResolvedPredictions): readonly ReliabilityBin[] {
  const rows = new Float64Array(RELIABILITY_BINS);
  const sums = new Float64Array(RELIABILITY_BINS);
  const ups = new Float64Array(RELIABILITY_BINS);
  for (let i = 0; i < length; i++) {
    const bin = Math.min(RELIABILITY_BINS - 1, Math.floor(probabilityUp[i]! * RELIABILITY_BINS));
    rows[bin]!++;
    sums[bin]! += probabilityUp[i]!;
    ups[bin]! += up[i]!;
  }
  const bins: ReliabilityBin[] = [];
  for (let bin = 0; bin < RELIABILITY_BINS; bin++) {
    const n = rows[bin]!;
    if (n === 0) continue;
    bins.push({
      from: bin / RELIABILITY_BINS,
      to: (bin + 1) / RELIABILITY_BINS,
      rows: n,
      meanProbability: sums[bin]! / n,
      upShare: ups[bin]! / n,
      ...wilson(ups[bin]!, n),
    });
  }
  return bins;
}

/** Interval of a share by E. B. Wilson (1927): it stays inside [0, 1] and holds for few rows too. */
function wilson(hits: number, n: number): { low: number; high: number } {
  const share = hits / n;
  const spread = Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n * n));
  const scale = 1 + Z ** 2 / n;
  const centre = share + Z ** 2 / (2 * n);
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}
