import Big from 'big.js';

/**
 * Python's `round(x, digits)`: correct rounding of the exact binary value, ties to even. The product never rounds; the
 * article does, so its vectors are compared after this.
 */
export function pythonRound(x: number, digits: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const rounded = Number(exact(x).round(digits, Big.roundHalfEven).toFixed());
  return x < 0 && rounded === 0 ? -0 : rounded;
}

/** The double's exact value: an integer times a power of two. */
function exact(x: number): Big {
  let exponent = 0;
  let mantissa = x;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent++;
  }
  // 5^k/10^k in place of 1/2^k keeps the decimal exact.
  return new Big(BigInt(mantissa).toString()).times(new Big(5).pow(exponent)).times(`1e-${exponent}`);
}
