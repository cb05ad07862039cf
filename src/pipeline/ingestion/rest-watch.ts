import { fault, messageOf } from '../../core/errors.js';
import type { CandleFeed } from '../../ports/market.js';
import type { Clock } from '../../ports/time.js';

export interface RestWatchOptions {
  readonly feed: CandleFeed;
  /** What is asked for to see whether the exchange answers. */
  readonly symbol: string;
  readonly clock: Clock;
  /** Longest wait for a quote, monotonic milliseconds: bars of other exchanges wait behind it. */
  readonly quoteMsMax: number;
  /** How often an exchange that nobody asked for anything is asked, and one that does not answer. */
  readonly checkMs: number;
  readonly retryMs: number;
  readonly events: {
    readonly onDown: (exchange: string, message: string) => void;
    readonly onUp: (exchange: string, downMs: number) => void;
  };
}

/** The feed with a watch on its requests. */
export interface RestWatch extends CandleFeed {
  /** Looks after the exchange until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>;
}

/**
 * Watches whether an exchange answers requests. A stream may be lively while REST is gone, and then there are no quotes and
 * gaps stay open: that is told. While it does not answer, a quote is refused at once instead of waited for, so that a sick
 * exchange costs the bars of others one wait and not one each.
 */
export function createRestWatch(options: RestWatchOptions): RestWatch {
  const { feed, clock, events } = options;
  let answeredMs = clock.monotonicMs();
  /** Since when requests fail; told once the second has failed too. */
  let failing: { readonly sinceMs: number; told: boolean } | null = null;
  let wake = new AbortController();

  function answered(): void {
    answeredMs = clock.monotonicMs();
    if (failing?.told) events.onUp(feed.exchange, answeredMs - failing.sinceMs);
    failing = null;
  }

  function failed(error: unknown): void {
    if (failing === null) {
      failing = { sinceMs: clock.monotonicMs(), told: false };
      wake.abort();
    } else if (!failing.told) {
      failing.told = true;
      events.onDown(feed.exchange, messageOf(error));
    }
  }

  async function noted<T>(request: Promise<T>): Promise<T> {
    try {
      const result = await request;
      answered();
      return result;
    } catch (error) {
      failed(error);
      throw error;
    }
  }

  /** Rejects when `signal` aborts, too: who ends does not wait for an exchange that is silent. */
  async function quoteInTime(symbol: string, signal?: AbortSignal): ReturnType<CandleFeed['quote']> {
    const done = new AbortController();
    const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
    const late = clock.sleep(options.quoteMsMax, either).then(() => {
      throw fault(
        'E_EXCHANGE_SLOW',
        `${feed.exchange}: no quote of ${symbol} within ${options.quoteMsMax} ms`,
        'it is asked again by itself; check the line and the status page of the exchange if it lasts',
      );
    });
    const asked = feed.quote(symbol);
    // Whichever comes second is heard by nobody.
    asked.catch(() => undefined);
    late.catch(() => undefined);
    try {
      return await Promise.race([asked, late]);
    } finally {
      done.abort();
    }
  }

  return {
    exchange: feed.exchange,
    history: (symbol, timeframe, sinceMs, limit) => noted(feed.history(symbol, timeframe, sinceMs, limit)),
    stream: (symbol, timeframe, onClosed, onLife, signal) =>
      feed.stream(symbol, timeframe, onClosed, onLife, signal),
    quote(symbol) {
      if (failing !== null)
        return Promise.reject(
          fault(
            'E_EXCHANGE_DOWN',
            `${feed.exchange} has not answered since ${Math.round(clock.monotonicMs() - failing.sinceMs)} ms`,
            'it is asked again by itself; check the line and the status page of the exchange if it lasts',
          ),
        );
      return noted(quoteInTime(symbol));
    },
    listed: (symbols) => feed.listed(symbols),
    close: () => feed.close(),
    async watch(signal) {
      while (!signal.aborted) {
        wake = new AbortController();
        const waitMs = failing === null ? options.checkMs : options.retryMs;
        // An aborted sleep rejects: the watch ends, or a request has failed.
        await clock.sleep(waitMs, AbortSignal.any([signal, wake.signal])).catch(() => undefined);
        if (signal.aborted) return;
        if (failing === null && clock.monotonicMs() - answeredMs < options.checkMs) continue;
        try {
          await quoteInTime(options.symbol, signal);
          answered();
        } catch (error) {
          if (!signal.aborted) failed(error);
        }
      }
    },
  };
}
