import { parseClock, parseDate } from './csv-time.js';

/** Where a CSV file has what, found out from its first lines. */
export interface CsvLayout {
  /** The vendor whose form it is, or `CSV`. */
  readonly format: string;
  readonly delimiter: number;
  /** The byte of the decimal point, or of the comma in its place. */
  readonly decimalMark: number;
  /** Lines before the first row, and their bytes. */
  readonly linesBefore: number;
  readonly bytesBefore: number;
  /** For each column of the file its place in `CELLS`, or −1 where it is left out. */
  readonly slots: readonly number[];
  /** The file's own names of those cells. */
  readonly names: readonly string[];
  readonly time: TimeForm;
  /** A second column of times, as text: read where the first one's units are mixed. */
  readonly dateColumn: number;
  /** What a reader of the candles should know. */
  readonly notes: readonly string[];
}

export interface TimeForm {
  readonly kind: 'number' | 'date';
  /** Numbers too small for any unit are milliseconds, as the column's name says. */
  readonly isMs: boolean;
  /** They are of the bars' closing. */
  readonly isClosing: boolean;
}

/** The cells that are read of a row; the last ones are the time of day beside a date, and what the row is of. */
export const CELLS = ['time', 'open', 'high', 'low', 'close', 'volume', 'clock', 'key'] as const;
export const CLOCK_CELL = 6;
export const KEY_CELL = 7;

export const DELIMITERS = [',', ';', '\t', '|'];

/** A line of the head, with the place in the bytes where the next one begins. */
export interface HeadLine {
  readonly text: string;
  readonly next: number;
  /** Lines up to its end: a cell in quotes may have line ends in it. */
  readonly lines: number;
}

export const BROKER_TIME =
  'MetaTrader writes its broker’s time without a zone, which is read as UTC: shift it where that broker has another';

export function timeForm(sample: string, name: string): TimeForm {
  return {
    // 20240102 is a date, since no epoch time of eight digits is of a market's.
    kind: sample === '' || isPlainNumber(sample) ? 'number' : 'date',
    isMs: name.endsWith('_ms'),
    isClosing: name === 'close_time',
  };
}

const isPlainNumber = (text: string) =>
  /^[+-]?(?:\d+(?:[.,]\d*)?|\.\d+)(?:e[+-]?\d+)?$|^[+-]?(?:nan|null|inf|infinity)$/i.test(text) &&
  !(/^(?:19|20)\d{6}$/.test(text) && isDate(text));

export function isDate(text: string): boolean {
  const bytes = Buffer.from(text);
  const value = parseDate(bytes, 0, bytes.length);
  return value !== undefined && !Number.isNaN(value);
}

export function isClock(text: string): boolean {
  const bytes = Buffer.from(text);
  return text !== '' && parseClock(bytes, 0, bytes.length) !== undefined;
}

/** The cells of one line, without quotes and blanks around them. */
export function splitCells(line: string, delimiter: string): string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    const found = /^ *"((?:[^"]|"")*)" */.exec(line.slice(at));
    const end = line.indexOf(delimiter, at + (found?.[0].length ?? 0));
    const stop = end < 0 ? line.length : end;
    cells.push(found ? found[1]!.replaceAll('""', '"') : line.slice(at, stop).trim());
    if (end < 0) return cells;
    at = end + 1;
  }
}

/** The rows of the head, a last one that may be cut off included; at most as many as anybody asks for. */
export function headLines(head: Buffer): readonly HeadLine[] {
  const rows: HeadLine[] = [];
  let lines = 0;
  for (let at = 0; at < head.length && rows.length < 120; ) {
    let end = at;
    for (let isQuoted = false; end < head.length; end++) {
      const byte = head[end]!;
      if (byte === 34) isQuoted = !isQuoted;
      if (byte === 10 || (byte === 13 && head[end + 1] !== 10)) {
        lines++;
        if (!isQuoted) break;
      }
    }
    rows.push({ text: head.toString('utf8', at, end).replace(/\r$/, ''), next: end + 1, lines });
    at = end + 1;
  }
  return rows;
}

/** Foreign text for a message: one line, no control characters, not long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
