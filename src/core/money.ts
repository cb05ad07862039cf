import Big from 'big.js';

/**
 * Decimal arithmetic for what exchanges state as decimal text. Division keeps 24 places and rounds half to even;
 * sums and products are exact.
 */
Big.DP = 24;
Big.RM = Big.roundHalfEven;
Big.NE = -30;
Big.PE = 30;

export type Decimal = Big;

/** Parses decimal text or a finite number (by its shortest text). Throws for anything else. */
export function decimal(value: string | number | Big): Decimal {
  return new Big(value);
}

/** Plain decimal text without exponent. */
export function text(value: Decimal): string {
  return value.toFixed();
}

/** The multiple of `step` nearest to zero from `value`: never rounds an amount up. `step` must be positive. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  return value.div(step).round(0, Big.roundDown).times(step);
}

/** The multiple of `tick` nearest to `value`. */
export function roundToTick(value: Decimal, tick: Decimal): Decimal {
  return value.div(tick).round(0, Big.roundHalfEven).times(tick);
}
