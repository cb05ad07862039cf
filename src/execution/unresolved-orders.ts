import { decimal, text } from '../core/money.js';
import type { OrderReport, OrderRequest } from '../core/order.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';

/** An order whose outcome is not known to the end: it blocks its symbol until it is. */
export interface UnresolvedOrder {
  readonly order: OrderRequest;
  /** Monotonic time of the last possible send; after a restart, of the restart. */
  readonly sentMonotonicMs: number;
  /** Amount that stored fills already account for. */
  filledKnown: string;
  notFound: number;
  /** A stop of which the exchange has said that it waits for its trigger: it is not unknown, and blocks nothing. */
  resting: boolean;
  /** The exchange was heard to have it. */
  placed: boolean;
}

/** What one look-up of an unresolved order came to. */
export type Resolution =
  | { readonly kind: 'report'; readonly report: OrderReport }
  /** Twice not found, the later time beyond send + recvWindow + margin. */
  | { readonly kind: 'absent'; readonly filledKnown: string; readonly placed: boolean }
  | { readonly kind: 'open' };

const ZERO = decimal(0);

/**
 * The unresolved orders of the box. An unknown outcome is resolved by asking for the client
 * order id and by nothing else; it never times out into anything.
 */
export class UnresolvedOrders {
  readonly #brokers: Brokers;
  readonly #clock: Clock;
  readonly #inFlightMaxMs: number;
  readonly #entries = new Map<string, UnresolvedOrder>();

  constructor(brokers: Brokers, clock: Clock, inFlightMaxMs: number) {
    this.#brokers = brokers;
    this.#clock = clock;
    this.#inFlightMaxMs = inFlightMaxMs;
  }

  add(order: OrderRequest, filledKnown: string): void {
    const known = this.#entries.get(order.clientOrderId);
    if (known) {
      // A list that lags behind takes nothing back.
      if (decimal(filledKnown).gt(known.filledKnown)) known.filledKnown = filledKnown;
      return;
    }
    this.#entries.set(order.clientOrderId, {
      order,
      sentMonotonicMs: this.#clock.monotonicMs(),
      filledKnown,
      notFound: 0,
      resting: false,
      placed: false,
    });
  }

  /** Whether the order is known to rest; one that is not known any more is unknown until it is looked up. */
  rest(clientOrderId: string, resting: boolean): void {
    const known = this.#entries.get(clientOrderId);
    if (!known) return;
    known.resting = resting;
    known.placed ||= resting;
  }

  remove(clientOrderId: string): void {
    this.#entries.delete(clientOrderId);
  }

  blocks(exchange: string, symbol: string): boolean {
    for (const { order, resting } of this.#entries.values()) {
      if (resting) continue;
      if (order.exchange === exchange && order.symbol === symbol) return true;
    }
    return false;
  }

  /** Units of the stops that rest for a symbol. */
  stopAmount(exchange: string, symbol: string): string {
    let sum = ZERO;
    for (const { order, resting } of this.#entries.values()) {
      if (resting && order.exchange === exchange && order.symbol === symbol) sum = sum.plus(order.amount);
    }
    return text(sum);
  }

  /** All of them, those that rest too. */
  list(): readonly UnresolvedOrder[] {
    return [...this.#entries.values()];
  }

  /** Those of unknown outcome. */
  get count(): number {
    let count = 0;
    for (const { resting } of this.#entries.values()) if (!resting) count++;
    return count;
  }

  /** Asks the broker once. A failed look-up leaves the order as it is. */
  async look(entry: UnresolvedOrder): Promise<Resolution> {
    const { clientOrderId, exchange, symbol } = entry.order;
    let report: OrderReport | undefined;
    try {
      report = await this.#brokers.of(exchange).find(clientOrderId, symbol);
    } catch {
      // An exchange that does not answer says nothing about the order; the next pass asks again.
      return { kind: 'open' };
    }
    if (report) {
      entry.notFound = 0;
      return { kind: 'report', report };
    }
    entry.notFound++;
    // An order that is not found any more may have been executed: until that is known its outcome is unknown.
    entry.resting = false;
    const inFlightMaxMs = this.#brokers.of(exchange).inFlightMaxMs ?? this.#inFlightMaxMs;
    const late = this.#clock.monotonicMs() - entry.sentMonotonicMs >= inFlightMaxMs;
    return entry.notFound >= 2 && late
      ? { kind: 'absent', filledKnown: entry.filledKnown, placed: entry.placed }
      : { kind: 'open' };
  }
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
    if (sum.gt(report.filled)) return `fills of ${sum.toFixed()}, more than the ${report.filled} it reports`;
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
