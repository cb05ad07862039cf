import type { Calibration } from '../core/manifest.js';

const EDGE = 1e-6;
const STEPS_MAX = 100;

/** log(1 + exp(x)) without overflow. */
function softplus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/**
 * Fits 1/(1 + exp(a·logit(p) + b)) to out-of-bag probabilities by maximum likelihood: Platt's method with his smoothed
 * targets, Newton steps with backtracking (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector
 * machines", 2007). Rows without a probability (NaN) are left out.
 *
 * a is never above 0: where the probabilities order the rows worse than chance, a falling curve would turn every signal
 * round, so the base rate is answered instead (a = 0). Identity where no row, or one class only, is left.
 */
export function fitPlatt(probabilities: ArrayLike<number>, labels: ArrayLike<number>): Calibration {
  const logits: number[] = [];
  const ups: boolean[] = [];
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (!Number.isFinite(p)) continue;
    const inside = Math.min(1 - EDGE, Math.max(EDGE, p));
    logits.push(Math.log(inside / (1 - inside)));
    ups.push(labels[i] === 1);
  }
  const upCount = ups.filter(Boolean).length;
  const downCount = ups.length - upCount;
  if (upCount === 0 || downCount === 0) return { kind: 'identity' };

  const highTarget = (upCount + 1) / (upCount + 2);
  const lowTarget = 1 / (downCount + 2);
  const targets = ups.map((up) => (up ? highTarget : lowTarget));
  // −log likelihood; with z = a·x + b the calibrated probability is 1/(1 + exp(z)).
  const loss = (a: number, b: number) => {
    let sum = 0;
    for (let i = 0; i < logits.length; i++) {
      const z = a * logits[i]! + b;
      sum += softplus(-z) + targets[i]! * z;
    }
    return sum;
  };

  let a = 0;
  const baseRate = Math.log((downCount + 1) / (upCount + 1));
  let b = baseRate;
  let current = loss(a, b);
  for (let step = 0; step < STEPS_MAX; step++) {
    let haa = 1e-12;
    let hbb = 1e-12;
    let hab = 0;
    let ga = 0;
    let gb = 0;
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i]!;
      const p = 1 / (1 + Math.exp(a * x + b));
      const curvature = p * (1 - p);
      haa += x * x * curvature;
      hbb += curvature;
      hab += x * curvature;
      const slope = targets[i]! - p;
      ga += x * slope;
      gb += slope;
    }
    if (Math.abs(ga) < 1e-9 * logits.length && Math.abs(gb) < 1e-9 * logits.length) break;
    const determinant = haa * hbb - hab * hab;
    const da = -(hbb * ga - hab * gb) / determinant;
    const db = -(haa * gb - hab * ga) / determinant;
    let size = 1;
    let next = loss(a + da, b + db);
    while (next >= current && size > 1e-10) {
      size /= 2;
      next = loss(a + size * da, b + size * db);
    }
    if (!(next < current)) break;
    a += size * da;
    b += size * db;
    current = next;
  }
  return a <= 0 ? { kind: 'platt', a, b } : { kind: 'platt', a: 0, b: baseRate };
}
