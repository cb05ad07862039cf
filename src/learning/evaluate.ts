import { areaUnderCurve } from '../core/auc.js';
import { applyCalibration } from '../core/calibration.js';
import type { Calibration } from '../core/manifest.js';

export interface Evaluation {
  readonly auc: number | null;
  /** Mean squared distance of probability and outcome; 0.25 is what always answering one half earns. */
  readonly brier: number | null;
  readonly brierCalibrated: number | null;
  /** Of always answering `baseRate`. */
  readonly brierBaseRate: number | null;
}

/** Mean of (p − outcome)² over rows with a probability; null without one (Brier 1950). */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  let sum = 0;
  let rows = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (Number.isNaN(p)) continue;
    sum += (p - labels[i]!) ** 2;
    rows++;
  }
  return rows === 0 ? null : sum / rows;
}

/** How good probabilities are on rows that the model has not seen. `baseRate` is the share of ups in its training rows. */
export function evaluate(
  probabilities: Float64Array,
  labels: Uint8Array,
  calibration: Calibration,
  baseRate: number,
): Evaluation {
  return {
    auc: areaUnderCurve(probabilities, labels),
    brier: brierScore(probabilities, labels),
    brierCalibrated: brierScore(
      probabilities.map((p) => applyCalibration(calibration, p)),
      labels,
    ),
    brierBaseRate: brierScore(new Float64Array(labels.length).fill(baseRate), labels),
  };
}

/** AUC over the rows that some tree has not seen. */
export function outOfBagAuc(outOfBag: Float64Array, labels: Uint8Array): number | null {
  const kept = Array.from(outOfBag.keys()).filter((i) => !Number.isNaN(outOfBag[i]!));
  return areaUnderCurve(
    kept.map((i) => outOfBag[i]!),
    kept.map((i) => labels[i]!),
  );
}
