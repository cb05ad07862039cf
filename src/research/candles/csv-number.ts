/**
 * Numbers straight from the bytes of a CSV cell. A cell is bytes[from, to), already without blanks at its ends.
 * `undefined` says that the cell holds something else; NaN and infinities are values.
 */

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);
const ZERO = 48;
const NINE = 57;
const POINT = 46;
const MINUS = 45;
const PLUS = 43;

const WORDS: ReadonlyMap<string, number> = new Map([
  ['', Number.NaN],
  ['nan', Number.NaN],
  ['null', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * The double nearest to a decimal number. Up to 15 digits are read by hand: the digits and the power of ten are then both
 * exact doubles, so one division rounds correctly (Clinger 1990); all else goes through the language's own parser.
 * `decimalMark` is the byte of the point, or of the comma that stands for it.
 */
export function parseNumber(
  bytes: Uint8Array,
  from: number,
  to: number,
  decimalMark = POINT,
): number | undefined {
  let i = from;
  const sign = bytes[i];
  if (sign === MINUS || sign === PLUS) i++;
  let mantissa = 0;
  let digits = 0;
  let decimals = -1;
  for (; i < to; i++) {
    const byte = bytes[i]!;
    if (byte >= ZERO && byte <= NINE) {
      mantissa = mantissa * 10 + (byte - ZERO);
      digits++;
      if (decimals >= 0) decimals++;
    } else if (byte === decimalMark && decimals < 0) decimals = 0;
    else return parseUnusual(bytes, from, to, decimalMark);
  }
  if (digits === 0 || digits > 15) return parseUnusual(bytes, from, to, decimalMark);
  const size = decimals > 0 ? mantissa / POWERS_OF_TEN[decimals]! : mantissa;
  return sign === MINUS ? -size : size;
}

function parseUnusual(bytes: Uint8Array, from: number, to: number, decimalMark: number): number | undefined {
  if (to - from > 400) return undefined;
  const written = String.fromCharCode(...bytes.subarray(from, to));
  // With decimal commas a point would be a thousand's: such a cell is no number here.
  const cell = decimalMark === POINT ? written : written.replace('.', '?').replace(',', '.');
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(cell)) return Number(cell);
  return WORDS.get(cell.toLowerCase());
}
