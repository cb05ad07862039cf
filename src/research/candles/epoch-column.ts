import { badInput } from '../../core/errors.js';
import { parseNumber } from './csv-number.js';
import { epochMs, TIME_UNITS, type TimeUnit, timeUnitOf } from './csv-time.js';

const LETTER_E = 101;

/** A column of epoch times as it is read: each row's unit is told by range, and in the end all must have one. */
export class EpochColumn {
  readonly #path: string;
  readonly #name: string;
  readonly #isMs: boolean;
  /** The line on which each unit was first seen. */
  readonly #firstLines = new Map<TimeUnit, number>();
  /** Rows whose number is too small for any unit. */
  readonly #plainRows: number[] = [];
  #smallest = Number.POSITIVE_INFINITY;
  #last: TimeUnit | undefined;

  /** Where no row tells its unit, `isMs` says that the column's name does. */
  constructor(path: string, name: string, isMs: boolean) {
    this.#path = path;
    this.#name = name;
    this.#isMs = isMs;
  }

  /** Milliseconds, or for numbers of no unit the number itself; NaN for no value, undefined for anything else. */
  parse(bytes: Buffer, from: number, to: number, row: number, line: number): number | undefined {
    const value = parseNumber(bytes, from, to);
    if (value === undefined || Number.isNaN(value)) return value;
    const unit = timeUnitOf(value);
    if (unit === undefined) {
      if (!Number.isFinite(value)) return value;
      this.#plainRows.push(row);
      this.#smallest = Math.min(this.#smallest, value);
      return value;
    }
    if (unit !== this.#last) {
      if (!this.#firstLines.has(unit)) this.#firstLines.set(unit, line);
      this.#last = unit;
    }
    // A spreadsheet shows 1.70407E+12, and stores what it shows.
    for (let at = from; at < to; at++) if ((bytes[at]! | 32) === LETTER_E) return undefined;
    if (unit === 'milliseconds' && Number.isInteger(value)) return value;
    return epochMs(bytes.toString('latin1', from, to), unit);
  }

  /** Brings numbers too small to tell their unit into the column's. Throws `E_TIME_UNIT` where it has none, or several. */
  finish(times: Float64Array): void {
    const units = [...this.#firstLines].sort((a, b) => a[1] - b[1]);
    if (units.length > 1) {
      const seen = units.map(([unit, line]) => `${unit} (from line ${line} on)`);
      throw this.#fault(`mixes ${seen.join(' and ')}`, 'write all times in one unit, or split the file');
    }
    if (this.#plainRows.length === 0) return;
    const unit = this.#isMs && units.every(([one]) => one === 'seconds') ? 'milliseconds' : units[0]?.[0];
    if (unit === 'milliseconds' && units[0]?.[0] === 'seconds') this.#backToMs(times);
    if (unit === undefined) {
      throw this.#fault(
        `holds no times in ${TIME_UNITS.join(', ')}: ${this.#smallest} is of no year that fits`,
        'write epoch times or ISO dates',
      );
    }
    const factor = 1000 ** (1 - TIME_UNITS.indexOf(unit));
    if (factor !== 1) for (const row of this.#plainRows) times[row]! *= factor;
  }

  /** A column named after milliseconds that begins in 1970 passes through the range of seconds: it is what its name says. */
  #backToMs(times: Float64Array): void {
    const plain = new Set(this.#plainRows);
    for (let row = 0; row < times.length; row++) if (!plain.has(row)) times[row]! /= 1000;
  }

  #fault(what: string, remedy: string): Error {
    return badInput('E_TIME_UNIT', `${this.#path}: column "${this.#name}" ${what}`, remedy);
  }
}
