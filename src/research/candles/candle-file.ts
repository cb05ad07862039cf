import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { CandleColumns } from '../../core/candle.js';
import { badInput, messageOf } from '../../core/errors.js';
import { parseCandleCsv } from './candle-csv.js';

/** Rows of a candle file as they stand there, unchecked: any cell may be NaN or infinite, any order, any duplicates. */
export interface CandleFile {
  readonly path: string;
  /** sha256 of the file's bytes as stored (compressed, where it is). */
  readonly sha256: string;
  /** In the order of the file. */
  readonly columns: CandleColumns;
  /** The text of row i's line, as it stands in the file. */
  raw(i: number): string;
  /** The number of row i's line, the header being line 1. */
  line(i: number): number;
}

/** The forms of a candle file, for the help text of the commands that read one. */
export const CANDLE_FILE_HELP = `A candle file is CSV, plain or gzip, with a header line. Columns:
  timestamp_ms,open,high,low,close,volume   open time in UTC milliseconds, or
  date,open,high,low,close,volume           ISO date (= its UTC midnight) or
                                            date and time in UTC
in any order; other columns (adjclose …) are left out. An empty cell, nan and
inf are values, which validation refuses.
`;

const SIZE_MAX = 2 ** 31;

/**
 * Reads a candle file whole. Faults, each exit code 2 and naming file and line: `E_FILE_MISSING`, `E_FILE_UNREADABLE`,
 * `E_GZIP`, `E_CSV_EMPTY`, `E_CSV_COLUMN`, `E_CSV_LINE`.
 */
export async function readCandlesCsv(path: string): Promise<CandleFile> {
  const stored = await readStored(path);
  const sha256 = createHash('sha256').update(stored).digest('hex');
  const bytes = stored[0] === 0x1f && stored[1] === 0x8b ? await unzip(path, stored) : stored;
  return { path, sha256, ...parseCandleCsv(path, bytes) };
}

async function readStored(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing
      ? badInput('E_FILE_MISSING', `${path} does not exist`, 'check the path of the candle file', error)
      : badInput(
          'E_FILE_UNREADABLE',
          `${path} cannot be read: ${messageOf(error)}`,
          'name a regular file that this user may read',
          error,
        );
  }
}

async function unzip(path: string, stored: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(stored, { maxOutputLength: SIZE_MAX });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const what =
      code === 'Z_BUF_ERROR'
        ? 'is a gzip file that ends in the middle'
        : code === 'ERR_BUFFER_TOO_LARGE'
          ? 'unpacks to more than 2 GiB'
          : `is a damaged gzip file (${messageOf(error)})`;
    throw badInput('E_GZIP', `${path} ${what}`, 'fetch or copy the file again, or split it', error);
  }
}
