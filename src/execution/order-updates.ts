import { Backoff } from '../core/backoff.js';
import { messageOf } from '../core/errors.js';
import type { OrderUpdate } from '../core/order.js';
import type { OrderStream } from '../ports/broker.js';
import type { Clock } from '../ports/time.js';
import type { ExchangeOrders } from './exchange-orders.js';

export interface OrderStreamLoopOptions {
  readonly exchange: string;
  readonly stream: OrderStream;
  readonly orders: Pick<ExchangeOrders, 'onOrderUpdate'>;
  readonly clock: Clock;
  /** Between tries to follow it again; the last one for all further tries. */
  readonly backoffMs: readonly number[];
  /** What was said while nobody listened is lost: the exchange must be compared with. */
  readonly onBack: () => void;
  /** For the log: orders are still learnt of by asking, so this is no fault of the box. */
  readonly onLost: (detail: string) => void;
}

/** A line that stood for this long has not failed at once: tries begin again. */
const STEADY_MS = 60_000;
/** A new subscription is surely heard by then: what came before it is compared, what comes after is told. */
const SUBSCRIBED_MS = 2000;

/** Follows an exchange's word on our orders for as long as the box runs, and asks at once where it says something new. */
export async function followOrders(options: OrderStreamLoopOptions, signal: AbortSignal): Promise<void> {
  const { clock } = options;
  const backoff = new Backoff(options.backoffMs, STEADY_MS);
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const startedMs = clock.monotonicMs();
    const line = new AbortController();
    const stop = () => line.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (!isFirst) {
      // An aborted sleep rejects: that line is gone already.
      clock.sleep(SUBSCRIBED_MS, line.signal).then(options.onBack, () => undefined);
    }
    let broken: { readonly error: unknown } | null = null;
    const onUpdate = (hint: OrderUpdate) => {
      options.orders.onOrderUpdate(options.exchange, hint).catch((error: unknown) => {
        broken ??= { error };
        line.abort();
      });
    };
    const lost = await options.stream(onUpdate, line.signal).then(() => null, messageOf);
    line.abort();
    signal.removeEventListener('abort', stop);
    // What was heard could not be stored, and the box must not go on as if it had been.
    if (broken !== null) throw (broken as { readonly error: unknown }).error;
    if (signal.aborted) return;
    options.onLost(lost ?? 'it ended');
    const waitMs = backoff.failed(clock.monotonicMs() - startedMs);
    // An aborted sleep rejects, and the loop ends by its own condition.
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
