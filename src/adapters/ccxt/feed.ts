import { badInput, fault, messageOf, RedbuttonError } from '../../core/errors.js';
import type { MarketListing, Quote } from '../../core/order.js';
import { isDerivative } from '../../core/symbol.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { CandleFeed, RawCandle } from '../../ports/market.js';
import type { Figure, OhlcvRow } from './ccxt-module.js';
import { ClosedBarSequencer } from './closed-bar-sequencer.js';
import type { ConnectedExchange } from './exchange.js';
import { type LiveSource, pollBars, watchBars } from './live-source.js';
import { loadedMarkets, marketRules, readMarkets } from './market-rules.js';
import { shareRequests } from './shared-requests.js';

export interface FeedOptions {
  /**
   * How long after a bar's close to wait for a newer one on the stream before REST is asked. It covers the difference
   * between our clock and the exchange's; 0 where both are the same, as with the simulator in one process.
   */
  readonly graceMs?: number;
}

const GRACE_MS = 2000;
const CHECK_PERIOD_MS = 500;
const PAGE_ROWS = 1000;
const BOOK_LEVELS = 5;
/** Candles, quotes and rules of one exchange through ccxt. See CandleFeed for the contract. */
export function createCcxtFeed(exchange: ConnectedExchange, options: FeedOptions = {}): CandleFeed {
  return new CcxtFeed(exchange, options.graceMs ?? GRACE_MS);
}

class CcxtFeed implements CandleFeed {
  readonly exchange: string;
  readonly #connection: ConnectedExchange;
  readonly #graceMs: number;
  /** Open time of the newest closed bar handed out, by symbol and timeframe: a new stream continues from there. */
  readonly #cursors = new Map<string, number>();
  readonly #streams = new Set<symbol>();
  readonly #sharedQuote: (symbol: string) => Promise<Quote | undefined>;

