import { decimal, text } from '../../core/money.js';
import type { OrderUpdate } from '../../core/order.js';
import type { OrderStream } from '../../ports/broker.js';
import type { CcxtOrder } from './ccxt-module.js';
import type { OrderIdCodec } from './dialects/order-ids.js';
import type { ConnectedExchange } from './exchange.js';

/**
 * What ccxt's `watchOrders` says of the account's orders; null where the exchange has no such stream. Each call follows
 * over a connection of its own, which `connect` makes: when the line of the bars is rebuilt, this one stays, and when this one
 * breaks, no bar waits for it. The markets are those of `primary`. The first connection is made at once: making one holds the
 * process up, on a slow board for as long as a guard waits for a sign of life, and here there is no guard yet.
 */
export async function createOrderStream(
  primary: ConnectedExchange,
  connect: () => Promise<ConnectedExchange>,
): Promise<OrderStream | null> {
  if (primary.api.has.watchOrders !== true) return null;
  let made: ConnectedExchange | null = await connect();
  return async (onUpdate, signal) => {
    await primary.api.loadMarkets();
    const own = made ?? (await connect());
    made = null;
    own.api.setMarketsFromExchange(primary.api);
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const watching = watch(own, onUpdate, signal);
    // Closing the line fails the watch that still waits, which is nobody's concern then.
    watching.catch(() => undefined);
    try {
      await Promise.race([watching, aborted]);
    } finally {
      await own.lines.close();
    }
  };
}

async function watch(
  { api, ids }: ConnectedExchange,
  onUpdate: (hint: OrderUpdate) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const order of await api.watchOrders()) {
      const hint = updateOf(order, ids);
      if (hint !== null && !signal.aborted) onUpdate(hint);
    }
  }
}

/** A word that names no order of a symbol says nothing; a figure that is no number is not said. */
function updateOf({ clientOrderId, symbol, filled }: CcxtOrder, ids: OrderIdCodec): OrderUpdate | null {
  if (clientOrderId === undefined || symbol === undefined) return null;
  const said = filled !== undefined && Number.isFinite(Number(filled));
  return { clientOrderId: ids.fromWire(clientOrderId), symbol, filled: said ? text(decimal(filled)) : null };
}
