import type { CandleColumns } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { CLOCK_CELL, type CsvLayout, KEY_CELL, quoted } from './csv-layout.js';
import { parseNumber } from './csv-number.js';
import { parseClock, parseDate } from './csv-time.js';
import { EpochColumn } from './epoch-column.js';

/** The rows of a CSV text, with the way back from a row to its line. */
export interface CandleRows {
  /** In the order of the file. */
  readonly columns: CandleColumns;
  /** The number of the line that row i begins on, the first one being line 1. */
  line(i: number): number;
}

const NEWLINE = 10;
const RETURN = 13;
const BLANK = 32;
const QUOTE = 34;
/** Longer than any row: a quote that nobody closes would else swallow the file. */
const ROW_BYTES_MAX = 1 << 20;
const INCOMPLETE = -1;

/**
 * Reads candles out of CSV (RFC 4180: cells in quotes, with separators, quotes and line ends in them) as its bytes come, by hand:
 * no text is made but for messages. Line ends are LF, CRLF or CR; blank lines are no rows. Faults: `E_CSV_LINE`, `E_TIME_UNIT`.
 */
export class CandleCsvReader {
  readonly #path: string;
  readonly #layout: CsvLayout;
  readonly #cells: readonly Float64Array[];
  readonly #epoch: EpochColumn;
  /** Places where the lines leave the count of rows: row and line by turns. */
  readonly #jumps: number[] = [];
  #line: number;
  #rows = 0;
  #rest: Buffer = Buffer.alloc(0);
  #skip: number;
  #clockMs = 0;
  readonly #keys: string[] = [];
  #keyAt = 0;
  #keyRow = -1;

  /** `rowsMax` rows at most are made room for. */
  constructor(path: string, layout: CsvLayout, rowsMax: number) {
    this.#path = path;
    this.#layout = layout;
    this.#line = layout.linesBefore;
    this.#skip = layout.bytesBefore;
    this.#cells = Array.from({ length: 6 }, () => new Float64Array(rowsMax));
    this.#epoch = new EpochColumn(path, layout.names[0]!, layout.time.isMs);
  }

