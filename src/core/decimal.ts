/** Places that a division keeps. */
const DIVISION_PLACES = 24;
/** Digits that always fit the whole numbers of a double. */
const SAFE_DIGITS = 15;
const SAFE_MAX = 9_007_199_254_740_991n;
/** Powers of ten that a double holds exactly. */
const EXACT_TENS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const NUMBER = /^(-?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const PLACES_MAX = 10_000;
/** Places at which a quotient is looked at for coming out even; beyond, it is worked out to the end. */
const SHORT_QUOTIENTS = [0, 4, 8] as const;
const [MINUS, POINT, ZERO, NINE] = [45, 46, 48, 57] as const;

/** Toward zero, to the nearest with ties to even, or away from zero. */
export type Rounding = 'down' | 'half_even' | 'up';

/** A whole number: of a double's own up to 2^53 − 1 in size, where it is exact and quick; a bigint beyond. Never −0. */
type Whole = number | bigint;

const tens: bigint[] = [1n];

function ten(exponent: number): bigint {
  for (let i = tens.length; i <= exponent; i++) tens.push(tens[i - 1]! * 10n);
  return tens[exponent]!;
}

/** Of two whole numbers a double's sum or product is exact wherever it is safe, and never looks safe where it is not. */
const isExact = Number.isSafeInteger;

function whole(value: bigint): Whole {
  return value <= SAFE_MAX && value >= -SAFE_MAX ? Number(value) : value;
}

/** `value` · 10^`exponent`. */
function scaled(value: Whole, exponent: number): Whole {
  if (exponent === 0) return value;
  if (typeof value === 'number' && exponent < EXACT_TENS.length) {
    const product = value * EXACT_TENS[exponent]!;
    if (isExact(product)) return product;
  }
  return whole(BigInt(value) * ten(exponent));
}

/**
 * A decimal number: a whole number of 10^−places units. Sums, differences and products are exact; a quotient keeps 24 places
 * and is rounded half to even. Values never change. Whole numbers of the engine's own carry it, since every restart computes
 * all fills again and every order asks the gate: digit by digit that is the most expensive part of both. Nearly all money fits the
 * whole numbers of a double; what does not is carried by a bigint, with the same figures.
 */
export class Decimal {
  readonly #units: Whole;
  readonly #places: number;

  private constructor(units: Whole, places: number) {
    this.#units = units;
    this.#places = places;
  }

  /** Parses decimal text or a finite number (by its shortest text). Throws for anything else. */
  static of(value: string | number | Decimal): Decimal {
    if (value instanceof Decimal) return value;
    if (typeof value === 'number' && isExact(value)) return new Decimal(value + 0, 0);
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
    return new Decimal((first === 1 ? -size : size) + 0, point < 0 ? 0 : text.length - 1 - point);
  }

  plus(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    const places = Math.max(this.#places, other.#places);
    const [a, b] = [this.#at(places), other.#at(places)];
    if (typeof a === 'number' && typeof b === 'number' && isExact(a + b)) return new Decimal(a + b, places);
    return new Decimal(whole(BigInt(a) + BigInt(b)), places);
  }

  minus(value: string | number | Decimal): Decimal {
    return this.plus(Decimal.of(value).neg());
  }

  times(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    const [a, b] = [this.#units, other.#units];
    const places = this.#places + other.#places;
    if (typeof a === 'number' && typeof b === 'number' && isExact(a * b))
      return new Decimal(a * b + 0, places);
    return new Decimal(whole(BigInt(a) * BigInt(b)), places);
  }

  /** Throws when `value` is zero. */
  div(value: string | number | Decimal): Decimal {
    const other = this.#divisor(value);
    const places = Math.max(this.#places, other.#places);
    const [a, b] = [this.#at(places), other.#at(places)];
    if (typeof a === 'number' && typeof b === 'number') {
      // Most quotients of money come out even, and early.
      for (const short of SHORT_QUOTIENTS) {
        const over = a * EXACT_TENS[short]!;
        if (!isExact(over)) break;
        if (over % b === 0) return new Decimal(over / b + 0, short);
      }
    }
    const over = BigInt(a) * ten(DIVISION_PLACES);
    return new Decimal(quotient(over, b, 'half_even'), DIVISION_PLACES);
  }

  /** What is left of this after whole multiples of `value`; with the sign of this. Throws when `value` is zero. */
  mod(value: string | number | Decimal): Decimal {
    const other = this.#divisor(value);
    const places = Math.max(this.#places, other.#places);
    const [a, b] = [this.#at(places), other.#at(places)];
    if (typeof a === 'number' && typeof b === 'number') return new Decimal((a % b) + 0, places);
    return new Decimal(whole(BigInt(a) % BigInt(b)), places);
  }

  /** The multiple of `step` next to this; for `half_even` of two as near the even one. Throws when `step` is zero. */
  toMultiple(step: Decimal, rounding: Rounding): Decimal {
    const divisor = this.#divisor(step);
    const places = Math.max(this.#places, divisor.#places);
    const count = quotient(this.#at(places), divisor.#at(places), rounding);
    return divisor.times(new Decimal(count, 0));
  }

  /** To a whole power. */
  pow(exponent: number): Decimal {
    if (exponent < 0) return Decimal.of(1).div(this.pow(-exponent));
    return new Decimal(whole(BigInt(this.#units) ** BigInt(exponent)), this.#places * exponent);
  }

  abs(): Decimal {
    return this.#units < 0 ? this.neg() : this;
  }

  neg(): Decimal {
    return new Decimal(typeof this.#units === 'number' ? 0 - this.#units : -this.#units, this.#places);
  }

  round(places = 0, rounding: Rounding = 'half_even'): Decimal {
    if (places >= this.#places) return this;
    return new Decimal(quotient(this.#units, scaled(1, this.#places - places), rounding), places);
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
    if (typeof units === 'number' && this.#places < EXACT_TENS.length)
      return units / EXACT_TENS[this.#places]!;
    return Number(this.toFixed());
  }

  /** Plain text, as short as it goes; with as many places as are asked for, rounded half to even. */
  toFixed(places?: number): string {
    if (places === undefined) return shortest(plain(this.#units, this.#places, this.#units < 0));
    const rounded = this.round(places);
    return plain(rounded.#at(places), places, this.#units < 0);
  }

  toString(): string {
    return this.toFixed();
  }

  toJSON(): string {
    return this.toFixed();
  }

  #at(places: number): Whole {
    return scaled(this.#units, places - this.#places);
  }

  #divisor(value: string | number | Decimal): Decimal {
    const other = Decimal.of(value);
    if (other.#units === 0) throw new RangeError('a decimal was divided by zero');
    return other;
  }
}

function parse(text: string, make: (units: Whole, places: number) => Decimal): Decimal {
  const parts = NUMBER.exec(text);
  const [, sign = '', integer = '', fraction = '', exponent = '0'] = parts ?? [];
  if (parts === null || integer.length + fraction.length === 0)
    throw new TypeError(`"${text.slice(0, 60)}" is no decimal number`);
  const digits = integer + fraction;
  const size = digits.length <= SAFE_DIGITS ? Number(digits) : whole(BigInt(digits));
  const places = fraction.length - Number(exponent);
  if (Math.abs(places) > PLACES_MAX) throw new RangeError(`"${text.slice(0, 60)}" is out of bounds`);
  const units = sign === '-' && size !== 0 ? -size : size;
  return places >= 0 ? make(units, places) : make(scaled(units, -places), 0);
}

function quotient(over: Whole, under: Whole, rounding: Rounding): Whole {
  if (typeof over === 'number' && typeof under === 'number') {
    const rest = over % under;
    const towardZero = (over - rest) / under;
    if (rest === 0 || rounding === 'down') return towardZero + 0;
    // Not twice the rest, which may be no safe whole number any more.
    const beyondHalf = Math.abs(rest) - (Math.abs(under) - Math.abs(rest));
    return towardZero + (movesAway(rounding, beyondHalf, towardZero % 2 !== 0) ? signOf(over, under) : 0) + 0;
  }
  const [a, b] = [BigInt(over), BigInt(under)];
  const towardZero = a / b;
  const rest = a - towardZero * b;
  if (rest === 0n || rounding === 'down') return whole(towardZero);
  const beyondHalf = (rest < 0n ? -rest : rest) * 2n - (b < 0n ? -b : b);
  const moves = movesAway(rounding, beyondHalf, towardZero % 2n !== 0n);
  return whole(moves ? towardZero + BigInt(signOf(over, under)) : towardZero);
}

function movesAway(rounding: Rounding, beyondHalf: Whole, odd: boolean): boolean {
  return rounding === 'up' || beyondHalf > 0 || (beyondHalf >= 0 && odd);
}

function signOf(over: Whole, under: Whole): number {
  return over < 0 === under < 0 ? 1 : -1;
}

function plain(units: Whole, places: number, negative: boolean): string {
  const digits = (units < 0 ? -units : units).toString();
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
