import { badInput } from '../../core/errors.js';
import { headerless } from './csv-headerless.js';
import {
  BROKER_TIME,
  CELLS,
  CLOCK_CELL,
  type CsvLayout,
  DELIMITERS,
  type HeadLine,
  headLines,
  isClock,
  isDate,
  KEY_CELL,
  quoted,
  splitCells,
  timeForm,
} from './csv-layout.js';

const HEADER_LINES_MAX = 12;

/** Names of a column, the preferred one first. As the vendors in docs/research.md write them, without marks and capitals. */
const TIMES = [
  'timestamp_ms',
  'open_ms',
  'open_time',
  'unix',
  'unix_timestamp',
  'timestamp',
  'datetime',
  'date',
  'time',
  'start',
  't',
  'close_time',
];
const ALIASES: readonly (readonly string[])[] = [
  TIMES,
  ['open', 'o'],
  ['high', 'h'],
  ['low', 'l'],
  ['close', 'c'],
  ['volume', 'v', 'tickvol', 'vol'],
];
const KEYS = ['symbol', 'ticker', 'per', 'exchange', 'timeframe', 'interval'];

/**
 * Recognises the layout of a CSV text from its first bytes. Throws `E_CSV_COLUMN` where no line of them is a header and the
 * first is no row of a form that comes without one.
 */
export function recogniseLayout(path: string, head: Buffer): CsvLayout {
  const lines = headLines(head);
  const bare = headerless(path, lines);
  if (bare !== undefined) return bare;
  for (const [i, { text }] of lines.slice(0, HEADER_LINES_MAX).entries()) {
    for (const delimiter of DELIMITERS) {
      const names = splitCells(text, delimiter).map(plainName);
      if (names.length < CELLS.length - 3 || !isHeader(names)) continue;
      return layoutOf(path, lines, i, delimiter, names);
    }
  }
  return refuseHeader(path, lines);
}

function isHeader(names: readonly string[]): boolean {
  return columnOfTime(names) >= 0 && [1, 2, 3, 4, 5].every((cell) => columnOfCell(names, cell) >= 0);
}

function layoutOf(
  path: string,
  lines: readonly HeadLine[],
  at: number,
  delimiter: string,
  names: string[],
): CsvLayout {
  // yfinance writes three header lines: Price,Close,…; Ticker,AAPL,…; Date,,… (yfinance's issue 2355).
  const isYfinance = names[0] === 'price';
  if (isYfinance) names[0] = 'date';
  for (const [cell, aliases] of ALIASES.entries()) {
    const name = names[cell === 0 ? columnOfTime(names) : columnOfCell(names, cell)]!;
    if (names.filter((other) => other === name).length > 1) {
      throw badInput(
        'E_CSV_COLUMN',
        `${path}:${at + 1} has more than one column "${name}" (header: ${quoted(lines[at]!.text)})`,
        `name one column ${aliases[0]}, and give other markets files of their own`,
      );
    }
  }
  const last = isYfinance ? at + 2 : at;
  const slots = names.map(() => -1);
  const time = columnOfTime(names);
  ALIASES.forEach((_, cell) => {
    slots[cell === 0 ? time : columnOfCell(names, cell)] = cell;
  });
  names.forEach((name, column) => {
    if (slots[column] === -1 && KEYS.includes(name)) slots[column] = KEY_CELL;
  });
  const rows = lines.slice(last + 1).filter(({ text }) => text !== '');
  const cells = splitCells(rows[0]?.text ?? '', delimiter);
  const clock = names[time] === 'date' ? names.indexOf('time') : -1;
  if (clock >= 0 && isClock(cells[clock] ?? '')) slots[clock] = CLOCK_CELL;
  const date = names.findIndex((name, column) => column !== time && (name === 'date' || name === 'datetime'));
  const format = vendorOf(lines, names, isYfinance);
  return {
    format,
    delimiter: delimiter.charCodeAt(0),
    decimalMark: decimalMarkOf(rows, delimiter, slots),
    linesBefore: lines[last]?.lines ?? 0,
    bytesBefore: lines[last]?.next ?? 0,
    slots,
    names: CELLS.map((_, cell) => names[slots.indexOf(cell)] ?? ''),
    time: timeForm(cells[time] ?? '', names[time]!),
    dateColumn: date >= 0 && isDate(cells[date] ?? '') ? date : -1,
    notes: format.startsWith('MetaTrader') ? [BROKER_TIME] : [],
  };
}

