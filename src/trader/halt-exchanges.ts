import type { HaltExchange } from '../execution/halt-handler.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Broker } from '../ports/broker.js';
import type { TradedExchange } from './open-exchanges.js';

/** The box's exchanges as a halt needs them; `brokers` are those of the exchanges, in the same order. */
export function haltExchanges(
  exchanges: readonly TradedExchange[],
  brokers: readonly Broker[],
  pipeline: Pipeline,
): readonly HaltExchange[] {
  return exchanges.map(({ id, config }, i) => ({
    broker: brokers[i]!,
    symbols: config.symbols,
    async resolveUnknown() {
      await pipeline.orders.resolveUnknown(id);
      return pipeline.orders.unresolvedAt(id);
    },
    invalidate: () => pipeline.orders.invalidate(id),
    compare: () => pipeline.orders.reconcile(id),
    flatten: () => pipeline.orders.flatten(id),
    positions: () =>
      Object.entries(pipeline.state().positions)
        .filter(([name, units]) => units !== 0 && name.startsWith(`${id}:`))
        .map(([name, units]) => `${units} ${name}`),
  }));
}
