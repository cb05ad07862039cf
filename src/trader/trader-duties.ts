import { RECV_WINDOW_MS } from '../adapters/ccxt/index.js';
import { createHaltDuties } from '../execution/halt-duties.js';
import { joinDuties } from '../execution/join-duties.js';
import type { Pipeline } from '../pipeline/pipeline-api.js';
import type { Broker } from '../ports/broker.js';
import type { TraderDuties } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import type { Venue } from './venue.js';

/** recvWindow and a margin for what was on its way. */
const LIVE_SETTLE_MS = RECV_WINDOW_MS + 1000;

export interface TraderDutiesParts {
  readonly venues: readonly Venue[];
  readonly brokers: readonly Broker[];
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly isOurs: (clientOrderId: string) => boolean;
  readonly scope: 'ours' | 'account';
}

/** What the guard asks of the trader, done at every exchange at the same time. */
export function tradersDuties(parts: TraderDutiesParts): TraderDuties {
  const { venues, pipeline, clock, isOurs, scope } = parts;
  return joinDuties(
    venues.map(({ id, config }, i) => {
      const broker = parts.brokers[i]!;
      return {
        exchange: id,
        duties: createHaltDuties({
          broker,
          clock,
          symbols: config.symbols,
          isOurs,
          settleMs: broker.kind === 'paper' ? 0 : LIVE_SETTLE_MS,
          async settle() {
            await pipeline.settle(id);
            return pipeline.unsettledAt(id);
          },
          doubt: () => pipeline.doubt(id),
          compare: () => pipeline.reconcile(id),
          scope,
          flatten: () => pipeline.flatten(id),
          positions: () =>
            Object.entries(pipeline.state().positions)
              .filter(([name, units]) => units !== 0 && name.startsWith(`${id}:`))
              .map(([name, units]) => `${units} ${name}`),
        }),
      };
    }),
  );
}

/** A halt first ends the creates of before that are under way, now, not when they are next asked or a disk has answered. */
export function endCreatesFirst(venues: readonly Venue[], duties: TraderDuties): TraderDuties {
  return {
    ...duties,
    cancelAll(order) {
      for (const { connection } of venues) connection.creates.recheck();
      return duties.cancelAll(order);
    },
  };
}
