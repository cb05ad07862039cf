import type { Log } from '../adapters/log/log.js';
import { followOrders } from '../execution/order-updates.js';
import type { ReconcileLoop } from '../execution/reconcile-loop.js';
import type { Pipeline } from '../pipeline/pipeline.js';
import type { Clock } from '../ports/time.js';
import type { TradedExchange } from './open-exchanges.js';

export interface OrderStreamParts {
  readonly exchanges: readonly TradedExchange[];
  readonly pipeline: Pipeline;
  readonly reconciling: ReadonlyMap<string, ReconcileLoop>;
  readonly clock: Clock;
  readonly log: Log;
}

/** An exchange that refuses the stream for good is asked each minute whether it still does. */
const BACKOFF_MS = [250, 1000, 5000, 20_000, 60_000];

/** Follows what each exchange says of our orders, where it says anything; elsewhere orders are learnt of by asking alone. */
export function orderStreams(parts: OrderStreamParts): readonly ((signal: AbortSignal) => Promise<void>)[] {
  const { pipeline, reconciling, clock, log } = parts;
  return parts.exchanges.flatMap(({ id, orders }) => {
    if (orders === null) return [];
    let told = '';
    return (signal: AbortSignal) =>
      followOrders(
        {
          exchange: id,
          stream: orders,
          orders: pipeline.orders,
          clock,
          backoffMs: BACKOFF_MS,
          onBack: () => reconciling.get(id)?.wake(),
          onLost(detail) {
            if (detail !== told) log.warn({ exchange: id, detail }, 'the order stream broke');
            told = detail;
          },
        },
        signal,
      );
  });
}
