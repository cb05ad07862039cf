import type { Decimal } from '../core/money.js';
import type { Side } from '../core/order.js';

export const ORDER_TYPES = ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];
export type TimeInForce = 'GTC' | 'IOC' | 'FOK';

/** A new order as a dialect read it from the wire and checked it against the market's rules. */
export interface NewOrder {
  readonly clientOrderId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly amount: Decimal;
  /** Absent on orders that fill at market. */
  readonly price?: Decimal;
  /** Of stops alone: the price that wakes them. */
  readonly trigger?: Decimal;
  /** The currency that the fee is wanted in, where the exchange lets one choose. */
  readonly feeIn?: 'base' | 'quote';
}
