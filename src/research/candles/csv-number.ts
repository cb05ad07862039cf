/**
 * Numbers and dates straight from the bytes of a CSV cell. A cell is bytes[from, to), already without blanks at its ends.
 * `undefined` says that the cell holds something else; NaN and infinities are values.
 */

const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => 10 ** i);
const ZERO = 48;
const NINE = 57;
const POINT = 46;
const MINUS = 45;
const PLUS = 43;
const DAY_MS = 86_400_000;

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
 */
export function parseNumber(bytes: Uint8Array, from: number, to: number): number | undefined {
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
    } else if (byte === POINT && decimals < 0) decimals = 0;
    else return parseUnusual(bytes, from, to);
  }
  if (digits === 0 || digits > 15) return parseUnusual(bytes, from, to);
  const size = decimals > 0 ? mantissa / POWERS_OF_TEN[decimals]! : mantissa;
  return sign === MINUS ? -size : size;
}

function parseUnusual(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to - from > 400) return undefined;
  const cell = String.fromCharCode(...bytes.subarray(from, to));
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(cell)) return Number(cell);
  return WORDS.get(cell.toLowerCase());
}

/**
 * UTC milliseconds of an ISO 8601 date (`2000-01-03`) or date and time (`2000-01-03T15:30[:00[.000]][Z]`, a blank in
 * place of the T). A date is its midnight; a time without a zone is UTC; any other zone is refused.
 */
export function parseDate(bytes: Uint8Array, from: number, to: number): number | undefined {
  const year = digitsAt(bytes, from, 4, to);
  const month = digitsAt(bytes, from + 5, 2, to);
  const day = digitsAt(bytes, from + 8, 2, to);
  if (bytes[from + 4] !== MINUS || bytes[from + 7] !== MINUS) return undefined;
  if (year < 1000 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const midnightMs = Date.UTC(year, month - 1, day);
  // Date.UTC carries 31 February over into March.
  if (new Date(midnightMs).getUTCDate() !== day) return undefined;
  if (to === from + 10) return midnightMs;
  const time = /^[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z?$/.exec(
    String.fromCharCode(...bytes.subarray(from + 10, Math.min(to, from + 40))),
  );
  if (!time || to > from + 40) return undefined;
  const [hours, minutes, seconds] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const ms =
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + Number((time[4] ?? '').padEnd(3, '0').slice(0, 3));
  return ms < DAY_MS ? midnightMs + ms : undefined;
}

function digitsAt(bytes: Uint8Array, at: number, count: number, to: number): number {
  if (at + count > to) return -1;
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const byte = bytes[i]!;
    if (byte < ZERO || byte > NINE) return -1;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}
