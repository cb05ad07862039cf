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

/** The markets of one exchange as they are now: rules, and whether orders are taken. Read again while the box runs. */
export class MarketBook {
  readonly #options: MarketBookOptions;
  readonly #known;
  readonly #closures = new Map<string, Closure>();
  #isStale;
  #readMs;
  #refusalMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;
  #wake = new AbortController();

  constructor(options: MarketBookOptions) {
    this.#options = options;
    this.#known = new Map(options.listings);
    this.#isStale = options.isStale === true;
    this.#readMs = this.#isStale ? Number.NEGATIVE_INFINITY : options.clock.monotonicMs();
  }

  /** The exchange lists the market as closed: an order would be refused, and what rests is better left there. */
  isShut(symbol: string) {
    return this.#known.get(symbol)?.trading === false;
  }

  /** Reads the rules again. Never rejects. */
  refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  rules(symbol: string): MarketRules | undefined {
    return this.#known.get(symbol)?.rules;
  }

  /** Why no order of the symbol may leave now, in words that stay the same while it lasts; null when one may. */
  barrier(symbol: string, reducing: boolean): string | null {
    const closure = this.#closures.get(symbol);
    if (closure === undefined) return null;
    const mayTry =
      (reducing || !this.isShut(symbol)) && this.#options.clock.monotonicMs() >= closure.nextTryMs;
    return mayTry ? null : `${symbol} at ${this.#options.feed.exchange}: ${closure.why}`;
  }

  /** An order leaves: where the market is closed the next one waits twice as long. */
  leaves(symbol: string): void {
    const closure = this.#closures.get(symbol);
    if (closure === undefined) return;
    closure.waitMs = Math.min(closure.waitMs * 2, TRY_MS_MAX);
    closure.nextTryMs = this.#options.clock.monotonicMs() + closure.waitMs;
  }

  /** The exchange has taken an order. */
  taken(symbol: string): void {
    if (!this.isShut(symbol)) this.#open(symbol);
    // The list is older than that.
    else void this.refresh();
  }

  /** The exchange has refused an order for what it may know better; resolves once the rules are read again. */
  async refused(symbol: string, about: 'rules' | 'closed'): Promise<void> {
    if (about === 'closed')
      this.#close(symbol, 'the exchange says that it is closed', this.#options.clock.monotonicMs());
    if (this.#reading !== null) await this.#reading;
    if (this.#options.clock.monotonicMs() - this.#refusalMs < READ_GAP_MS) return;
    this.#refusalMs = this.#options.clock.monotonicMs();
    await this.refresh();
  }

  /** Reads them again each hour, and each minute while a market is closed or they could not be read, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (const [symbol, listing] of this.#known) this.#take(symbol, listing, listing);
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const dueMs = this.#readMs + (this.#closures.size > 0 || this.#isStale ? READ_SOON_MS : READ_MS);
      const waitMs = dueMs - this.#options.clock.monotonicMs();
      // An aborted sleep rejects: it is the end, or a market has closed and the next reading comes sooner.
      if (waitMs > 0)
        await this.#options.clock
          .sleep(waitMs, AbortSignal.any([signal, this.#wake.signal]))
          .catch(() => undefined);
      else await this.refresh();
    }
  }

  /** Closed markets and why, by symbol. */
  closed(): ReadonlyMap<string, string> {
    return new Map([...this.#closures].map(([symbol, { why }]) => [symbol, why]));
  }

  #close(symbol: string, why: string, refusedMs: number | null): void {
    const closure = this.#closures.get(symbol);
    if (closure !== undefined) {
      closure.refusedMs = refusedMs ?? closure.refusedMs;
      return;
    }
    const nowMs = this.#options.clock.monotonicMs();
    const first = { waitMs: TRY_MS_FIRST, nextTryMs: nowMs + TRY_MS_FIRST };
    this.#closures.set(symbol, { why, sinceMs: nowMs, refusedMs, ...first });
    this.#wake.abort();
    this.#options.events.onClosed(this.#options.feed.exchange, symbol, why);
  }

  #open(symbol: string): void {
    const closure = this.#closures.get(symbol);
    if (closure === undefined) return;
    this.#closures.delete(symbol);
    this.#options.events.onOpen(
      this.#options.feed.exchange,
      symbol,
      this.#options.clock.monotonicMs() - closure.sinceMs,
    );
  }

  #take(symbol: string, before: MarketListing, now: MarketListing | undefined): void {
    // What is no longer listed keeps its last rules: something may be held there.
    this.#known.set(symbol, now ?? { ...before, trading: false });
    if (now === undefined) {
      this.#close(symbol, 'the exchange no longer lists it', null);
      return;
    }
    if (!sameRules(before.rules, now.rules))
      this.#options.events.onRules(this.#options.feed.exchange, now.rules, before.rules);
    else this.#known.set(symbol, { ...now, rules: before.rules });
    if (!now.trading) {
      this.#close(symbol, 'the exchange lists it as not trading', null);
      return;
    }
    const refusedMs = this.#closures.get(symbol)?.refusedMs ?? null;
    if (
      !before.trading ||
      refusedMs === null ||
      this.#options.clock.monotonicMs() - refusedMs >= WORD_LASTS_MS
    )
      this.#open(symbol);
  }

  async #read(): Promise<void> {
    this.#readMs = this.#options.clock.monotonicMs();
    try {
      const listed = await this.#options.feed.listed([...this.#known.keys()]);
      for (const [symbol, before] of this.#known) this.#take(symbol, before, listed.get(symbol));
      this.#isStale = false;
    } catch (error) {
      this.#isStale = true;
      this.#options.events.onUnread(this.#options.feed.exchange, messageOf(error));
    }
  }
}

function sameRules(a: MarketRules, b: MarketRules): boolean {
  return (Object.keys(a) as (keyof MarketRules)[]).every((name) => a[name] === b[name]);
}
