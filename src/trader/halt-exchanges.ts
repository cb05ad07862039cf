import type { HaltExchange } from '../execution/halt-handler.js';
import type { Pipeline } from '../pipeline/pipeline-api.js';
import type { Broker } from '../ports/broker.js';
import type { Venue } from './venue.js';

/** The box's exchanges as a halt needs them; `brokers` are those of the venues, in the same order. */
export function haltExchanges(
  venues: readonly Venue[],
  brokers: readonly Broker[],
  pipeline: Pipeline,
): readonly HaltExchange[] {
  return venues.map(({ id, config }, i) => ({
    broker: brokers[i]!,
    symbols: config.symbols,
    async resolveUnknown() {
      await pipeline.settle(id);
      return pipeline.unsettledAt(id);
    },
    invalidate: () => pipeline.doubt(id),
    compare: () => pipeline.reconcile(id),
    flatten: () => pipeline.flatten(id),
    positions: () =>
      Object.entries(pipeline.state().positions)
        .filter(([name, units]) => units !== 0 && name.startsWith(`${id}:`))
        .map(([name, units]) => `${units} ${name}`),
  }));
}
