import { invariant } from '../core/errors.js';
import { type Decimal, decimal } from '../core/money.js';
import type { Side } from '../core/order.js';

/** What an account holds of one asset. */
export interface Holding {
  readonly free: Decimal;
  readonly locked: Decimal;
}

/** One execution as the exchange keeps it. Decimal text. */
export interface Trade {
  readonly tradeId: number;
  readonly orderId: number;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly amount: string;
  readonly quoteAmount: string;
  readonly fee: string;
  readonly feeAsset: string;
  readonly maker: boolean;
  readonly atMs: number;
}

const NOTHING: Holding = { free: decimal(0), locked: decimal(0) };

/** Money of one account in exact decimals: the ground truth that tests compare with. */
export class Ledger {
  readonly #holdings = new Map<string, Holding>();
  readonly trades: Trade[] = [];

  constructor(balances: Readonly<Record<string, string>>) {
    for (const [asset, amount] of Object.entries(balances)) {
      this.#holdings.set(asset, { free: decimal(amount), locked: decimal(0) });
    }
  }

  holding(asset: string): Holding {
    return this.#holdings.get(asset) ?? NOTHING;
  }

  assets(): readonly string[] {
    return [...this.#holdings.keys()];
  }

  /** Moves free units under an order's lock. */
  lock(asset: string, amount: Decimal): void {
    const { free, locked } = this.holding(asset);
    this.#set(asset, free.minus(amount), locked.plus(amount));
  }

  unlock(asset: string, amount: Decimal): void {
    const { free, locked } = this.holding(asset);
    this.#set(asset, free.plus(amount), locked.minus(amount));
  }

  /** Adds to (or, negative, takes from) the free units. */
  credit(asset: string, amount: Decimal): void {
    const { free, locked } = this.holding(asset);
    this.#set(asset, free.plus(amount), locked);
  }

  #set(asset: string, free: Decimal, locked: Decimal): void {
    invariant(
      free.gte(0) && locked.gte(0),
      `${asset} below zero: ${free.toFixed()} free, ${locked.toFixed()} locked`,
    );
    this.#holdings.set(asset, { free, locked });
  }
}