  constructor(connection: ConnectedExchange, graceMs: number) {
    this.exchange = connection.id;
    this.#connection = connection;
    this.#graceMs = graceMs;
    this.#sharedQuote = shareRequests(
      (symbol) => this.#bookTop(symbol),
      (symbols) => this.#tops(symbols),
    );
  }

  async history(
    symbol: string,
    timeframe: string,
    sinceMs: number,
    limit: number,
  ): Promise<readonly RawCandle[]> {
    // By the time of asking: a bar may close while the answer, which shows it unfinished, is on its way. A bar that only
    // the caller counts as closed comes again on the stream, which is better than one that nobody counts.
    const closedBeforeMs = this.#connection.clock.wallMs() - timeframeMs(timeframe) - this.#graceMs;
    await this.#check(symbol, timeframe);
    const rows = await this.#page(symbol, timeframe, sinceMs, limit);
    const closed = rows.findLast((row) => row.openMs <= closedBeforeMs);
    if (closed) this.#advance(cursorKey(symbol, timeframe), closed.openMs);
    return rows;
  }

  async stream(
    symbol: string,
    timeframe: string,
    onClosed: (candle: RawCandle) => void,
    onLife: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#check(symbol, timeframe);
    if (signal.aborted) return;
    const key = cursorKey(symbol, timeframe);
    let over = false;
    const sequencer = new ClosedBarSequencer({
      barMs: timeframeMs(timeframe),
      cursorMs: this.#cursors.get(key) ?? Number.NEGATIVE_INFINITY,
      fetchBars: (sinceMs) => this.#page(symbol, timeframe, sinceMs, PAGE_ROWS),
      deliver: (candle) => {
        // What is still being fetched when the stream ends belongs to the next one.
        if (over || signal.aborted) return;
        this.#advance(key, candle.openMs);
        onClosed(candle);
      },
    });
    const { api } = this.#connection;
    const source: LiveSource = api.has.watchOHLCV === true ? watchBars : pollBars;
    const me = Symbol(key);
    this.#streams.add(me);
    this.#connection.lines.open();
    try {
      await this.#run(sequencer, source, symbol, timeframe, onLife, signal);
    } finally {
      over = true;
      this.#streams.delete(me);
      await this.#release(symbol, timeframe);
    }
  }

  async quote(symbol: string): Promise<Quote | undefined> {
    const { api } = this.#connection;
    if (api.has.fetchOrderBook !== true) return undefined;
    // Futures know no choice of symbols.
    const isNamed = this.#connection.dialect.namedTops && !isDerivative(symbol);
    return isNamed ? this.#sharedQuote(symbol) : this.#bookTop(symbol);
  }

  async #bookTop(symbol: string): Promise<Quote | undefined> {
    const { api, clock } = this.#connection;
    const book = await this.#ask('order book', symbol, () => api.fetchOrderBook(symbol, BOOK_LEVELS));
    return quoteOf(book.bids[0]?.[0], book.asks[0]?.[0], book.timestamp ?? clock.wallMs());
  }

  async #tops(symbols: readonly string[]): Promise<ReadonlyMap<string, Quote>> {
    const { api, clock } = this.#connection;
    const markets = await this.#ask('markets', symbols.join(), () => loadedMarkets(api));
    const ids = symbols.flatMap((symbol) => markets[symbol]?.id ?? []);
    const found = await this.#ask('top of book', symbols.join(), () =>
      api.fetchBidsAsks([...symbols], { symbols: JSON.stringify(ids) }),
    );
    const quotes = new Map<string, Quote>();
    for (const symbol of symbols) {
      const top = found[symbol];
      const quote = quoteOf(top?.bid, top?.ask, top?.timestamp ?? clock.wallMs());
      if (quote !== undefined) quotes.set(symbol, quote);
    }
    return quotes;
  }

  async listed(symbols: readonly string[]): Promise<ReadonlyMap<string, MarketListing>> {
    const { api } = this.#connection;
    const markets = await this.#ask('markets', symbols.join(), () => readMarkets(api));
    return new Map(
      symbols.flatMap((symbol) => {
        const market = markets[symbol];
        if (market === undefined) return [];
        const rules = marketRules(market, api.precisionMode);
        return [[symbol, { rules, trading: market.active !== false }] as const];
      }),
    );
  }

  async close(): Promise<void> {
    await this.#connection.lines.close();
  }

  /** One loop takes updates as they come, one looks for bars that closed in silence; the sequencer sees one at a time. */
  async #run(
    sequencer: ClosedBarSequencer,
    source: LiveSource,
    symbol: string,
    timeframe: string,
    onLife: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#connection;
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const inbox: RawCandle[] = [];
    let busy = false;
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => {
        reject(either.aborted ? undefined : this.#lost(symbol, timeframe, error));
      };
      const drain = async () => {
        if (busy) return;
        busy = true;
        try {
          for (let next = inbox.shift(); next && !either.aborted; next = inbox.shift()) {
            const pending = sequencer.take(next);
            if (pending) await pending;
          }
        } catch (error) {
          fail(error);
        } finally {
          busy = false;
        }
      };
      const confirm = async () => {
        while (!either.aborted) {
          await clock.sleep(CHECK_PERIOD_MS, either);
          if (busy) continue;
          busy = true;
          try {
            await sequencer.confirm(clock.wallMs(), this.#graceMs);
          } finally {
            busy = false;
          }
          await drain();
        }
      };
      signal.addEventListener('abort', () => resolve(), { once: true, signal: ended.signal });
      source(this.#connection, symbol, timeframe, either, (rows) => {
        onLife();
        inbox.push(...rows.map(toRawCandle));
        void drain();
      }).catch(fail);
      confirm().catch(fail);
    }).finally(() => ended.abort());
  }

  async #page(
    symbol: string,
    timeframe: string,
    sinceMs: number,
    limit: number,
  ): Promise<readonly RawCandle[]> {
    const rows = await this.#ask('candles', symbol, () =>
      this.#connection.api.fetchOHLCV(symbol, timeframe, sinceMs, limit),
    );
    return rows.map(toRawCandle);
  }

  async #check(symbol: string, timeframe: string): Promise<void> {
    const { api } = this.#connection;
    const markets = await this.#ask('markets', symbol, () => loadedMarkets(api));
    if (!markets[symbol]) throw unknownSymbol(this.exchange, symbol);
    if (!(timeframe in api.timeframes)) {
      throw badInput(
        'E_TIMEFRAME_UNSUPPORTED',
        `${this.exchange} has no candles of ${timeframe}`,
        `set timeframe to one of ${Object.keys(api.timeframes).join(', ')}`,
      );
    }
  }

  async #ask<T>(what: string, symbol: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (error instanceof RedbuttonError) throw error;
      throw fault(
        'E_EXCHANGE_REQUEST',
        `${this.exchange}: no ${what} of ${symbol}: ${messageOf(error)}`,
        'the box keeps trying; check the line and the status page of the exchange if it lasts',
        error,
      );
    }
  }

  #lost(symbol: string, timeframe: string, error: unknown): RedbuttonError {
    return fault(
      'E_FEED_LOST',
      `${this.exchange}: the stream of ${symbol} ${timeframe} broke: ${messageOf(error)}`,
      'the box rebuilds it; check the line and the status page of the exchange if it lasts',
      error,
    );
  }

  #advance(key: string, openMs: number): void {
    this.#cursors.set(key, Math.max(openMs, this.#cursors.get(key) ?? Number.NEGATIVE_INFINITY));
  }

  /** The last stream to end closes the sockets; an earlier one only gives up its subscription. */
  async #release(symbol: string, timeframe: string): Promise<void> {
    const { api } = this.#connection;
    if (this.#streams.size === 0) await this.#connection.lines.close();
    else if (api.has.unWatchOHLCV === true && Object.keys(api.clients).length > 0) {
      // A broken line has forgotten the subscription already.
      void api.unWatchOHLCV(symbol, timeframe).catch(() => undefined);
    }
  }
}

function quoteOf(bidText: Figure | undefined, askText: Figure | undefined, atMs: number): Quote | undefined {
  const bid = Number(bidText ?? Number.NaN);
  const ask = Number(askText ?? Number.NaN);
  return bid > 0 && ask > 0 ? { bid, ask, atMs, source: 'book' } : undefined;
}

function cursorKey(symbol: string, timeframe: string): string {
  return `${symbol} ${timeframe}`;
}

function unknownSymbol(exchange: string, symbol: string): RedbuttonError {
  return badInput(
    'E_SYMBOL_UNKNOWN',
    `${exchange} does not list ${symbol}`,
    'write exchange.symbols as ccxt does, as in "BTC/USDT"',
  );
}

function toRawCandle(row: OhlcvRow): RawCandle {
  return {
    openMs: Number(row[0]),
    open: Number(row[1]),
    high: Number(row[2]),
    low: Number(row[3]),
    close: Number(row[4]),
    volume: Number(row[5]),
    raw: JSON.stringify(row),
  };
}
