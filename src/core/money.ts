import { Decimal } from './decimal.js';

export type { Decimal } from './decimal.js';

/** Parses decimal text or a finite number (by its shortest text). Throws for anything else. */
export function decimal(value: string | number | Decimal): Decimal {
  return Decimal.of(value);
}

/** Plain decimal text without exponent. */
export function text(value: Decimal): string {
  return value.toFixed();
}

/** The multiple of `step` nearest to zero from `value`: never rounds an amount up. `step` must be positive. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  return value.toMultiple(step, 'down');
}

/** The multiple of `tick` nearest to `value`. */
export function roundToTick(value: Decimal, tick: Decimal): Decimal {
  return value.toMultiple(tick, 'half_even');
}