function columnOfTime(names: readonly string[]): number {
  const named = TIMES.map((name) => names.indexOf(name)).find((column) => column >= 0) ?? -1;
  return named < 0 && names[0] === 'price' ? 0 : named;
}

function columnOfCell(names: readonly string[], cell: number): number {
  const named = ALIASES[cell]!.map((name) => names.indexOf(name)).find((column) => column >= 0) ?? -1;
  // CryptoDataDownload has a volume of each currency: "Volume BTC", the base's, comes first.
  return named < 0 && cell === 5 ? names.findIndex((name) => name.startsWith('volume_')) : named;
}

/** The vendors' forms as docs/research.md lists them, with the public page that shows each. */
function vendorOf(lines: readonly HeadLine[], names: readonly string[], isYfinance: boolean): string {
  const has = (...wanted: readonly string[]) => wanted.every((name) => names.includes(name));
  if (isYfinance) return 'yfinance';
  if (/cryptodatadownload/i.test(lines[0]!.text)) return 'CryptoDataDownload';
  if (has('tickvol', 'spread')) return 'MetaTrader 5';
  if (has('ticker', 'per', 'date', 'time')) return 'Stooq';
  if (has('open_time', 'close_time')) return 'Binance public data';
  if (has('trade_count', 'vwap') || has('t', 'o', 'h', 'l', 'c', 'v')) return 'Alpaca';
  if (has('adj_close')) return 'Yahoo';
  if (names[1] === 'low' && names[2] === 'high') return 'Coinbase';
  return names[0] === 'time' ? 'TradingView' : 'CSV';
}

/** A comma where the first rows write one in their numbers and the columns are set apart by something else, or by quotes. */
function decimalMarkOf(lines: readonly HeadLine[], delimiter: string, slots: readonly number[]): number {
  for (const { text } of lines.slice(0, 100)) {
    const cells = splitCells(text, delimiter);
    for (const [column, slot] of slots.entries()) {
      if (slot < 1 || slot > 5) continue;
      const cell = cells[column] ?? '';
      if (/^[+-]?\d+,\d+$/.test(cell)) return ','.charCodeAt(0);
      if (/^[+-]?\d+\.\d+$/.test(cell)) return '.'.charCodeAt(0);
    }
  }
  return '.'.charCodeAt(0);
}

function refuseHeader(path: string, lines: readonly HeadLine[]): never {
  const [first] = lines;
  const text = first?.text ?? '';
  const split = DELIMITERS.map((delimiter) => splitCells(text, delimiter).map(plainName));
  const names = split.reduce((best, one) => (one.length > best.length ? one : best));
  const cell = ALIASES.findIndex((_, i) => (i === 0 ? columnOfTime(names) < 0 : columnOfCell(names, i) < 0));
  const wanted = cell <= 0 ? '"timestamp_ms" or "date"' : `"${CELLS[cell]}"`;
  throw badInput(
    'E_CSV_COLUMN',
    `${path}:1 has no column ${wanted} (header: ${quoted(text)})`,
    'the header must be timestamp_ms,open,high,low,close,volume or date,open,high,low,close,volume, or a vendor’s as in docs/research.md',
  );
}

/** `<DATE>`, `[Date]`, `Open time` and `Adj Close` as date, open_time and adj_close. */
function plainName(name: string): string {
  return name
    .trim()
    .replace(/^[<[(](.*)[>\])]$/, '$1')
    .toLowerCase()
    .replace(/[ -]+/g, '_');
}
