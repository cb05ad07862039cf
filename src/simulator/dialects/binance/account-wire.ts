import type { AccountEvent } from '../../account-events.js';
import type { Ledger } from '../../ledger.js';
import { isOpen, isWaiting } from '../../order-engine.js';

type OrderEvent = Extract<AccountEvent, { kind: 'order' }>;

/** The event of Binance's user data stream: executionReport, outboundAccountPosition or balanceUpdate. */
export function accountEventWire(event: AccountEvent, ledger: Ledger): object {
  switch (event.kind) {
    case 'order':
      return executionReport(event);
    case 'balances':
      return {
        e: 'outboundAccountPosition',
        E: event.atMs,
        u: event.atMs,
        B: event.assets.map((asset) => {
          const { free, locked } = ledger.holding(asset);
          return { a: asset, f: free.toFixed(), l: locked.toFixed() };
        }),
      };
    case 'transfer':
      return { e: 'balanceUpdate', E: event.atMs, a: event.asset, d: event.delta.toFixed(), T: event.atMs };
  }
}

function executionReport({ execution, order, trade, atMs }: OrderEvent): object {
  const canceled = execution === 'CANCELED';
  return {
    e: 'executionReport',
    E: atMs,
    s: order.instrument.id,
    // As with the answer to a cancel, the order's own id moves aside.
    c: canceled ? `cancel-${order.orderId}` : order.clientOrderId,
    S: order.side.toUpperCase(),
    o: order.type,
    f: order.timeInForce,
    q: order.amount.toFixed(),
    p: order.price?.toFixed() ?? '0.00000000',
    P: order.trigger?.toFixed(8) ?? '0.00000000',
    F: '0.00000000',
    g: -1,
    C: canceled ? order.clientOrderId : '',
    x: execution,
    X: order.status,
    r: 'NONE',
    i: order.orderId,
    l: trade?.amount ?? '0.00000000',
    z: order.filled.toFixed(),
    L: trade?.price ?? '0.00000000',
    n: trade?.fee ?? '0',
    N: trade?.feeAsset ?? null,
    T: atMs,
    t: trade?.tradeId ?? -1,
    I: order.orderId,
    w: isOpen(order) && !isWaiting(order),
    m: trade?.maker ?? false,
    M: false,
    O: order.placedMs,
    Z: order.quoteFilled.toFixed(),
    Y: trade?.quoteAmount ?? '0.00000000',
    Q: '0.00000000',
    W: order.placedMs,
    V: 'EXPIRE_MAKER',
  };
}
