import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { CandleColumns } from '../../../core/candle.js';
import { badInput, messageOf, RedbuttonError } from '../../../core/errors.js';
import { loadDuckDb } from '../open/binding.js';
import { integer, Session, text } from '../open/session.js';

/** A stream that candle files hold. What a file does not say of it is null. */
export interface FoundStream {
  readonly exchange: string | null;
  readonly symbol: string | null;
  readonly timeframe: string | null;
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Some bar opens on a Saturday or Sunday (UTC). */
  readonly weekends: boolean;
}

/** Candles in Parquet files, read part by part. */
export interface ParquetCandles {
  /** By exchange, symbol and timeframe. */
  readonly streams: readonly FoundStream[];
  /** Rows of one of the streams with open time in [fromMs, toMs), by open time; a missing value is NaN. */
  read(stream: FoundStream, fromMs: number, toMs: number): Promise<CandleColumns>;
  close(): void;
}

const TIMES = ['open_ms', 'timestamp_ms', 'timestamp', 'time', 'date', 'open_time'];
const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;
const KEYS = ['exchange', 'symbol', 'timeframe'] as const;
const MEMORY_MB = 128;

/**
 * Opens a Parquet file, or a folder of them: an export of the store, its folder `candles`, or any folder whose files hold
 * candles. Columns: an open time (whole milliseconds UTC, or a date or timestamp), open, high, low, close, volume, and where
 * there are several streams exchange, symbol, timeframe. Faults: `E_PARQUET` and `E_PARQUET_COLUMN`.
 */
export async function openParquetCandles(place: string): Promise<ParquetCandles> {
  const files = parquetFiles(path.resolve(place));
  if (files.length === 0)
    throw badInput(
      'E_PARQUET',
      `${place} holds no Parquet file`,
      'name a .parquet file or the folder of an export',
    );
  const duckdb = await loadDuckDb();
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${MEMORY_MB}MB`,
    autoinstall_known_extensions: 'false',
    allow_community_extensions: 'false',
  });
  const connection = await instance.connect();
  const session = new Session(duckdb, connection, place);
  const close = () => {
    session.close();
    instance.closeSync();
  };
  try {
    await session.script(`SET allowed_paths = [${files.map(quoted).join(', ')}]`);
    await session.script('SET enable_external_access = false');
    await session.script('SET parquet_metadata_cache = true');
    const from = `read_parquet([${files.map(quoted).join(', ')}], hive_partitioning = true, union_by_name = true)`;
    await session.script(`CREATE VIEW rows_in AS ${await candleSelect(connection, from, place)}`);
    const found = await session.rows(
      `SELECT exchange, symbol, timeframe, count(*)::DOUBLE AS n, min(open_ms) AS first, max(open_ms) AS last,
         bool_or(dayofweek(make_timestamp_ms(open_ms::BIGINT)) IN (0, 6)) AS weekends
       FROM rows_in WHERE isfinite(open_ms) GROUP BY ALL ORDER BY ALL`,
    );
    const streams = found.map(
      (row): FoundStream => ({
        exchange: row.exchange as string | null,
        symbol: row.symbol as string | null,
        timeframe: row.timeframe as string | null,
        rows: row.n as number,
        firstMs: row.first as number,
        lastMs: row.last as number,
        weekends: row.weekends as boolean,
      }),
    );
    return { streams, read: (stream, fromMs, toMs) => readSlice(session, stream, fromMs, toMs), close };
  } catch (error) {
    close();
    if (error instanceof RedbuttonError && error.code.startsWith('E_PARQUET')) throw error;
    throw badInput(
      'E_PARQUET',
      `${place} cannot be read as Parquet: ${messageOf(error).split('\n')[0]}`,
      'name a whole Parquet file, or write it again',
      error,
    );
  }
}

async function readSlice(
  session: Session,
  stream: FoundStream,
  fromMs: number,
  toMs: number,
): Promise<CandleColumns> {
  const keys = KEYS.flatMap((key) => (stream[key] === null ? [] : [[key, stream[key]] as const]));
  const where = keys.map(([key], i) => ` AND ${key} = $${i + 3}`).join('');
  // The bounds are compared with the column as it is stored, so that whole row groups can be passed over.
  const [openMs, open, high, low, close, volume] = (await session.doubleColumns(
    `SELECT open_ms, ${VALUES.join(', ')} FROM rows_in
       WHERE stored_ms >= $1::BIGINT AND stored_ms < $2::BIGINT${where} ORDER BY open_ms`,
    [integer(fromMs), integer(toMs), ...keys.map(([, value]) => text(value))],
    6,
  )) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  return { length: openMs.length, openMs, open, high, low, close, volume };
}

/** The files of a place, in the order of their paths. */
function parquetFiles(place: string): string[] {
  if (!existsSync(place))
    throw badInput('E_FILE_MISSING', `${place} does not exist`, 'check the path of the candle file');
  if (statSync(place).isFile()) return [place];
  // An export holds other tables beside its candles.
  const inside = path.join(place, 'candles');
  const folder = existsSync(inside) ? inside : place;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => path.join(folder, name));
}

/** Brings the files' columns into our form. */
async function candleSelect(connection: DuckDBConnection, from: string, place: string): Promise<string> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
  const types = new Map(
    described.getRows().map(([name, type]) => [String(name).toLowerCase(), String(type).toUpperCase()]),
  );
  const time = TIMES.find((name) => types.has(name));
  const missing = [...(time === undefined ? ['open_ms'] : []), ...VALUES.filter((name) => !types.has(name))];
  if (time === undefined || missing.length > 0)
    throw badInput(
      'E_PARQUET_COLUMN',
      `${place} has no column ${missing.join(', ')} (it has ${[...types.keys()].join(', ')})`,
      `name them ${TIMES.slice(0, 3).join(' or ')}, ${VALUES.join(', ')}`,
    );
  const type = types.get(time)!;
  const openMs = openMsOf(time, type);
  const number = (value: string) => `coalesce(${value}::DOUBLE, 'nan'::DOUBLE)`;
  return `SELECT ${KEYS.map((key) => `${types.has(key) ? `${key}::VARCHAR` : 'NULL::VARCHAR'} AS ${key}`).join(', ')},
    ${openMs} AS stored_ms, ${number(openMs)} AS open_ms, ${VALUES.map((name) => `${number(name)} AS ${name}`).join(', ')} FROM ${from}`;
}

/** A time with a zone is an instant: as a TIMESTAMP without one it would be read in this machine's zone. */
function openMsOf(column: string, type: string): string {
  if (/WITH TIME ZONE|TIMESTAMPTZ/.test(type)) return `epoch_ms(${column})`;
  return /^(TIMESTAMP|DATE)/.test(type) ? `epoch_ms(${column}::TIMESTAMP)` : column;
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
