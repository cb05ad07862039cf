import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type FoundStream, openParquetCandles } from '../../adapters/duckdb/read/parquet-candles.js';
import type { Paths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { type CandleColumns, type StreamKey, sliceCandles, streamName } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { type Calendar, timeframeName } from '../../core/timeframe.js';
import type { CandleSource } from '../backtest/bar-reader.js';
import { CANDLE_FILE_HELP } from '../candles/candle-file.js';
import { candleSlices, hashedCandles, type SliceReader } from '../candles/candle-slices.js';
import { countReasons, inferTimeframeMs, type Judgement, judgementOf } from '../candles/load-candles.js';
import type { ReasonCount } from '../report/index.js';
import { loadTradable } from './backtest-run.js';
import { openHeldStore } from './held-store.js';

/** One stream that a backtest trades. */
export interface InputStream {
  readonly stream: StreamKey;
  readonly calendar: Calendar;
  readonly candles: CandleSource;
  /** Candles at most: of a file that was read whole after validation, of others before it. */
  readonly rows: number;
  /** The newest ones, which the market's steps are read from. */
  readonly newest: CandleColumns;
  /** Rows quarantined before the backtest; the others are in it. */
  readonly quarantined: readonly ReasonCount[];
  /** What became of the rows of a file that was read whole. */
  readonly judgement?: Judgement;
  /** What a report names as the candles' hash; known once all are read. */
  hash(): readonly [name: string, hash: string];
}

export interface BacktestInput {
  readonly streams: readonly InputStream[];
  close(): Promise<void>;
}

export interface BacktestInputOptions {
  /** `[SYMBOL=]PATH` each. */
  readonly candles: readonly string[];
  /** Of what the sources hold, the symbols to trade: all when empty. */
  readonly symbols: readonly string[];
  /** What a file is of that does not say so. */
  readonly given: { readonly exchange: string; readonly symbol: string; readonly calendar?: Calendar };
  readonly timeframe: string | undefined;
  readonly rules: Config['ingestion']['rules'];
  readonly allowQuarantined: boolean;
  /** Where a trader is asked that holds the database. */
  readonly paths: Paths;
}

export const BACKTEST_INPUT_HELP = `Candles come from CSV files (below), Parquet files, the folder of an export
(redbutton export), or a database (redbutton.duckdb; where the trader holds it,
a copy of it that the trader makes). Parquet and databases are read part by part,
so that years fit a small memory. Each symbol of all of them is traded, with one
account; a CSV file of one of several says whose it is: --candles ETH/USDT=FILE.
Parquet columns: open_ms (or timestamp_ms, date, timestamp), open, high, low,
close, volume, and exchange, symbol, timeframe where there are several.

${CANDLE_FILE_HELP}`;

/** Rows that stand in memory at a time, of all streams together. */
const SLICE_ROWS = 65_536;
const SLICE_ROWS_MIN = 2048;
const NEWEST_ROWS = 500;

/** Opens all sources. Throws what the readers of each throw, and `E_BACKTEST_INPUT` where they hold nothing to trade. */
export async function openBacktestInput(options: BacktestInputOptions): Promise<BacktestInput> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  try {
    const found: InputStream[] = [];
    for (const spec of options.candles) found.push(...(await openSource(spec, options, closers)));
    const { symbols } = options;
    const wanted =
      found.length === 1 && symbols.length === 1
        ? found
        : found.filter(({ stream }) => symbols.length === 0 || symbols.includes(stream.symbol));
    const absent = symbols.find((symbol) => !wanted.some(({ stream }) => stream.symbol === symbol));
    if (wanted.length === 0 || absent !== undefined) {
      const held = found.map(({ stream }) => `${stream.symbol} ${stream.timeframe}`).join(', ');
      throw badInput(
        'E_BACKTEST_INPUT',
        `${options.candles.join(' and ')}: no candles of ${absent ?? 'any market'}${held === '' ? '' : ` (of ${held})`}`,
        'name symbols and timeframe as the files do',
      );
    }
    const twice = wanted.find(({ stream }, i) =>
      wanted.some((other, k) => k < i && other.stream.symbol === stream.symbol),
    );
    if (twice !== undefined) {
      throw badInput(
        'E_BACKTEST_INPUT',
        `${options.candles.join(' and ')}: ${twice.stream.symbol} is there twice (${wanted.map(({ stream }) => streamName(stream)).join(', ')})`,
        'choose with --timeframe, or name whose each file is: --candles SYMBOL=FILE',
      );
    }
    return { streams: wanted, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openSource(
  spec: string,
  options: BacktestInputOptions,
  closers: (() => unknown)[],
): Promise<readonly InputStream[]> {
  const [, named, place = spec] = /^([A-Z0-9.]+\/[A-Z0-9.:-]+)=(.+)$/.exec(spec) ?? [];
  const symbol = named ?? (options.symbols.length === 1 ? options.symbols[0]! : options.given.symbol);
  const given = { ...options.given, symbol };
  const kind = await kindOf(place);
  if (kind === 'csv') return [await csvStream(place, given, options)];
  const source =
    kind === 'parquet' ? await openParquetCandles(place) : await openDatabase(place, options.paths);
  closers.push(() => source.close());
  const ofTimeframe = source.streams.filter(
    ({ timeframe }) =>
      options.timeframe === undefined || timeframe === null || timeframe === options.timeframe,
  );
  const sliceRows = Math.max(SLICE_ROWS_MIN, Math.floor(SLICE_ROWS / Math.max(1, ofTimeframe.length)));
  return Promise.all(
    ofTimeframe.map((one) =>
      slicedStream(place, one, given, options.timeframe, sliceRows, (fromMs, toMs) =>
        source.read(one, fromMs, toMs),
      ),
    ),
  );
}

async function kindOf(place: string): Promise<'csv' | 'parquet' | 'database'> {
  const found = statSync(place, { throwIfNoEntry: false });
  if (found?.isDirectory()) return 'parquet';
  if (!found?.isFile()) return 'csv';
  const file = await open(place);
  try {
    const { buffer } = await file.read(Buffer.alloc(12), 0, 12, 0);
    if (buffer.toString('latin1', 0, 4) === 'PAR1') return 'parquet';
    return buffer.toString('latin1', 8, 12) === 'DUCK' ? 'database' : 'csv';
  } finally {
    await file.close();
  }
}

async function csvStream(
  file: string,
  given: BacktestInputOptions['given'],
  { rules, allowQuarantined }: BacktestInputOptions,
): Promise<InputStream> {
  const { loaded, stream, calendar } = await loadTradable(file, given, rules, allowQuarantined);
  const { candles } = loaded;
  return {
    stream,
    calendar,
    candles,
    rows: candles.length,
    newest: sliceCandles(candles, Math.max(0, candles.length - NEWEST_ROWS), candles.length),
    quarantined: countReasons(loaded.quarantined).map(([reason, count]) => ({ reason, count })),
    judgement: judgementOf(loaded),
    hash: () => ['candles (file)', loaded.file.sha256],
  };
}

async function slicedStream(
  place: string,
  found: FoundStream,
  given: BacktestInputOptions['given'],
  timeframe: string | undefined,
  sliceRows: number,
  read: SliceReader,
): Promise<InputStream> {
  const { rows, firstMs, lastMs } = found;
  const spanMs = Math.max(1, lastMs - firstMs);
  const newest = priced(await read(lastMs - Math.ceil((spanMs * NEWEST_ROWS) / rows), lastMs + 1));
  const stepMs = inferTimeframeMs(newest.openMs);
  const name = found.timeframe ?? timeframe ?? (stepMs === undefined ? undefined : timeframeName(stepMs));
  if (name === undefined) {
    throw badInput(
      'E_TIMEFRAME',
      `${place}: no timeframe fits the steps between its rows`,
      'give candles of equal length, or say --timeframe',
    );
  }
  const hashed = hashedCandles(candleSlices({ rows, firstMs, lastMs }, sliceRows, read));
  return {
    stream: {
      exchange: found.exchange ?? given.exchange,
      symbol: found.symbol ?? given.symbol,
      timeframe: name,
    },
    calendar: given.calendar ?? (found.weekends ? '24x7' : 'weekdays'),
    candles: hashed.candles,
    rows,
    newest,
    quarantined: [],
    hash: () => ['candles (rows)', hashed.digest()],
  };
}

/** Those with a close: nobody has checked them yet. */
function priced(candles: CandleColumns): CandleColumns {
  const close = candles.close.filter((value) => Number.isFinite(value));
  return close.length === candles.length ? candles : { ...candles, length: close.length, close };
}

/** A database read-only; where a trader holds it, a copy that the trader makes for us. */
async function openDatabase(
  file: string,
  paths: Paths,
): Promise<{ readonly streams: readonly FoundStream[]; read: Reader; close(): Promise<void> }> {
  const { store, close } = await openHeldStore(file, paths);
  try {
    const { rows } = await store.queries.query(
      `SELECT exchange, symbol, timeframe, count(*)::DOUBLE, min(open_ms)::DOUBLE, max(open_ms)::DOUBLE,
         bool_or(dayofweek(make_timestamp_ms(open_ms)) IN (0, 6))
       FROM candles GROUP BY ALL ORDER BY ALL`,
      10_000,
    );
    const streams = rows.map(
      ([exchange, symbol, timeframe, count, firstMs, lastMs, weekends]): FoundStream => ({
        exchange: String(exchange),
        symbol: String(symbol),
        timeframe: String(timeframe),
        rows: Number(count),
        firstMs: Number(firstMs),
        lastMs: Number(lastMs),
        weekends: weekends === true,
      }),
    );
    return {
      streams,
      read: ({ exchange, symbol, timeframe }, fromMs, toMs) =>
        store.candles({ exchange: exchange!, symbol: symbol!, timeframe: timeframe! }, fromMs, toMs),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Reader = (stream: FoundStream, fromMs: number, toMs: number) => Promise<CandleColumns>;
