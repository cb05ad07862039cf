/** Places that a division keeps. */
const DIVISION_PLACES = 24;
/** Digits that always fit the whole numbers of a double. */
const SAFE_DIGITS = 15;
const SAFE_MAX = 9_007_199_254_740_991n;
/** Powers of ten that a double holds exactly. */
const EXACT_TENS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const NUMBER = /^(-?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const PLACES_MAX = 10_000;
const HALF_WAY = 10n ** BigInt(DIVISION_PLACES / 2);
const [MINUS, POINT, ZERO, NINE] = [45, 46, 48, 57] as const;

/** Toward zero, to the nearest with ties to even, or away from zero. */
export type Rounding = 'down' | 'half_even' | 'up';

const tens: bigint[] = [1n];

function ten(exponent: number): bigint {
  for (let i = tens.length; i <= exponent; i++) tens.push(tens[i - 1]! * 10n);
  return tens[exponent]!;
}

/**
 * A decimal number: a whole number of 10^−places units. Sums, differences and products are exact; a quotient keeps 24 places
 * and is rounded half to even. Values never change. Whole numbers of the engine's own carry it, since every restart reckons
 * all fills anew and every order asks the gate: digit by digit that is the dearest part of both.
 */
export class Decimal {
  readonly #units: bigint;
  readonly #places: number;

  private constructor(units: bigint, places: number) {
    this.#units = units;
    this.#places = places;
  }

  /** Parses decimal text or a finite number (by its shortest text). Throws for anything else. */
  static of(value: string | number | Decimal): Decimal {
    if (value instanceof Decimal) return value;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return new Decimal(BigInt(value), 0);
    const text = String(value);
    return Decimal.#short(text) ?? parse(text, (units, places) => new Decimal(units, places));
  }

  /** Plain text of so few digits that a double counts them: nearly all that ever comes. Null for any other. */
  static #short(text: string): Decimal | null {
    const first = text.charCodeAt(0) === MINUS ? 1 : 0;
    let size = 0;
    let point = -1;
    for (let i = first; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === POINT && point < 0) point = i;
      else if (code >= ZERO && code <= NINE) size = size * 10 + (code - ZERO);
      else return null;
    }
    const digits = text.length - first - (point < 0 ? 0 : 1);
    if (digits === 0 || digits > SAFE_DIGITS) return null;
    return new Decimal(BigInt(first === 1 ? -size : size), point < 0 ? 0 : text.length - 1 - point);
  }

  plus(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#at(places) + other.#at(places), places);
  }

  minus(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#at(places) - other.#at(places), places);
  }

  times(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    return new Decimal(this.#units * other.#units, this.#places + other.#places);
  }

  /** Throws when `value` is zero. */
  div(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    if (other.#units === 0n) throw new RangeError('a decimal was divided by zero');
    const shift = DIVISION_PLACES + other.#places - this.#places;
    const over = shift >= 0 ? this.#units * ten(shift) : this.#units;
    const under = shift >= 0 ? other.#units : other.#units * ten(-shift);
    const quotient = divided(over, under, 'half_even');
    // Most quotients are short: zeros that were dragged along would make all that follows longer.
    return quotient % HALF_WAY === 0n
      ? new Decimal(quotient / HALF_WAY, DIVISION_PLACES / 2)
      : new Decimal(quotient, DIVISION_PLACES);
  }

  /** What is left of this after whole multiples of `value`; with the sign of this. Throws when `value` is zero. */
  mod(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    if (other.#units === 0n) throw new RangeError('a decimal was divided by zero');
    const places = Math.max(this.#places, other.#places);
    return new Decimal(this.#at(places) % other.#at(places), places);
  }

  /** To a whole power. */
  pow(exponent: number): Decimal {
    if (exponent < 0) return Decimal.of(1).div(this.pow(-exponent));
    return new Decimal(this.#units ** BigInt(exponent), this.#places * exponent);
  }

  abs(): Decimal {
    return this.#units < 0n ? this.neg() : this;
  }

  neg(): Decimal {
    return new Decimal(-this.#units, this.#places);
  }

  round(places = 0, rounding: Rounding = 'half_even'): Decimal {
    if (places >= this.#places) return this;
    return new Decimal(divided(this.#units, ten(this.#places - places), rounding), places);
  }

  /** Below zero, zero or above zero as this is below, equal to or above `value`. */
  cmp(value: string | number | Decimal): number {
    const other = Decimal.of(value);
    const places = Math.max(this.#places, other.#places);
    const [a, b] = [this.#at(places), other.#at(places)];
    return a < b ? -1 : a > b ? 1 : 0;
  }

  eq(value: string | number | Decimal): boolean {
    return this.cmp(value) === 0;
  }

  gt(value: string | number | Decimal): boolean {
    return this.cmp(value) > 0;
  }

  gte(value: string | number | Decimal): boolean {
    return this.cmp(value) >= 0;
  }

  lt(value: string | number | Decimal): boolean {
    return this.cmp(value) < 0;
  }

  lte(value: string | number | Decimal): boolean {
    return this.cmp(value) <= 0;
  }

  /** The nearest double. */
  toNumber(): number {
    const units = this.#units;
    // Of two exact doubles the quotient is the double nearest to the truth.
    if (units <= SAFE_MAX && units >= -SAFE_MAX && this.#places < EXACT_TENS.length)
      return Number(units) / EXACT_TENS[this.#places]!;
    return Number(this.toFixed());
  }

  /** Plain text, as short as it goes; with as many places as are asked for, rounded half to even. */
  toFixed(places?: number): string {
    if (places === undefined) return shortest(plain(this.#units, this.#places, this.#units < 0n));
    const rounded = this.round(places);
    return plain(rounded.#at(places), places, this.#units < 0n);
  }

  toString(): string {
    return this.toFixed();
  }

  toJSON(): string {
    return this.toFixed();
  }

  #at(places: number): bigint {
    return places === this.#places ? this.#units : this.#units * ten(places - this.#places);
  }
}

function parse(text: string, make: (units: bigint, places: number) => Decimal): Decimal {
  const parts = NUMBER.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts ?? [];
  if (parts === null || whole.length + fraction.length === 0)
    throw new TypeError(`"${text.slice(0, 60)}" is no decimal number`);
  const digits = whole + fraction;
  const size = digits.length <= SAFE_DIGITS ? BigInt(Number(digits)) : BigInt(digits);
  const places = fraction.length - Number(exponent);
  if (Math.abs(places) > PLACES_MAX) throw new RangeError(`"${text.slice(0, 60)}" is out of bounds`);
  const units = sign === '-' ? -size : size;
  return places >= 0 ? make(units, places) : make(units * ten(-places), 0);
}

function divided(over: bigint, under: bigint, rounding: Rounding): bigint {
  const quotient = over / under;
  const rest = over - quotient * under;
  if (rest === 0n || rounding === 'down') return quotient;
  const away = over < 0n === under < 0n ? 1n : -1n;
  if (rounding === 'up') return quotient + away;
  const twice = (rest < 0n ? -rest : rest) * 2n - (under < 0n ? -under : under);
  return twice > 0n || (twice === 0n && quotient % 2n !== 0n) ? quotient + away : quotient;
}

function plain(units: bigint, places: number, negative: boolean): string {
  const digits = (units < 0n ? -units : units).toString();
  const sign = negative ? '-' : '';
  if (places === 0) return sign + digits;
  const padded = digits.padStart(places + 1, '0');
  return `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

function shortest(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return text.slice(0, end);
}