  push(chunk: Buffer): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    const fresh = chunk.subarray(skipped);
    this.#read(this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]), false);
  }

  finish(): CandleRows {
    this.#read(this.#rest, true);
    const [openMs, open, high, low, close, volume] = this.#cells.map((cells) =>
      cells.subarray(0, this.#rows),
    );
    if (this.#layout.time.kind === 'number') this.#epoch.finish(openMs!);
    const jumps = Float64Array.from(this.#jumps);
    return {
      columns: {
        length: this.#rows,
        openMs: openMs!,
        open: open!,
        high: high!,
        low: low!,
        close: close!,
        volume: volume!,
      },
      line: (i) => lineOf(jumps, i),
    };
  }

  /** Whole rows out of the bytes; what is left of them waits for the next ones. */
  #read(bytes: Buffer, isLast: boolean): void {
    let at = 0;
    while (at < bytes.length) {
      const next = this.#readLine(bytes, at, isLast);
      if (next === INCOMPLETE) {
        if (bytes.length - at > ROW_BYTES_MAX) {
          throw this.#fault(`begins a row of more than ${ROW_BYTES_MAX} bytes`, 'close the quote in it');
        }
        break;
      }
      at = next;
    }
    this.#rest = bytes.subarray(at);
  }

  #readLine(bytes: Buffer, at: number, isLast: boolean): number {
    const first = bytes[at]!;
    if (first === NEWLINE || first === RETURN) {
      const next = afterLineEnd(bytes, at, isLast);
      if (next !== INCOMPLETE) this.#line++;
      return next;
    }
    const line = this.#line++;
    const next = this.#readRow(bytes, at, isLast);
    if (next === INCOMPLETE) {
      this.#line = line;
      return next;
    }
    const known = this.#jumps.length;
    if (known === 0 || line + 1 - this.#jumps[known - 1]! !== this.#rows - this.#jumps[known - 2]!) {
      this.#jumps.push(this.#rows, line + 1);
    }
    this.#rows++;
    return next;
  }

  /** Reads the row that begins at `start` on line `#line`, and returns where the next line begins. */
  #readRow(bytes: Buffer, start: number, isLast: boolean): number {
    const { delimiter, slots } = this.#layout;
    const end = bytes.length;
    let at = start;
    let lineEnds = 0;
    let field = 0;
    for (; ; at++) {
      let from = at;
      let to: number;
      while (bytes[from] === BLANK) from++;
      if (bytes[from] === QUOTE) {
        to = closingQuote(bytes, from + 1);
        if (to === INCOMPLETE) return isLast ? this.#unclosed() : INCOMPLETE;
        at = to + 1;
        lineEnds += countLineEnds(bytes, ++from, to);
        while (bytes[at] === BLANK) at++;
        if (at < end && bytes[at] !== delimiter && bytes[at] !== NEWLINE && bytes[at] !== RETURN) {
          throw this.#fault('holds text behind a closing quote', 'repair or delete that line');
        }
      } else {
        for (; at < end; at++) {
          const byte = bytes[at]!;
          if (byte === delimiter || byte === NEWLINE || byte === RETURN) break;
        }
        to = at;
        if (from > to) from = to;
      }
      if (at === end && !isLast) return INCOMPLETE;
      const slot = field < slots.length ? slots[field]! : -1;
      if (slot >= 0) this.#take(slot, bytes, from, to);
      field++;
      if (at === end || bytes[at] !== delimiter) break;
    }
    const next = at === end ? end : afterLineEnd(bytes, at, isLast);
    if (next === INCOMPLETE) return next;
    if (field !== slots.length) throw this.#wrongFields(field);
    if (this.#layout.slots.includes(CLOCK_CELL)) this.#cells[0]![this.#rows]! += this.#clockMs;
    this.#line += lineEnds;
    return next;
  }

  #take(slot: number, bytes: Buffer, from: number, cellEnd: number): void {
    let to = cellEnd;
    while (to > from && bytes[to - 1] === BLANK) to--;
    while (from < to && bytes[from] === BLANK) from++;
    if (slot === KEY_CELL) {
      this.#takeKey(bytes.toString('utf8', from, to));
      return;
    }
    const value = this.#valueOf(slot, bytes, from, to);
    if (value === undefined) throw this.#badCell(slot, bytes.toString('utf8', from, to));
    if (slot === CLOCK_CELL) this.#clockMs = value;
    else {
      const column = this.#cells[slot]!;
      if (this.#rows >= column.length) throw this.#changed();
      column[this.#rows] = value;
    }
  }

  #valueOf(slot: number, bytes: Buffer, from: number, to: number): number | undefined {
    if (slot === CLOCK_CELL) return parseClock(bytes, from, to);
    if (slot > 0) return parseNumber(bytes, from, to, this.#layout.decimalMark);
    return this.#layout.time.kind === 'date'
      ? (parseDate(bytes, from, to) ?? noValue(bytes, from, to))
      : this.#epoch.parse(bytes, from, to, this.#rows, this.#line);
  }

  /** Rows of several markets in one file would be one market's prices that jump to and fro. */
  #takeKey(text: string): void {
    if (this.#keyRow !== this.#rows) {
      this.#keyRow = this.#rows;
      this.#keyAt = 0;
    }
    const known = this.#keys[this.#keyAt];
    if (known === undefined) this.#keys.push(text);
    else if (known !== text) {
      throw badInput(
        'E_CSV_COLUMN',
        `${this.#path}:${this.#line} is of ${quoted(text)}, the rows before of ${quoted(known)}`,
        'give each market and timeframe a file of its own',
      );
    }
    this.#keyAt++;
  }

  #fault(what: string, remedy: string): Error {
    return badInput('E_CSV_LINE', `${this.#path}:${this.#line} ${what}`, remedy);
  }

  #unclosed(): never {
    throw this.#fault('opens a quote that nothing closes', 'repair that line, or fetch the file again');
  }

  #changed(): Error {
    return badInput(
      'E_FILE_UNREADABLE',
      `${this.#path} has grown while it was read`,
      'wait until it is whole, or copy it',
    );
  }

  #wrongFields(found: number): Error {
    return this.#fault(
      `has ${found} ${found === 1 ? 'field' : 'fields'} where the header has ${this.#layout.slots.length}`,
      'repair or delete that line; a file cut off in the middle must be fetched again',
    );
  }

  #badCell(slot: number, cell: string): Error {
    const isDate = slot === CLOCK_CELL || (slot === 0 && this.#layout.time.kind === 'date');
    const wanted = isDate ? 'no ISO date' : 'no number';
    const name = this.#layout.names[slot];
    return this.#fault(`holds ${wanted} in column "${name}": ${quoted(cell)}`, 'repair or delete that line');
  }
}

/** NaN for an empty cell or nan; undefined for all else. */
function noValue(bytes: Buffer, from: number, to: number): number | undefined {
  const value = to - from > 4 ? undefined : parseNumber(bytes, from, to);
  return Number.isNaN(value) ? value : undefined;
}

function lineOf(jumps: Float64Array, row: number): number {
  let low = 0;
  let high = jumps.length / 2 - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jumps[2 * middle]! <= row) low = middle;
    else high = middle - 1;
  }
  return jumps[2 * low + 1]! + row - jumps[2 * low]!;
}

/** Behind the line end at `at`; a CR at the end of the bytes may be half of one. */
function afterLineEnd(bytes: Buffer, at: number, isLast: boolean): number {
  if (bytes[at] !== RETURN) return at + 1;
  if (at + 1 === bytes.length && !isLast) return INCOMPLETE;
  return bytes[at + 1] === NEWLINE ? at + 2 : at + 1;
}

/** The place of the quote that closes a cell; two quotes are one in its text. */
function closingQuote(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 2)) {
    if (at + 1 < bytes.length && bytes[at + 1] === QUOTE) continue;
    return at;
  }
  return INCOMPLETE;
}

function countLineEnds(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    if (bytes[at] === NEWLINE) count++;
    else if (bytes[at] === RETURN && bytes[at + 1] !== NEWLINE) count++;
  }
  return count;
}
