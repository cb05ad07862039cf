import type { CandleColumns } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { parseDate, parseNumber } from './csv-number.js';

/** The rows of a CSV text, with the way back from a row to its line. */
export interface CandleRows {
  /** In the order of the file. */
  readonly columns: CandleColumns;
  /** The text of row i's line. */
  raw(i: number): string;
  /** The number of row i's line, the header being line 1. */
  line(i: number): number;
}

const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;
const NEWLINE = 10;
const RETURN = 13;
const BLANK = 32;
const COMMA = 44;

/**
 * Splits the bytes of a candle CSV by hand: one pass, no text is made but for messages. `path` names the place in the
 * faults `E_CSV_EMPTY`, `E_CSV_COLUMN` and `E_CSV_LINE`. Blank lines are no rows.
 */
export function parseCandleCsv(path: string, bytes: Buffer): CandleRows {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (bytes.toString('latin1', start, start + 4096).trim() === '') {
    throw badInput(
      'E_CSV_EMPTY',
      `${path} is empty`,
      'give a candle file with a header and at least one row',
    );
  }
  const headerEnd = endOfLine(bytes, start);
  const layout = readHeader(path, bytes.toString('utf8', start, headerEnd));

  let capacity = 1;
  for (let i = headerEnd; i >= 0 && i < bytes.length; i = bytes.indexOf(NEWLINE, i + 1)) capacity++;
  const starts = new Float64Array(capacity);
  const lines = new Uint32Array(capacity);
  const cells = layout.fields.map(() => new Float64Array(capacity));

  let length = 0;
  let line = 1;
  for (let at = headerEnd + 1; at < bytes.length; ) {
    line++;
    if (bytes[at] === NEWLINE || (bytes[at] === RETURN && bytes[at + 1] === NEWLINE)) {
      at = endOfLine(bytes, at) + 1;
      continue;
    }
    starts[length] = at;
    lines[length] = line;
    at = readLine(path, bytes, at, line, layout, cells, length) + 1;
    length++;
  }
  if (length === 0) {
    throw badInput('E_CSV_EMPTY', `${path} has a header but no rows`, 'give a file with at least one candle');
  }
  const [openMs, open, high, low, close, volume] = cells.map((column) => column.subarray(0, length));
  return {
    columns: {
      length,
      openMs: openMs!,
      open: open!,
      high: high!,
      low: low!,
      close: close!,
      volume: volume!,
    },
    raw: (i) => bytes.toString('utf8', starts[i]!, endOfLine(bytes, starts[i]!)).replace(/\r$/, ''),
    line: (i) => lines[i]!,
  };
}

/** Reads the cells of the line that starts at `start` into place `row` of `cells`; returns where the line ends. */
function readLine(
  path: string,
  bytes: Buffer,
  start: number,
  line: number,
  layout: Layout,
  cells: readonly Float64Array[],
  row: number,
): number {
  const { slots, dated } = layout;
  const end = bytes.length;
  let field = 0;
  let cellStart = start;
  let at = start;
  for (; ; at++) {
    const byte = at < end ? bytes[at]! : NEWLINE;
    if (byte !== COMMA && byte !== NEWLINE) continue;
    const slot = field < slots.length ? slots[field]! : -1;
    if (slot >= 0) {
      let from = cellStart;
      let to = at;
      if (to > from && bytes[to - 1] === RETURN) to--;
      while (to > from && bytes[to - 1] === BLANK) to--;
      while (from < to && bytes[from] === BLANK) from++;
      const value = slot === 0 && dated ? parseDate(bytes, from, to) : parseNumber(bytes, from, to);
      if (value === undefined) {
        throw badCell(path, line, layout.fields[slot]!, bytes.toString('utf8', from, to));
      }
      cells[slot]![row] = value;
    }
    field++;
    cellStart = at + 1;
    if (byte === NEWLINE) break;
  }
  if (field !== slots.length) {
    throw badInput(
      'E_CSV_LINE',
      `${path}:${line} has ${field} ${field === 1 ? 'field' : 'fields'} where the header has ${slots.length}`,
      'repair or delete that line; a file cut off in the middle must be fetched again',
    );
  }
  return at;
}

interface Layout {
  /** For each column of the file: its place in `fields`, or −1 when it is left out. */
  readonly slots: readonly number[];
  readonly fields: readonly string[];
  readonly dated: boolean;
}

function readHeader(path: string, text: string): Layout {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  const dated = !names.includes('timestamp_ms');
  const fields = [dated ? 'date' : 'timestamp_ms', ...VALUES];
  for (const field of fields) {
    const found = names.filter((name) => name === field).length;
    if (found === 1) continue;
    const wanted = field === 'date' ? '"timestamp_ms" or "date"' : `"${field}"`;
    throw badInput(
      'E_CSV_COLUMN',
      `${path}:1 has ${found === 0 ? 'no' : 'more than one'} column ${wanted} (header: ${quoted(text)})`,
      'the header must be timestamp_ms,open,high,low,close,volume or date,open,high,low,close,volume',
    );
  }
  return { slots: names.map((name) => fields.indexOf(name)), fields, dated };
}

function badCell(path: string, line: number, field: string, cell: string): Error {
  const wanted = field === 'date' ? 'no ISO date' : 'no number';
  return badInput(
    'E_CSV_LINE',
    `${path}:${line} holds ${wanted} in column "${field}": ${quoted(cell)}`,
    'repair or delete that line',
  );
}

/** Foreign text for a message: one line, no control characters, not long. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function endOfLine(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(NEWLINE, from);
  return at < 0 ? bytes.length : at;
}
