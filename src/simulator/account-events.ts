import type { Decimal } from '../core/money.js';
import type { Trade } from './ledger.js';
import type { SimulatedOrder } from './order-engine.js';

/** What of an order has just happened, in the exchange's own words. */
export type ExecutionType = 'NEW' | 'TRADE' | 'CANCELED' | 'EXPIRED';

/**
 * Something that happened to an account, told at the moment it happened: the order continues changing, so whoever keeps
 * an event must write down at once what it says.
 */
export type AccountEvent =
  | {
      readonly kind: 'order';
      readonly execution: ExecutionType;
      readonly order: SimulatedOrder;
      /** Of a `TRADE`. */
      readonly trade?: Trade;
      readonly atMs: number;
    }
  /** These assets hold other amounts now, for whatever reason but a transfer. */
  | { readonly kind: 'balances'; readonly assets: readonly string[]; readonly atMs: number }
  /** A deposit (above zero) or a withdrawal. */
  | { readonly kind: 'transfer'; readonly asset: string; readonly delta: Decimal; readonly atMs: number };

export type AccountListener = (event: AccountEvent) => void;
