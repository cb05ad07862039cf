import { messageOf } from '../core/errors.js';
import type { MarketListing, MarketRules } from '../core/order.js';
import type { CandleFeed } from '../ports/market.js';
import type { Clock } from '../ports/time.js';

export interface MarketBookOptions {
  readonly feed: Pick<CandleFeed, 'exchange' | 'listed'>;
  /** What is known to begin with, by symbol. */
  readonly listings: ReadonlyMap<string, MarketListing>;
  /** They are of an earlier day: read again as soon as can be. */
  readonly isStale?: boolean;
  readonly clock: Clock;
  readonly events: MarketEvents;
}

export interface MarketEvents {
  /** The exchange goes by other rules from now on. */
  readonly onRules: (exchange: string, rules: MarketRules, before: MarketRules) => void;
  /** No order is taken; told once, until `onOpen`. */
  readonly onClosed: (exchange: string, symbol: string, why: string) => void;
  readonly onOpen: (exchange: string, symbol: string, afterMs: number) => void;
  /** The rules could not be read: those known before go on to be used. */
  readonly onUnread: (exchange: string, detail: string) => void;
}

/** The markets of one exchange as they are now: rules, and whether orders are taken. Read again while the box runs. */
export interface MarketBook {
  rules(symbol: string): MarketRules | undefined;
  /** Why no order of the symbol may leave now, in words that stay the same while it lasts; null when one may. */
  barrier(symbol: string, reducing: boolean): string | null;
  /** The exchange lists the market as closed: an order would be refused, and what rests is better left there. */
  isShut(symbol: string): boolean;
  /** An order leaves: where the market is closed the next one waits twice as long. */
  leaves(symbol: string): void;
  /** The exchange has taken an order. */
  taken(symbol: string): void;
  /** The exchange has refused an order for what it may know better; resolves once the rules are read again. */
  refused(symbol: string, about: 'rules' | 'closed'): Promise<void>;
  /** Reads the rules again. Never rejects. */
  refresh(): Promise<void>;
  /** Reads them again each hour, and each minute while a market is closed or they could not be read, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Closed markets and why, by symbol. */
  closed(): ReadonlyMap<string, string>;
}

interface Closure {
  readonly why: string;
  readonly sinceMs: number;
  /** The exchange has refused an order for it last at this time; null where its list alone says so. */
  refusedMs: number | null;
  waitMs: number;
  nextTryMs: number;
}

const READ_MS = 3_600_000;
const READ_SOON_MS = 60_000;
/** From one reading for a refusal to the next. */
const READ_GAP_MS = 5_000;
const [TRY_MS_FIRST, TRY_MS_MAX] = [10_000, 300_000];
/** A market that the list calls open is taken for closed until so long after the last refusal, or until an order is taken. */
const WORD_LASTS_MS = 3_900_000;

export function createMarketBook(options: MarketBookOptions): MarketBook {
  const { feed, listings, clock, events } = options;
  const { exchange } = feed;
  const known = new Map(listings);
  const closures = new Map<string, Closure>();
  let isStale = options.isStale === true;
  let readMs = isStale ? Number.NEGATIVE_INFINITY : clock.monotonicMs();
  let refusalMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;
  let wake = new AbortController();

  function close(symbol: string, why: string, refusedMs: number | null): void {
    const closure = closures.get(symbol);
    if (closure !== undefined) {
      closure.refusedMs = refusedMs ?? closure.refusedMs;
      return;
    }
    const nowMs = clock.monotonicMs();
    const first = { waitMs: TRY_MS_FIRST, nextTryMs: nowMs + TRY_MS_FIRST };
    closures.set(symbol, { why, sinceMs: nowMs, refusedMs, ...first });
    wake.abort();
    events.onClosed(exchange, symbol, why);
  }

  function open(symbol: string): void {
    const closure = closures.get(symbol);
    if (closure === undefined) return;
    closures.delete(symbol);
    events.onOpen(exchange, symbol, clock.monotonicMs() - closure.sinceMs);
  }

  function take(symbol: string, before: MarketListing, now: MarketListing | undefined): void {
    // What is no longer listed keeps its last rules: something may be held there.
    known.set(symbol, now ?? { ...before, trading: false });
    if (now === undefined) {
      close(symbol, 'the exchange no longer lists it', null);
      return;
    }
    if (!sameRules(before.rules, now.rules)) events.onRules(exchange, now.rules, before.rules);
    else known.set(symbol, { ...now, rules: before.rules });
    if (!now.trading) {
      close(symbol, 'the exchange lists it as not trading', null);
      return;
    }
    const refusedMs = closures.get(symbol)?.refusedMs ?? null;
    if (!before.trading || refusedMs === null || clock.monotonicMs() - refusedMs >= WORD_LASTS_MS)
      open(symbol);
  }

  async function read(): Promise<void> {
    readMs = clock.monotonicMs();
    try {
      const listed = await feed.listed([...known.keys()]);
      for (const [symbol, before] of known) take(symbol, before, listed.get(symbol));
      isStale = false;
    } catch (error) {
      isStale = true;
      events.onUnread(exchange, messageOf(error));
    }
  }

  function refresh(): Promise<void> {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  }

  const isShut = (symbol: string) => known.get(symbol)?.trading === false;

  return {
    isShut,
    refresh,
    rules: (symbol) => known.get(symbol)?.rules,
    barrier(symbol, reducing) {
      const closure = closures.get(symbol);
      if (closure === undefined) return null;
      const mayTry = (reducing || !isShut(symbol)) && clock.monotonicMs() >= closure.nextTryMs;
      return mayTry ? null : `${symbol} at ${exchange}: ${closure.why}`;
    },
    leaves(symbol) {
      const closure = closures.get(symbol);
      if (closure === undefined) return;
      closure.waitMs = Math.min(closure.waitMs * 2, TRY_MS_MAX);
      closure.nextTryMs = clock.monotonicMs() + closure.waitMs;
    },
    taken(symbol) {
      if (!isShut(symbol)) open(symbol);
      // The list is older than that.
      else void refresh();
    },
    async refused(symbol, about) {
      if (about === 'closed') close(symbol, 'the exchange says that it is closed', clock.monotonicMs());
      if (reading !== null) await reading;
      if (clock.monotonicMs() - refusalMs < READ_GAP_MS) return;
      refusalMs = clock.monotonicMs();
      await refresh();
    },
    async run(signal) {
      for (const [symbol, listing] of known) take(symbol, listing, listing);
      while (!signal.aborted) {
        wake = new AbortController();
        const dueMs = readMs + (closures.size > 0 || isStale ? READ_SOON_MS : READ_MS);
        const waitMs = dueMs - clock.monotonicMs();
        // An aborted sleep rejects: it is the end, or a market has closed and the next reading comes sooner.
        if (waitMs > 0)
          await clock.sleep(waitMs, AbortSignal.any([signal, wake.signal])).catch(() => undefined);
        else await refresh();
      }
    },
    closed: () => new Map([...closures].map(([symbol, { why }]) => [symbol, why])),
  };
}

function sameRules(a: MarketRules, b: MarketRules): boolean {
  return (Object.keys(a) as (keyof MarketRules)[]).every((name) => a[name] === b[name]);
}
