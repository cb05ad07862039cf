import { type Decimal, decimal, roundToTick } from '../core/money.js';
import type { Side } from '../core/order.js';
import { syntheticPrices } from '../core/synthetic-quote.js';
import type { Instrument } from './instrument.js';

/** How the synthetic book is drawn around the last close. */
export interface BookSettings {
  readonly halfSpreadBps: number;
  /** Units at the best price of either side; level k holds (k + 1) times as much. */
  readonly topSize: string;
  readonly levels: number;
}

export const DEFAULT_BOOK: BookSettings = { halfSpreadBps: 1, topSize: '100000', levels: 10 };

export interface Level {
  readonly price: Decimal;
  readonly size: Decimal;
}

/** What changed since the diff before; a removed level has size zero. */
export interface BookChanges {
  readonly firstUpdateId: number;
  readonly lastUpdateId: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** One execution against the book. */
export interface Take {
  readonly price: Decimal;
  readonly amount: Decimal;
}

/** A deterministic book of one instrument: drawn again at each close, eaten by takers until the next. */
export class SyntheticBook {
  readonly #instrument: Instrument;
  readonly #settings: BookSettings;
  #bids: Level[] = [];
  #asks: Level[] = [];
  #last: Decimal | undefined;
  /** Grows by one with each change, as `lastUpdateId` does. */
  #updateId = 1;
  #told: { id: number; bids: readonly Level[]; asks: readonly Level[] } = { id: 1, bids: [], asks: [] };

  constructor(instrument: Instrument, settings: BookSettings) {
    this.#instrument = instrument;
    this.#settings = settings;
  }

  get updateId(): number {
    return this.#updateId;
  }

  bids(limit: number): readonly Level[] {
    return this.#bids.slice(0, limit);
  }

  asks(limit: number): readonly Level[] {
    return this.#asks.slice(0, limit);
  }

  get empty(): boolean {
    return this.#bids.length === 0 && this.#asks.length === 0;
  }

  /** The close that it was drawn around. */
  get last(): Decimal | undefined {
    return this.#last;
  }

  /** Units that an order of `side` finds in all. */
  depth(side: Side): Decimal {
    const levels = side === 'buy' ? this.#asks : this.#bids;
    return levels.reduce((total, { size }) => total.plus(size), decimal(0));
  }

  /** Draws the book around a close. Levels lie one half-spread (at least one tick) apart. */
  draw(close: number): void {
    this.#last = decimal(close);
    const tick = decimal(this.#instrument.priceTick);
    const { bid, ask } = syntheticPrices(close, this.#settings.halfSpreadBps, this.#instrument.priceTick);
    const halfSpread = roundToTick(ask.minus(bid).div(2), tick);
    const gap = halfSpread.gt(tick) ? halfSpread : tick;
    const top = decimal(this.#settings.topSize);
    this.#bids = [];
    this.#asks = [];
    for (let k = 0; k < this.#settings.levels; k++) {
      const size = top.times(k + 1);
      const below = bid.minus(gap.times(k));
      if (below.gt(0)) this.#bids.push({ price: below, size });
      this.#asks.push({ price: ask.plus(gap.times(k)), size });
    }
    this.#updateId++;
  }

  /** What an order of `side` would take now, best price first, no worse than `limit`. The book stays as it is. */
  match(side: Side, amount: Decimal, limit?: Decimal): readonly Take[] {
    const takes: Take[] = [];
    let left = amount;
    for (const level of side === 'buy' ? this.#asks : this.#bids) {
      if (left.lte(0)) break;
      if (limit && (side === 'buy' ? level.price.gt(limit) : level.price.lt(limit))) break;
      const taken = level.size.lt(left) ? level.size : left;
      takes.push({ price: level.price, amount: taken });
      left = left.minus(taken);
    }
    return takes;
  }

  /** Removes from the book what an order of `side` took. */
  take(side: Side, takes: readonly Take[]): void {
    if (takes.length === 0) return;
    const levels = side === 'buy' ? this.#asks : this.#bids;
    const taken = new Map(takes.map((take) => [take.price.toFixed(), take.amount]));
    const left = levels
      .map((level) => ({ price: level.price, size: level.size.minus(taken.get(level.price.toFixed()) ?? 0) }))
      .filter((level) => level.size.gt(0));
    if (side === 'buy') this.#asks = left;
    else this.#bids = left;
    this.#updateId++;
  }

  /** The diff since the last call. */
  changes(): BookChanges {
    const told = this.#told;
    this.#told = { id: this.#updateId, bids: this.#bids, asks: this.#asks };
    return {
      firstUpdateId: told.id + 1,
      lastUpdateId: this.#updateId,
      bids: diff(told.bids, this.#bids),
      asks: diff(told.asks, this.#asks),
    };
  }
}

function diff(before: readonly Level[], after: readonly Level[]): readonly Level[] {
  const kept = new Set(after.map(({ price }) => price.toFixed()));
  const removed = before.filter(({ price }) => !kept.has(price.toFixed()));
  return [...removed.map(({ price }) => ({ price, size: decimal(0) })), ...after];
}
