import { joinOutcomes } from '../core/guard-link.js';
import type { TraderDuties } from '../ports/guard.js';

/** The duties of a box at one of its exchanges. */
export interface VenueDuties {
  readonly exchange: string;
  readonly duties: TraderDuties;
}

/**
 * The duties at all exchanges as one, done at the same time. A halt is confirmed when every exchange has confirmed. The box
 * is reconciled as soon as one exchange agrees: the others stay at REDUCING by themselves until they have agreed too, so
 * that one that is away does not keep the box from trading on the rest.
 */
export function joinDuties(venues: readonly VenueDuties[]): TraderDuties {
  return {
    async cancelAll(order) {
      const results = await Promise.allSettled(venues.map(({ duties }) => duties.cancelAll(order)));
      return joinOutcomes(results.map((result, i) => ({ exchange: venues[i]!.exchange, result })));
    },
    async reconcile() {
      try {
        await Promise.any(venues.map(({ duties }) => duties.reconcile()));
      } catch (error) {
        const { errors } = error as AggregateError;
        throw new Error(errors.map((each, i) => `${venues[i]!.exchange}: ${String(each)}`).join('; '));
      }
    },
  };
}
