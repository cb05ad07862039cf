import { badInput } from '../../core/errors.js';
import { type Decimal, decimal, text } from '../../core/money.js';

/** Places after the point of the money columns, DECIMAL(38, 18). */
export const MONEY_SCALE = 18;
const UNIT = decimal(10).pow(MONEY_SCALE);
const LIMIT = 10n ** 38n;

/**
 * Decimal text as the integer of 10⁻¹⁸ units that DECIMAL(38, 18) stores. Nothing is rounded: text that is no decimal or
 * does not fit exactly is `E_DECIMAL`, with `place` in the message.
 */
export function toMoneyUnits(value: string, place: string): bigint {
  let parsed: Decimal;
  try {
    parsed = decimal(value);
  } catch (error) {
    throw badInput(
      'E_DECIMAL',
      `${place}: "${value}" is no decimal number`,
      'send plain decimal text',
      error,
    );
  }
  const scaled = parsed.times(UNIT);
  if (!scaled.eq(scaled.round(0)))
    throw badInput(
      'E_DECIMAL',
      `${place}: "${value}" has more than ${MONEY_SCALE} places after the point`,
      'this exchange is not supported; report it',
    );
  const units = BigInt(scaled.toFixed(0));
  if (units >= LIMIT || units <= -LIMIT)
    throw badInput(
      'E_DECIMAL',
      `${place}: "${value}" has more than 20 places before the point`,
      'this exchange is not supported; report it',
    );
  return units;
}

/** The shortest plain text of that many 10⁻¹⁸ units: `1500000000000000000n` is `1.5`. */
export function fromMoneyUnits(units: bigint): string {
  return text(decimal(units.toString()).times(decimal(10).pow(-MONEY_SCALE)));
}

/** Text that is read back as it stands: no zero or sign too many, and within the column's places. */
const CANONICAL = /^(?:0|-?[1-9]\d{0,19}(?:\.\d{0,17}[1-9])?|-?0\.\d{0,17}[1-9])$/;

/** Decimal text in the form it is read back in; throws as {@link toMoneyUnits}. */
export function canonicalMoney(value: string, place: string): string {
  if (CANONICAL.test(value)) return value;
  return fromMoneyUnits(toMoneyUnits(value, place));
}
