import { invariant } from '../core/errors.js';
import type { Broker } from '../ports/broker.js';

/** The brokers of a box, one for each exchange: an order, and every question about it, goes to its own exchange. */
export interface Brokers {
  /** Crashes where the box has no such exchange: nothing of another one may be asked or told here. */
  of(exchange: string): Broker;
  has(exchange: string): boolean;
  readonly all: readonly Broker[];
  /** Paper or live, all alike. */
  readonly kind: Broker['kind'];
}

export function createBrokers(brokers: readonly Broker[]): Brokers {
  const byExchange = new Map(brokers.map((broker) => [broker.exchange, broker]));
  const kind = brokers[0]?.kind;
  invariant(kind !== undefined && brokers.every((broker) => broker.kind === kind), 'brokers of one kind');
  invariant(byExchange.size === brokers.length, 'one broker for each exchange');
  return {
    of(exchange) {
      const broker = byExchange.get(exchange);
      invariant(broker, `the box has no broker for ${exchange}`);
      return broker;
    },
    has: (exchange) => byExchange.has(exchange),
    all: brokers,
    kind,
  };
}
