import { areaUnderCurve } from '../../core/auc.js';

/** AUC of the last `window` resolved predictions; null with fewer than that, or with one class only. */
export function rollingAuc(
  scores: readonly number[],
  up: readonly (boolean | number)[],
  window: number,
): number | null {
  if (scores.length < window) return null;
  return areaUnderCurve(scores.slice(-window), up.slice(-window));
}
