import { badInput } from '../core/errors.js';
import type { AccountEvent } from './account-events.js';
import { type Instrument, type MarketSpec, type MarketTerms, toInstrument } from './instrument.js';
import { Ledger } from './ledger.js';
import { type ClosedBar, MarketReplay } from './market-replay.js';
import { type Bookkeeping, type FeeRates, type IdSource, OrderEngine } from './order-engine.js';
import { Refusal } from './refusal.js';
import { ReplayClock } from './replay-clock.js';
import { type BookSettings, DEFAULT_BOOK, SyntheticBook } from './synthetic-book.js';
import { deltaOf, type Transfer } from './transfers.js';

/** A trading account of the simulated exchange. Balances are decimal text by asset. */
export interface AccountSpec {
  readonly apiKey: string;
  readonly secret: string;
  readonly balances: Readonly<Record<string, string>>;
  /** What the key may do; trading alone, from any address, when left out. */
  readonly permissions?: KeyPermissions;
}

export interface KeyPermissions {
  readonly trading: boolean;
  readonly withdrawals: boolean;
  readonly addressBound: boolean;
}

const TRADING_ALONE: KeyPermissions = { trading: true, withdrawals: false, addressBound: false };

export interface SimulatedExchangeOptions {
  readonly markets: readonly MarketSpec[];
  /** Bars of the time line that are history from the beginning; at least 1. */
  readonly startIndex: number;
  readonly accounts?: readonly AccountSpec[];
  readonly book?: Partial<BookSettings>;
  readonly fees?: FeeRates;
  readonly bookkeeping?: Bookkeeping;
  /** Real monotonic milliseconds. */
  readonly monotonicMs: () => number;
}

export interface Account {
  readonly secret: string;
  readonly engine: OrderEngine;
  readonly permissions: KeyPermissions;
  /** Oldest first. */
  readonly transfers: Transfer[];
}

/** The exchange without its sockets: market replay, books, accounts and time. */
export class SimulatedExchange implements IdSource {
  readonly replay: MarketReplay;
  readonly clock: ReplayClock;
  readonly #accounts = new Map<string, Account>();
  readonly #books = new Map<Instrument, SyntheticBook>();
  #orderId = 0;
  readonly #tradeIds = new Map<string, number>();
  /** How far the exchange's clock runs ahead of the replay's, milliseconds: what a box with a wrong clock sees. */
  skewMs = 0;
  /** Told of what happens to each account. */
  onAccountEvent: (apiKey: string, event: AccountEvent) => void = () => {};

  constructor(options: SimulatedExchangeOptions) {
    const instruments = options.markets.map(toInstrument);
    if (new Set(instruments.map(({ id }) => id)).size !== instruments.length) {
      throw badInput('E_SIM_MARKET', 'a symbol is listed twice', 'name each symbol once');
    }
    this.replay = new MarketReplay(instruments, options.startIndex);
    this.clock = new ReplayClock(options.monotonicMs);
    this.clock.jump(this.replay.closeMs, this.replay.nextCloseMs);
    for (const instrument of instruments) {
      const book = new SyntheticBook(instrument, { ...DEFAULT_BOOK, ...options.book });
      const close = this.replay.lastClose(instrument);
      if (close !== undefined) book.draw(close);
      this.#books.set(instrument, book);
    }
    const fees = options.fees ?? { taker: '0.001', maker: '0.001' };
    for (const { apiKey, secret, balances, permissions = TRADING_ALONE } of options.accounts ?? []) {
      const engine = new OrderEngine(new Ledger(balances), this, fees, options.bookkeeping, (event) =>
        this.onAccountEvent(apiKey, event),
      );
      this.#accounts.set(apiKey, { secret, engine, permissions, transfers: [] });
    }
  }

  book(instrument: Instrument): SyntheticBook {
    return this.#books.get(instrument)!;
  }

  account(apiKey: string): Account | undefined {
    return this.#accounts.get(apiKey);
  }

  get accounts(): ReadonlyMap<string, Account> {
    return this.#accounts;
  }

  /** Money comes to an account or leaves it; throws the exchange's refusal where there is not so much. */
  transfer(apiKey: string, given: Omit<Transfer, 'id' | 'atMs'>): Transfer {
    const { engine, transfers } = this.#accounts.get(apiKey)!;
    const atMs = this.clock.wallMs();
    const transfer: Transfer = { ...given, id: `transfer-${transfers.length + 1}`, atMs };
    const delta = deltaOf(transfer);
    if (engine.ledger.holding(given.asset).free.plus(delta).lt(0)) throw new Refusal('insufficient');
    engine.ledger.credit(given.asset, delta);
    transfers.push(transfer);
    this.onAccountEvent(apiKey, { kind: 'transfer', asset: given.asset, delta, atMs });
    return transfer;
  }

  /** Changes a market from now on, in what is listed and in what is refused; false where there is no such symbol. */
  changeMarket(symbol: string, terms: Partial<MarketTerms>): boolean {
    const instrument = this.replay.instruments.find((it) => it.symbol === symbol);
    if (instrument) Object.assign(instrument, terms);
    return instrument !== undefined;
  }

  /** The time that the exchange tells. */
  serverMs(): number {
    return this.clock.wallMs() + this.skewMs;
  }

  /** Age of a request's time stamp by the exchange's clock; see ReplayClock. */
  ageMs(timestampMs: number): number {
    return this.clock.ageMs(timestampMs) + this.skewMs;
  }

  nextOrderId(): number {
    return ++this.#orderId;
  }

  nextTradeId(symbol: string): number {
    const id = (this.#tradeIds.get(symbol) ?? 0) + 1;
    this.#tradeIds.set(symbol, id);
    return id;
  }

  /** Completes the next bar: time jumps to its close, stops are triggered, resting orders fill, books are drawn again. */
  step(): readonly ClosedBar[] {
    const closed = this.replay.step();
    if (closed.length === 0) return closed;
    this.clock.jump(this.replay.closeMs, this.replay.nextCloseMs);
    for (const { instrument, candle } of closed) {
      for (const { engine } of this.#accounts.values()) {
        engine.barClosed(instrument, candle, this.book(instrument), this.replay.closeMs);
      }
      this.book(instrument).draw(candle.close);
    }
    return closed;
  }
}
