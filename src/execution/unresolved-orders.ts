import { decimal, text } from '../core/money.js';
import type { OrderReport, OrderRequest } from '../core/order.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';

/** An order whose outcome is not known to the end: it blocks its symbol until it is. */
export interface UnsettledOrder {
  readonly order: OrderRequest;
  /** Monotonic time of the last possible send; after a restart, of the restart. */
  readonly sentMonotonicMs: number;
  /** Amount that stored fills already account for. */
  filledKnown: string;
  notFound: number;
  /** A stop of which the exchange has said that it waits for its trigger: it is in no doubt, and blocks nothing. */
  resting: boolean;
  /** The exchange was heard to have it. */
  placed: boolean;
}

/** What one look-up of an unsettled order came to. */
export type Settlement =
  | { readonly kind: 'report'; readonly report: OrderReport }
  /** Twice not found, the later time beyond send + recvWindow + margin. */
  | { readonly kind: 'absent'; readonly filledKnown: string; readonly placed: boolean }
  | { readonly kind: 'open' };

/**
 * The unsettled orders of the box. DESIGN.md, "An order's life": an unknown outcome is resolved by asking for the client
 * order id and by nothing else; it never times out into anything.
 */
export interface UnresolvedOrders {
  add(order: OrderRequest, filledKnown: string): void;
  /** Whether the order is known to rest; one that is not known any more is in doubt until it is looked up. */
  rest(clientOrderId: string, resting: boolean): void;
  remove(clientOrderId: string): void;
  blocks(exchange: string, symbol: string): boolean;
  /** All of them, those that rest too. */
  list(): readonly UnsettledOrder[];
  /** Those in doubt. */
  readonly count: number;
  /** Units of the stops that rest for a symbol. */
  stopAmount(exchange: string, symbol: string): string;
  /** Asks the broker once. A failed look-up leaves the order as it is. */
  look(entry: UnsettledOrder): Promise<Settlement>;
}

const ZERO = decimal(0);

export function createUnresolvedOrders(brokers: Brokers, clock: Clock, settleMs: number): UnresolvedOrders {
  const entries = new Map<string, UnsettledOrder>();
  return {
    add(order, filledKnown) {
      const known = entries.get(order.clientOrderId);
      if (known) {
        // A list that lags behind takes nothing back.
        if (decimal(filledKnown).gt(known.filledKnown)) known.filledKnown = filledKnown;
        return;
      }
      entries.set(order.clientOrderId, {
        order,
        sentMonotonicMs: clock.monotonicMs(),
        filledKnown,
        notFound: 0,
        resting: false,
        placed: false,
      });
    },
    rest(clientOrderId, resting) {
      const known = entries.get(clientOrderId);
      if (!known) return;
      known.resting = resting;
      known.placed ||= resting;
    },
    remove: (clientOrderId) => void entries.delete(clientOrderId),
    blocks(exchange, symbol) {
      for (const { order, resting } of entries.values()) {
        if (resting) continue;
        if (order.exchange === exchange && order.symbol === symbol) return true;
      }
      return false;
    },
    stopAmount(exchange, symbol) {
      let sum = ZERO;
      for (const { order, resting } of entries.values()) {
        if (resting && order.exchange === exchange && order.symbol === symbol) sum = sum.plus(order.amount);
      }
      return text(sum);
    },
    list: () => [...entries.values()],
    get count() {
      let count = 0;
      for (const { resting } of entries.values()) if (!resting) count++;
      return count;
    },
    async look(entry) {
      const { clientOrderId, exchange, symbol } = entry.order;
      let report: OrderReport | undefined;
      try {
        report = await brokers.of(exchange).find(clientOrderId, symbol);
      } catch {
        // An exchange that does not answer says nothing about the order; the next pass asks again.
        return { kind: 'open' };
      }
      if (report) {
        entry.notFound = 0;
        return { kind: 'report', report };
      }
      entry.notFound++;
      // An order that is not found any more may have been executed: until that is known it is in doubt.
      entry.resting = false;
      const late = clock.monotonicMs() - entry.sentMonotonicMs >= settleMs;
      return entry.notFound >= 2 && late
        ? { kind: 'absent', filledKnown: entry.filledKnown, placed: entry.placed }
        : { kind: 'open' };
    },
  };
}

/** What is wrong with a report about this order; null when it can be believed. Whatever an exchange says is checked. */
export function reportFlaw(order: OrderRequest, report: OrderReport): string | null {
  if (report.clientOrderId !== order.clientOrderId) return `it speaks of ${report.clientOrderId}`;
  if (report.symbol !== order.symbol || report.side !== order.side) return 'its symbol or side differs';
  try {
    if (decimal(report.filled).lt(0) || decimal(report.filled).gt(order.amount)) {
      return `${report.filled} filled of ${order.amount}`;
    }
    if (report.averagePrice !== null) decimal(report.averagePrice);
    const told = new Map(report.fills.map((fill) => [fill.fillId, fill.amount]));
    const sum = [...told.values()].reduce((total, amount) => total.plus(amount), decimal(0));
    if (sum.gt(report.filled)) return `fills of ${sum.toFixed()}, more than the ${report.filled} it tells`;
    for (const fill of report.fills) {
      if (
        fill.clientOrderId !== order.clientOrderId ||
        fill.symbol !== order.symbol ||
        fill.side !== order.side
      ) {
        return `fill ${fill.fillId} belongs to another order`;
      }
      if (!decimal(fill.price).gt(0) || !decimal(fill.amount).gt(0))
        return `fill ${fill.fillId} has no price or amount`;
      decimal(fill.fee);
    }
  } catch {
    return 'a figure in it is no number';
  }
  return null;
}
