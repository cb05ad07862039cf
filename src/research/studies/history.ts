import { createCcxtFeed, createExchange } from '../../adapters/ccxt/index.js';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { isAnswered } from '../../adapters/control-socket/bind-socket.js';
import { QUERY_ROWS_MAX } from '../../adapters/control-socket/store-routes.js';
import { type DuckStore, openStore, type QueryAnswer } from '../../adapters/duckdb/index.js';
import type { Paths } from '../../config/paths.js';
import { type Config, configSchema } from '../../config/schema.js';
import { type CandleColumns, candleAt, type StreamKey } from '../../core/candle.js';
import { badInput, RedbuttonError } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { takeHistory } from '../../pipeline/ingestion/index.js';
import { FETCH_PAGE_BARS, fetchHistory, type HistoryFetchResult } from '../candles/history-fetch.js';
import { askTrader } from './store-access.js';

export interface HistoryStudy {
  readonly config: Config;
  readonly paths: Paths;
  readonly stream: StreamKey;
  readonly sinceMs: number;
  /** Exclusive; now where undefined. */
  readonly untilMs: number | undefined;
  readonly onProgress: (barsDone: number, bars: number) => void;
  readonly signal: AbortSignal;
}

/** Loads a market's history from its exchange into the database, through the trader where it runs. */
export async function studyHistory(study: HistoryStudy): Promise<HistoryFetchResult> {
  const { config, paths, stream, sinceMs } = study;
  const barMs = timeframeMs(stream.timeframe);
  const clock = createSystemClock();
  const feed = createCcxtFeed(await createExchange(exchangeOf(config, stream), clock));
  const store = await openUnlessServed(paths.traderSocket, () =>
    openStore({ path: paths.database, onDamaged: 'refuse' }),
  );
  try {
    // The last bar may still be open.
    const nowMs = clock.wallMs() - barMs;
    const untilMs = Math.min(study.untilMs ?? nowMs, nowMs);
    if (untilMs <= sinceMs)
      throw badInput('E_USAGE', 'fetch: --since is not before the end', 'name an earlier day');
    const stored = await storedPages(stream, sinceMs, untilMs, barMs, (sql) =>
      store
        ? store.queries.query(sql, QUERY_ROWS_MAX)
        : (askTrader(paths, '/query', { sql, rowsMax: QUERY_ROWS_MAX }) as Promise<QueryAnswer>),
    );
    const bars = Math.ceil((untilMs - sinceMs) / barMs);
    study.onProgress(0, bars);
    return await fetchHistory({
      feed,
      symbol: stream.symbol,
      timeframe: stream.timeframe,
      barMs,
      sinceMs,
      untilMs,
      clock,
      storedBars: (page) => stored.get(page) ?? 0,
      keep: (rows) =>
        store
          ? takeHistory(store, stream, rows, { rules: config.ingestion.rules, nowMs: clock.wallMs() })
          : (askTrader(paths, '/candles', { stream, rows: rowsOf(rows) }) as Promise<{
              added: number;
              refused: number;
            }>),
      onProgress: (done) => study.onProgress(done, bars),
      signal: study.signal,
    });
  } finally {
    await feed.close();
    await store?.close();
  }
}

function exchangeOf(config: Config, { exchange: id, symbol }: StreamKey) {
  const exchange = config.exchange.find((entry) => entry.id === id);
  if (exchange) return { ...exchange, symbols: [symbol] };
  return configSchema.shape.exchange.element.parse({ id, symbols: [symbol] });
}

/** The store, or undefined where a running trader holds it. */
async function openUnlessServed(
  socket: string,
  open: () => Promise<DuckStore>,
): Promise<DuckStore | undefined> {
  if (await isAnswered(socket)) return undefined;
  try {
    return await open();
  } catch (error) {
    if (error instanceof RedbuttonError && error.code === 'E_STORE_LOCKED' && (await isAnswered(socket)))
      return undefined;
    throw error;
  }
}

/** Bars stored in each page of the fetch, asked for in parts that fit an answer. */
async function storedPages(
  { exchange, symbol, timeframe }: StreamKey,
  sinceMs: number,
  untilMs: number,
  barMs: number,
  query: (sql: string) => Promise<QueryAnswer>,
): Promise<ReadonlyMap<number, number>> {
  const pageMs = FETCH_PAGE_BARS * barMs;
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const stored = new Map<number, number>();
  for (let fromMs = sinceMs; fromMs < untilMs; fromMs += QUERY_ROWS_MAX * pageMs) {
    const toMs = Math.min(untilMs, fromMs + QUERY_ROWS_MAX * pageMs);
    const { rows } = await query(
      `SELECT ((open_ms - ${sinceMs}) // ${pageMs})::INTEGER, count(*)::INTEGER FROM candles
         WHERE exchange = ${text(exchange)} AND symbol = ${text(symbol)} AND timeframe = ${text(timeframe)}
           AND open_ms >= ${fromMs} AND open_ms < ${toMs} GROUP BY 1`,
    );
    for (const [page, count] of rows) stored.set(Number(page), Number(count));
  }
  return stored;
}

function rowsOf(rows: CandleColumns): readonly (readonly number[])[] {
  return Array.from({ length: rows.length }, (_, i) => {
    const { openMs, open, high, low, close, volume } = candleAt(rows, i);
    return [openMs, open, high, low, close, volume];
  });
}
