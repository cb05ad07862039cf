/**
 * Times straight from the bytes of a CSV cell, which is bytes[from, to) without blanks at its ends. A time is in UTC
 * milliseconds; a part below one is kept as a fraction of at most 0.999, so that …59.999999 never becomes the next minute.
 */

const ZERO = 48;
const NINE = 57;
const MINUS = 45;
const DAY_MS = 86_400_000;

/** The units that an epoch time comes in, told by range: each holds 1979 to 2103, and no two overlap. */
export const TIME_UNITS = ['seconds', 'milliseconds', 'microseconds', 'nanoseconds'] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

const RANGE_FROM = 3e8;
const RANGE_TO = 4.2e9;

/** Of the number's size; undefined where it lies in no range. */
export function timeUnitOf(value: number): TimeUnit | undefined {
  let seconds = Math.abs(value);
  for (const unit of TIME_UNITS) {
    if (seconds >= RANGE_FROM && seconds < RANGE_TO) return unit;
    seconds /= 1000;
  }
  return undefined;
}

/** Milliseconds of an epoch time of that unit, from its text: 19 digits of nanoseconds do not fit a double. */
export function epochMs(text: string, unit: TimeUnit): number {
  const power = 3 * TIME_UNITS.indexOf(unit) - 3;
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d*)(?:[.,](\d*))?$/.exec(text) ?? [];
  const digits = power > 0 ? whole : whole + fraction.padEnd(-power, '0').slice(0, -power);
  const rest = power > 0 ? whole.slice(-power) : fraction.slice(-power);
  const ms = Number(power > 0 ? digits.slice(0, -power) : digits) + fractionMs(rest);
  return sign === '-' ? -ms : ms;
}

/** Digits behind the millisecond as a fraction of it. */
function fractionMs(digits: string): number {
  const value = digits === '' ? 0 : Number(`0.${digits}`);
  return value === 0 ? 0 : Math.min(0.999, Math.max(0.001, value));
}

/**
 * UTC milliseconds of an ISO 8601 date (`2000-01-03`, a midnight) or date and time: `T` or a blank between them, seconds and
 * any number of decimals where wanted, `Z`, `UTC` or an offset (`+02`, `+0200`, `+02:00`) at the end; without one it is UTC.
 * The date may also be 2000.01.03 (MetaTrader), 2000/01/03 or 20000103 (Stooq). `undefined` says that the cell holds
 * something else.
 */
export function parseDate(bytes: Uint8Array, from: number, to: number): number | undefined {
  const separated = bytes[from + 4]! < ZERO || bytes[from + 4]! > NINE;
  const step = separated ? 1 : 0;
  const year = digitsAt(bytes, from, 4, to);
  const month = digitsAt(bytes, from + 4 + step, 2, to);
  const day = digitsAt(bytes, from + 6 + 2 * step, 2, to);
  if (separated && !(isSeparator(bytes[from + 4]!) && bytes[from + 7] === bytes[from + 4])) return undefined;
  if (year < 1000 || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const midnightMs = Date.UTC(year, month - 1, day);
  // Date.UTC carries 31 February over into March.
  if (new Date(midnightMs).getUTCDate() !== day) return undefined;
  const dayEnd = from + 8 + 2 * step;
  if (to === dayEnd) return midnightMs;
  if (to > dayEnd + 40) return undefined;
  const ms = timeOfDay(String.fromCharCode(...bytes.subarray(dayEnd, to)));
  return ms === undefined ? undefined : midnightMs + ms;
}

/** Milliseconds since midnight of `15:30`, `15:30:00`, `153000` or `1530`, as files have it that give the time a column. */
export function parseClock(bytes: Uint8Array, from: number, to: number): number | undefined {
  if (to - from > 20) return undefined;
  const text = String.fromCharCode(...bytes.subarray(from, to));
  const plain = /^(\d{1,6})$/.exec(text)?.[1];
  return timeOfDay(`T${plain === undefined ? text : plain.padStart(plain.length > 4 ? 6 : 4, '0')}`);
}

const CLOCK =
  /^(?:[T ]|$)(?:(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?(?: ?(?:Z|UTC|GMT)| ?([+-])(\d\d)(?::?(\d\d))?)?$/;
/** CryptoDataDownload's older files: `2019-10-17 09-AM`. */
const HALF_DAY = /^ (\d\d)-(AM|PM)$/;

function timeOfDay(text: string): number | undefined {
  const half = HALF_DAY.exec(text);
  if (half) {
    const hours = Number(half[1]);
    return hours >= 1 && hours <= 12 ? ((hours % 12) + (half[2] === 'PM' ? 12 : 0)) * 3_600_000 : undefined;
  }
  const found = CLOCK.exec(text);
  if (!found) return undefined;
  const [hours, minutes, seconds] = [Number(found[1] ?? 0), Number(found[2] ?? 0), Number(found[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  const fraction = found[4] ?? '';
  const ms =
    ((hours * 60 + minutes) * 60 + seconds) * 1000 +
    Number(fraction.slice(0, 3).padEnd(3, '0')) +
    fractionMs(fraction.slice(3));
  const [offsetHours, offsetMinutes] = [Number(found[6] ?? 0), Number(found[7] ?? 0)];
  if (offsetHours > 18 || offsetMinutes > 59) return undefined;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return ms < DAY_MS ? ms - (found[5] === '-' ? -offsetMs : offsetMs) : undefined;
}

/** `-`, `.` or `/`. */
const isSeparator = (byte: number) => byte >= MINUS && byte <= MINUS + 2;

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
