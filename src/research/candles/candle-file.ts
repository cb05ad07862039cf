import { createHash } from 'node:crypto';
import type { CandleColumns } from '../../core/candle.js';
import { badInput, RedbuttonError } from '../../core/errors.js';
import { CandleCsvReader, type CandleRows } from './candle-csv.js';
import { recogniseLayout } from './csv-header.js';
import type { CsvLayout } from './csv-layout.js';
import { rawRows } from './raw-rows.js';
import { openStored, type StoredBytes } from './stored-bytes.js';

/** Rows of a candle file as they stand there, unchecked: any cell may be NaN or infinite, any order, any duplicates. */
export interface CandleFile {
  readonly path: string;
  /** sha256 of the file's bytes as stored (compressed, where it is). */
  readonly sha256: string;
  /** Whose form of CSV it is, as in `Kraken`; `CSV` where that is nobody's. */
  readonly format: string;
  /** What a reader of the candles should know. */
  readonly notes: readonly string[];
  /** Times are of the bars' closing, as the column's name says. */
  readonly isClosing: boolean;
  /** In the order of the file. */
  readonly columns: CandleColumns;
  /** The number of the line that row i begins on, the first one being line 1. */
  line(i: number): number;
  /** The text of the rows at these places, which rise, as it stands in the file; it is read again for them. */
  raws(rows: Iterable<number>): AsyncIterable<string>;
}

/** The forms of a candle file, for the help text of the commands that read one. */
export const CANDLE_FILE_HELP = `A candle file is CSV, plain or in gzip, zip or Zstandard. Columns:
  timestamp_ms,open,high,low,close,volume   open time in UTC milliseconds, or
  date,open,high,low,close,volume           ISO date (= its UTC midnight) or
                                            date and time, UTC or with an offset
in any order; other columns (adjclose …) are left out. Times may also be in
seconds, micro- or nanoseconds, all in one unit. Files of Binance, Kraken,
Coinbase, CryptoDataDownload, TradingView, MetaTrader, Yahoo, yfinance, Stooq and
Alpaca are recognised: docs/research.md. An empty cell, nan and inf are values,
which validation refuses.
`;

const HEAD_BYTES = 65_536;

/**
 * Reads a candle file in two passes: the first finds its layout, hash and size, the second its candles, so that nothing but the
 * columns stays in memory. Faults, each exit code 2 and naming file and line: `E_FILE_MISSING`, `E_FILE_UNREADABLE`, `E_GZIP`,
 * `E_CSV_EMPTY`, `E_CSV_COLUMN`, `E_CSV_LINE`, `E_TIME_UNIT`.
 */
export async function readCandlesCsv(path: string): Promise<CandleFile> {
  const stored = await openStored(path);
  const { head, sha256, lines } = await survey(stored);
  if (head.toString('latin1', 0, 4096).trim() === '') {
    throw badInput(
      'E_CSV_EMPTY',
      `${path} is empty`,
      'give a candle file with a header and at least one row',
    );
  }
  const { layout, rows } = await readRows(path, stored, recogniseLayout(path, head), lines);
  if (rows.columns.length === 0) {
    throw badInput('E_CSV_EMPTY', `${path} has a header but no rows`, 'give a file with at least one candle');
  }
  return {
    path,
    sha256,
    format: layout.format,
    notes: layout.notes,
    isClosing: layout.time.isClosing,
    ...rows,
    raws: (places) => rawRows(stored, layout, places),
  };
}

async function survey(
  stored: StoredBytes,
): Promise<{ readonly head: Buffer; readonly sha256: string; readonly lines: number }> {
  const hash = createHash('sha256');
  let head: Buffer = Buffer.alloc(0);
  let newlines = 0;
  let returns = 0;
  for await (const chunk of stored.chunks((bytes) => hash.update(bytes))) {
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) newlines++;
    // Only a file of lone CRs needs them counted, and its first lines show that.
    if (newlines === 0 || returns > newlines) for (const byte of chunk) if (byte === 13) returns++;
  }
  return { head, sha256: hash.digest('hex'), lines: Math.max(newlines, returns) + 1 };
}

async function readRows(
  path: string,
  stored: StoredBytes,
  layout: CsvLayout,
  lines: number,
): Promise<{ readonly layout: CsvLayout; readonly rows: CandleRows }> {
  try {
    const reader = new CandleCsvReader(path, layout, lines);
    for await (const chunk of stored.chunks()) reader.push(chunk);
    return { layout, rows: reader.finish() };
  } catch (error) {
    const isMixed = error instanceof RedbuttonError && error.code === 'E_TIME_UNIT';
    if (!isMixed || layout.dateColumn < 0) throw error;
    return readRows(path, stored, byDate(layout), lines);
  }
}

/** CryptoDataDownload's older files mix seconds and milliseconds, and have each time as a date beside it. */
function byDate(layout: CsvLayout): CsvLayout {
  const slots = layout.slots.map((slot, column) =>
    column === layout.dateColumn ? 0 : slot === 0 ? -1 : slot,
  );
  return {
    ...layout,
    slots,
    dateColumn: -1,
    names: ['date', ...layout.names.slice(1)],
    time: { ...layout.time, kind: 'date' },
    notes: [
      ...layout.notes,
      `column "${layout.names[0]}" mixes units of time: the dates beside it are read in its place`,
    ],
  };
}
