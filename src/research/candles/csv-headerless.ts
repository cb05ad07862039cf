import { badInput } from '../../core/errors.js';
import {
  BROKER_TIME,
  CELLS,
  type CsvLayout,
  DELIMITERS,
  type HeadLine,
  isClock,
  isDate,
  quoted,
  splitCells,
  timeForm,
} from './csv-layout.js';

/** Rows looked at to tell the order of the prices. */
const ROWS = 100;

/** Open, high, low, close, volume behind the time, as nearly all vendors have them, and Coinbase's order. */
const USUAL = [1, 2, 3, 4, 5];
const COINBASE = [3, 2, 1, 4, 5];

/**
 * The layout of a file without a header: its first line is a time and numbers. Which of them is which is told by the number of
 * columns and by the prices themselves. Undefined where the first line is no such row; throws `E_CSV_COLUMN` where the order of its
 * columns cannot be told.
 */
export function headerless(path: string, lines: readonly HeadLine[]): CsvLayout | undefined {
  const first = lines[0]?.text ?? '';
  for (const delimiter of DELIMITERS) {
    const cells = splitCells(first, delimiter);
    if (cells.length < 6 || !(isNumber(cells[0]!) || isDate(cells[0]!))) continue;
    const hasClock = isDate(cells[0]!) && isClock(cells[1]!) && cells[1]!.includes(':');
    const at = hasClock ? 2 : 1;
    if (cells.length < at + 5 || !cells.slice(at, at + 5).every(isNumber)) continue;
    const rows = lines
      .slice(0, ROWS)
      .map(({ text }) => splitCells(text, delimiter).map((cell) => Number(cell.replace(',', '.'))));
    const slots = cells.map(() => -1);
    slots[0] = 0;
    if (hasClock) slots[1] = CELLS.indexOf('clock');
    orderOf(path, rows, at, first).forEach((cell, i) => {
      slots[at + i] = cell;
    });
    const format = vendorOf(cells, hasClock, slots);
    return {
      format,
      delimiter: delimiter.charCodeAt(0),
      decimalMark: (cells.slice(at).some((cell) => cell.includes(',')) ? ',' : '.').charCodeAt(0),
      linesBefore: 0,
      bytesBefore: 0,
      slots,
      names: CELLS,
      time: timeForm(cells[0]!, 'time'),
      dateColumn: -1,
      notes: hasClock ? [BROKER_TIME] : [],
    };
  }
  return undefined;
}

/** Places in CELLS of the five columns from `at` on. The highest and the lowest of the first rows tell them. */
function orderOf(
  path: string,
  rows: readonly (readonly number[])[],
  at: number,
  first: string,
): readonly number[] {
  const fitting = (high: number, low: number) =>
    rows.filter((row) => {
      const prices = row.slice(at, at + 4);
      return row[at + high] === Math.max(...prices) && row[at + low] === Math.min(...prices);
    }).length;
  const [usual, coinbase] = [fitting(1, 2), fitting(1, 0)];
  // Some rows of a true file may be bad; where both orders fit all rows, open is low in each, and both read the same.
  if (Math.max(usual, coinbase) >= rows.length / 2) return coinbase > usual ? COINBASE : USUAL;
  throw badInput(
    'E_CSV_COLUMN',
    `${path}:1 has no header, and its prices stand in no known order: ${quoted(first)}`,
    'write a header line, as in timestamp_ms,open,high,low,close,volume',
  );
}

function vendorOf(cells: readonly string[], hasClock: boolean, slots: readonly number[]): string {
  if (hasClock) return 'MetaTrader 4';
  if (cells.length === 12) return 'Binance public data';
  if (slots[1] === COINBASE[0]) return 'Coinbase';
  return cells.length === 7 ? 'Kraken' : 'CSV';
}

const isNumber = (text: string) => /^[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?$/i.test(text);
