import { isSymbol, SYMBOL_EXPECTED } from '../core/symbol.js';
import { type ValuePlace, wrongUsage } from './option-table.js';

const quoted = (text: string, { name }: ValuePlace) => `${name} ${JSON.stringify(text)}`;

/** A whole number within bounds. */
export const whole =
  (low: number, high: number) =>
  (text: string, place: ValuePlace): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= low && number <= high) return number;
    throw wrongUsage(place.command, `${quoted(text, place)} is no whole number from ${low} to ${high}`);
  };

/** A number within bounds. */
export const number =
  (low: number, high: number) =>
  (text: string, place: ValuePlace): number => {
    const value = Number(text);
    if (text.trim() !== '' && value >= low && value <= high) return value;
    throw wrongUsage(place.command, `${quoted(text, place)} is not a number from ${low} to ${high}`);
  };

/** UTC milliseconds of the start of a day written as `2024-01-31`. */
export function day(text: string, place: ValuePlace): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text)
    throw wrongUsage(
      place.command,
      `${quoted(text, place)} is not a valid date`,
      'write it as in 2024-01-31',
    );
  return ms;
}

const DAY_OR_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/;

/** UTC milliseconds of a date (2019-01-01) or time (2019-01-01T12:00Z). */
export function time(text: string, place: ValuePlace): number {
  const ms = DAY_OR_TIME.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 2019-02-31 for 3 March; a date that does not come back as it was is none.
  if (Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 10))) return ms;
  throw wrongUsage(
    place.command,
    `${quoted(text, place)} is no date`,
    'write it as in 2019-01-01 or 2019-01-01T12:00Z',
  );
}

/** A market's name in ccxt's form. */
export function symbol(text: string, place: ValuePlace): string {
  if (isSymbol(text)) return text;
  throw wrongUsage(place.command, `${quoted(text, place)} is not a symbol`, SYMBOL_EXPECTED);
}
