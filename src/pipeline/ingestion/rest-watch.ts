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

/**
 * The feed, with a watch on whether its exchange answers requests. A stream may be lively while REST is gone, and then there
 * are no quotes and gaps stay open: that is reported. While it does not answer, a quote is refused at once instead of waited
 * for, so that a failing exchange costs the bars of others one wait and not one each.
 */
export class RestWatch implements CandleFeed {
  readonly exchange: string;
  readonly #options: RestWatchOptions;
  #answeredMs: number;
  /** Since when requests fail; reported once the second has failed too. */
  #failing: { readonly sinceMs: number; reported: boolean } | null = null;
  #wake = new AbortController();

  constructor(options: RestWatchOptions) {
    this.#options = options;
    this.exchange = options.feed.exchange;
    this.#answeredMs = options.clock.monotonicMs();
  }

  history(...request: Parameters<CandleFeed['history']>): ReturnType<CandleFeed['history']> {
    return this.#noted(this.#options.feed.history(...request));
  }

  stream(...request: Parameters<CandleFeed['stream']>): ReturnType<CandleFeed['stream']> {
    return this.#options.feed.stream(...request);
  }

  quote(symbol: string): ReturnType<CandleFeed['quote']> {
    if (this.#failing === null) return this.#noted(this.#quoteInTime(symbol));
    const failingMs = this.#options.clock.monotonicMs() - this.#failing.sinceMs;
    return Promise.reject(
      fault(
        'E_EXCHANGE_DOWN',
        `${this.exchange} has not answered since ${Math.round(failingMs)} ms`,
        'the box keeps asking; check the line and the status page of the exchange if it lasts',
      ),
    );
  }

  listed(...request: Parameters<CandleFeed['listed']>): ReturnType<CandleFeed['listed']> {
    return this.#options.feed.listed(...request);
  }

  close(): ReturnType<CandleFeed['close']> {
    return this.#options.feed.close();
  }

  /** Looks after the exchange until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, checkMs, retryMs, symbol } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const waitMs = this.#failing === null ? checkMs : retryMs;
      // An aborted sleep rejects: the watch ends, or a request has failed.
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined);
      if (signal.aborted) return;
      if (this.#failing === null && clock.monotonicMs() - this.#answeredMs < checkMs) continue;
      try {
        await this.#quoteInTime(symbol, signal);
        this.#answered();
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
      }
    }
  }

  #answered(): void {
    const { clock, events } = this.#options;
    this.#answeredMs = clock.monotonicMs();
    if (this.#failing?.reported) events.onUp(this.exchange, this.#answeredMs - this.#failing.sinceMs);
    this.#failing = null;
  }

  #failed(error: unknown): void {
    const { clock, events } = this.#options;
    if (this.#failing === null) {
      this.#failing = { sinceMs: clock.monotonicMs(), reported: false };
      this.#wake.abort();
    } else if (!this.#failing.reported) {
      this.#failing.reported = true;
      events.onDown(this.exchange, messageOf(error));
    }
  }

  async #noted<T>(request: Promise<T>): Promise<T> {
    try {
      const result = await request;
      this.#answered();
      return result;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Rejects when `signal` aborts, too: who ends does not wait for an exchange that is silent. */
  async #quoteInTime(symbol: string, signal?: AbortSignal): ReturnType<CandleFeed['quote']> {
    const { feed, clock, quoteMsMax } = this.#options;
    const done = new AbortController();
    const either = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
    const late = clock.sleep(quoteMsMax, either).then(() => {
      throw fault(
        'E_EXCHANGE_SLOW',
        `${this.exchange}: no quote of ${symbol} within ${quoteMsMax} ms`,
        'the box keeps asking; check the line and the status page of the exchange if it lasts',
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
}
