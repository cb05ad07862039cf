import { createCcxtFeed, createExchange } from '../../adapters/ccxt/index.js';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { isAnswered } from '../../adapters/control-socket/bind-socket.js';
import { QUERY_ROWS_MAX } from '../../adapters/control-socket/store-routes.js';
import { type DuckStore, openStore, type QueryAnswer } from '../../adapters/duckdb/index.js';
import { type Config, configSchema } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import { wrongUsage } from '../../console/option-table.js';
import { day } from '../../console/option-values.js';
import { startProgress } from '../../console/progress.js';
import { type CandleColumns, candleAt, type StreamKey, streamName } from '../../core/candle.js';
import { EXIT, RedbuttonError } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { takeHistory } from '../../pipeline/ingestion/index.js';
import { FETCH_PAGE_BARS, fetchHistory } from '../../research/candles/history-fetch.js';
import { askTrader } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'fetch',
  summary: 'load history of a market from its exchange into the database',
  about: `Pages through the exchange's history at the pace it allows, checks each bar like
a live one, and stores what is new. Stopped and started again it goes on where it
was: pages that are stored are not asked for again. Works beside the running
trader, through it.`,
  options: {
    symbol: { value: 'SYMBOL', help: 'as ccxt writes it: BTC/USDT', required: true },
    timeframe: { value: 'TF', help: 'as in 1m, 1h, 1d', required: true },
    since: { value: 'DAY', help: 'first UTC day, as in 2024-01-31', required: true, read: day },
    until: { value: 'DAY', help: 'the day after the last one', otherwise: 'now', read: day },
    exchange: { value: 'ID', help: 'ccxt id', otherwise: 'the first of the configuration' },
    config: CONFIG_OPTION,
    'run-dir': ADDRESS_OPTIONS['run-dir'],
  },
  async run(values, io) {
    const { symbol, timeframe, since: sinceMs } = values;
    const config = configFrom(values.config);
    const barMs = timeframeMs(timeframe);
    const venue = venueOf(config, values.exchange, symbol);
    const stream: StreamKey = { exchange: venue.id, symbol, timeframe };
    const clock = createSystemClock();
    const connection = await createExchange(venue, clock);
    const feed = createCcxtFeed(connection);
    const paths = addressOf(values);
    const store = await openUnlessServed(paths.traderSocket, () =>
      openStore({ path: paths.database, onDamaged: 'refuse' }),
    );
    try {
      // The last bar may still be open.
      const nowMs = clock.wallMs() - barMs;
      const untilMs = Math.min(values.until ?? nowMs, nowMs);
      if (untilMs <= sinceMs)
        throw wrongUsage('fetch', '--since is not before the end', 'name an earlier day');
      const stored = await storedPages(stream, sinceMs, untilMs, barMs, (sql) =>
        store
          ? store.desk.query(sql, QUERY_ROWS_MAX)
          : (askTrader(paths, '/query', { sql, rowsMax: QUERY_ROWS_MAX }) as Promise<QueryAnswer>),
      );
      const progress = startProgress(
        io.stderr,
        `fetching ${streamName(stream)}`,
        Math.ceil((untilMs - sinceMs) / barMs),
        'bars',
        () => clock.monotonicMs(),
      );
      const result = await fetchHistory({
        feed,
        symbol,
        timeframe,
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
        onProgress: (bars) => progress.update(bars),
        signal: io.signal,
      });
      progress.finish();
      io.stdout.write(
        `${result.added} bars added, ${result.refused} refused, ${result.pagesKnown} of ${result.pages} pages known before\n`,
      );
    } finally {
      await feed.close();
      await store?.close();
    }
    return EXIT.fine;
  },
});

function venueOf(config: Config, id: string | undefined, symbol: string) {
  const venue = config.exchange.find((entry) => id === undefined || entry.id === id);
  if (venue) return { ...venue, symbols: [symbol] };
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
