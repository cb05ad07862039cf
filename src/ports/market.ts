import type { Candle } from '../core/candle.js';
import type { MarketListing, Quote } from '../core/order.js';

/** A candle as it came in, before any check: values may be anything a number can be. `raw` is the source's own text or row. */
export interface RawCandle extends Candle {
  readonly raw?: string;
}

export interface CandleFeed {
  readonly exchange: string;
  /** One page of history at or after `sinceMs`, oldest first, at most `limit` rows. May end with the bar in progress. */
  history(symbol: string, timeframe: string, sinceMs: number, limit: number): Promise<readonly RawCandle[]>;
  /**
   * Streams closed bars until `signal` aborts (resolves) or the connection fails (rejects with a fault).
   * `onClosed` gets each bar once it can no longer change. `onLife` is called for every message, closed bar or not.
   */
  stream(
    symbol: string,
    timeframe: string,
    onClosed: (candle: RawCandle) => void,
    onLife: () => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Top of book now; undefined where the exchange has none. */
  quote(symbol: string): Promise<Quote | undefined>;
  /** These symbols as the exchange lists them now, read again; one that it does not list is not in the answer. */
  listed(symbols: readonly string[]): Promise<ReadonlyMap<string, MarketListing>>;
  close(): Promise<void>;
}
