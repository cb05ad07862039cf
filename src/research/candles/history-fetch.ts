import { waitMs } from '../../core/backoff.js';
import type { CandleColumns } from '../../core/candle.js';
import { toColumns } from '../../core/candle.js';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import type { CandleFeed } from '../../ports/market.js';
import type { Clock } from '../../ports/time.js';

/** Bars asked for at once; the pages lie on a fixed grid from `sinceMs`, so that a later run finds what is there. */
export const FETCH_PAGE_BARS = 500;

export interface HistoryFetchOptions {
  readonly feed: Pick<CandleFeed, 'history'>;
  readonly symbol: string;
  readonly timeframe: string;
  readonly barMs: number;
  /** Bars with open time in [sinceMs, untilMs). */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly clock: Clock;
  /** How many bars of page k are stored already: a page that is whole is not asked for again. */
  readonly storedBars: (page: number) => number;
  /** Stores a page, durably. */
  readonly keep: (rows: CandleColumns) => Promise<{ readonly added: number; readonly refused: number }>;
  readonly onProgress: (barsDone: number) => void;
  readonly signal: AbortSignal;
}

export interface HistoryFetchResult {
  readonly pages: number;
  readonly pagesKnown: number;
  readonly rows: number;
  readonly added: number;
  readonly refused: number;
}

const TRIES_MAX = 6;
const WAITS = { firstMs: 1000, maxMs: 16_000 };

/**
 * Pages through history and stores it as it comes. It may be stopped at any time and run again: what is stored is not
 * asked for twice. A request that fails is tried again with growing waits; the sixth failure in a row is the caller's.
 */
export async function fetchHistory(options: HistoryFetchOptions): Promise<HistoryFetchResult> {
  const { barMs, sinceMs, untilMs, signal } = options;
  const pageMs = FETCH_PAGE_BARS * barMs;
  const pages = Math.ceil((untilMs - sinceMs) / pageMs);
  let pagesKnown = 0;
  let rows = 0;
  let added = 0;
  let refused = 0;
  for (let page = 0; page < pages; page++) {
    signal.throwIfAborted();
    const fromMs = sinceMs + page * pageMs;
    const toMs = Math.min(untilMs, fromMs + pageMs);
    const bars = Math.ceil((toMs - fromMs) / barMs);
    if (options.storedBars(page) >= bars) pagesKnown += 1;
    else {
      const listed = await ask(options, fromMs);
      const own = listed.filter((row) => row.openMs >= fromMs && row.openMs < toMs);
      if (own.length > 0) {
        const kept = await options.keep(toColumns(own));
        rows += own.length;
        added += kept.added;
        refused += kept.refused;
      }
      // An empty start of history: the first bar the exchange has tells which pages need not be asked for.
      const firstMs = listed[0]?.openMs;
      if (own.length === 0 && firstMs !== undefined && firstMs >= toMs)
        page = Math.max(page, Math.floor((firstMs - sinceMs) / pageMs) - 1);
    }
    options.onProgress(Math.min(page + 1, pages) * FETCH_PAGE_BARS);
  }
  return { pages, pagesKnown, rows, added, refused };
}

async function ask(options: HistoryFetchOptions, fromMs: number) {
  const { feed, symbol, timeframe, clock, signal } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await feed.history(symbol, timeframe, fromMs, FETCH_PAGE_BARS);
    } catch (error) {
      signal.throwIfAborted();
      const passing = error instanceof RedbuttonError && error.code === 'E_EXCHANGE_REQUEST';
      if (!passing || tries >= TRIES_MAX) throw error;
      await clock.sleep(waitMs(WAITS, tries), signal).catch((reason: unknown) => {
        throw new Error(`stopped: ${messageOf(reason)}`);
      });
    }
  }
}
