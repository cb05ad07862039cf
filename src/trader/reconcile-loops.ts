import type { Log } from '../adapters/log/log.js';
import type { Alerts } from '../core/alert.js';
import { ReconcileLoop } from '../execution/reconcile-loop.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Clock } from '../ports/time.js';
import type { TradedExchange } from './open-exchanges.js';

export interface ReconcileLoopsParts {
  readonly exchanges: readonly TradedExchange[];
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly log: Log;
  readonly config: { readonly execution: { readonly reconcileMs: number } };
}

/** A comparison with each exchange by itself; what does not agree is logged. */
export function reconcileLoops(parts: ReconcileLoopsParts): ReadonlyMap<string, ReconcileLoop> {
  const { exchanges, pipeline, log, config, ...rest } = parts;
  return new Map(
    exchanges.map(({ id }) => [
      id,
      new ReconcileLoop({
        ...rest,
        orders: pipeline.orders,
        periodMs: config.execution.reconcileMs,
        exchange: id,
        onResult: (result) => {
          if (result.kind !== 'agreed')
            log.warn({ exchange: id, result }, 'the comparison with the exchange');
        },
      }),
    ]),
  );
}
