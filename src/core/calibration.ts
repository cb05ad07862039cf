import type { Calibration } from './manifest.js';

const EDGE = 1e-6;

/**
 * The calibrated probability for a raw one. `platt`: 1/(1 + exp(a·logit(p) + b)), with p held inside [1e-6, 1 − 1e-6]
 * for the logit (Platt 1999, on log-odds). `isotonic`: straight lines between the curve's points, flat outside. Never
 * rounds; NaN stays NaN.
 */
export function applyCalibration(calibration: Calibration, p: number): number {
  if (calibration.kind === 'identity' || Number.isNaN(p)) return p;
  if (calibration.kind === 'isotonic') return onCurve(calibration.x, calibration.y, p);
  const inside = Math.min(1 - EDGE, Math.max(EDGE, p));
  const logit = Math.log(inside / (1 - inside));
  return 1 / (1 + Math.exp(calibration.a * logit + calibration.b));
}

function onCurve(x: readonly number[], y: readonly number[], p: number): number {
  const last = x.length - 1;
  if (p <= x[0]!) return y[0]!;
  if (p >= x[last]!) return y[last]!;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle]! <= p) low = middle;
    else high = middle;
  }
  return y[low]! + ((p - x[low]!) / (x[high]! - x[low]!)) * (y[high]! - y[low]!);
}
