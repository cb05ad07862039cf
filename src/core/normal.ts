/** erfc by W. J. Cody's rational approximations (1969), good to double precision. */
function erfc(x: number): number {
  const y = Math.abs(x);
  if (y <= 0.46875) return 1 - erfNear(x);
  let result: number;
  if (y <= 4) {
    let numerator = P2[8]! * y;
    let denominator = y;
    for (let i = 0; i < 7; i++) {
      numerator = (numerator + P2[i]!) * y;
      denominator = (denominator + Q2[i]!) * y;
    }
    result = (numerator + P2[7]!) / (denominator + Q2[7]!);
  } else {
    const z = 1 / (y * y);
    let numerator = P3[5]! * z;
    let denominator = z;
    for (let i = 0; i < 4; i++) {
      numerator = (numerator + P3[i]!) * z;
      denominator = (denominator + Q3[i]!) * z;
    }
    result = (z * (numerator + P3[4]!)) / (denominator + Q3[4]!);
    result = (SQRT_INVERSE_PI - result) / y;
  }
  // exp(−y²) in two factors, so that the square's rounding does not spoil the tail.
  const head = Math.trunc(y * 16) / 16;
  result *= Math.exp(-head * head) * Math.exp(-(y - head) * (y + head));
  return x < 0 ? 2 - result : result;
}

function erfNear(x: number): number {
  const z = x * x;
  let numerator = P1[4]! * z;
  let denominator = z;
  for (let i = 0; i < 3; i++) {
    numerator = (numerator + P1[i]!) * z;
    denominator = (denominator + Q1[i]!) * z;
  }
  return (x * (numerator + P1[3]!)) / (denominator + Q1[3]!);
}

const SQRT_INVERSE_PI = 0.5641895835477563;
const P1 = [
  3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.3775891384694, 0.18577770618460315,
];
const Q1 = [23.601290952344122, 244.02463793444417, 1282.6165260773723, 2844.236833439171];
const P2 = [
  0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
  1712.0476126340707, 2051.0783778260716, 1230.3393547979972, 2.1531153547440383e-8,
];
const Q2 = [
  15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597,
  4362.619090143247, 3439.3676741437216, 1230.3393548037495,
];
const P3 = [
  0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275, 0.0006587491615298378,
  0.016315387137302097,
];
const Q3 = [
  2.568520192289822, 1.8729528499234604, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918,
];

/** P(Z ≤ z) of the standard normal distribution. */
export function normalCdf(z: number): number {
  return 0.5 * erfc(-z / Math.SQRT2);
}

/**
 * The z with P(Z ≤ z) = p. Acklam's rational approximation, brought to double precision by two steps of Halley's method on
 * {@link normalCdf}. −∞ at 0, ∞ at 1, NaN outside.
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  // By symmetry only the lower half is computed: there the distribution function loses no digits.
  if (p > 0.5) return -normalQuantile(1 - p);
  let z = roughQuantile(p);
  for (let step = 0; step < 2; step++) {
    const error = normalCdf(z) - p;
    const u = error * Math.sqrt(2 * Math.PI) * Math.exp((z * z) / 2);
    z -= u / (1 + (z * u) / 2);
  }
  return z;
}

function roughQuantile(p: number): number {
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    const top =
      ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
        q +
        4.374664141464968) *
        q +
      2.938163982698783;
    const bottom =
      (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) *
        q +
      1;
    return top / bottom;
  }
  const q = p - 0.5;
  const r = q * q;
  const top =
    (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
    q;
  const bottom =
    ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
    1;
  return top / bottom;
}
