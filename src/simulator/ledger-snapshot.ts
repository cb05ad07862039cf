import type { Trade } from './ledger.js';
import { isOpen, isWaiting, type SimulatedOrder } from './order-engine.js';
import type { SimulatedExchange } from './simulated-exchange.js';
import type { Transfer } from './transfers.js';

/** Everything the exchange knows of its accounts, ready for JSON. Decimal text. */
export interface LedgerSnapshot {
  readonly wallMs: number;
  readonly accounts: readonly {
    readonly apiKey: string;
    readonly balances: Readonly<Record<string, { readonly free: string; readonly locked: string }>>;
    readonly orders: readonly object[];
    readonly trades: readonly Trade[];
    readonly transfers: readonly Transfer[];
  }[];
}

export function ledgerSnapshot(exchange: SimulatedExchange): LedgerSnapshot {
  return {
    wallMs: exchange.clock.wallMs(),
    accounts: [...exchange.accounts].map(([apiKey, { engine, transfers }]) => ({
      apiKey,
      balances: Object.fromEntries(
        engine.ledger.assets().map((asset) => {
          const { free, locked } = engine.ledger.holding(asset);
          return [asset, { free: free.toFixed(), locked: locked.toFixed() }];
        }),
      ),
      orders: engine.orders.map(ledgerOrder),
      trades: [...engine.ledger.trades],
      transfers: [...transfers],
    })),
  };
}

/** An order as the ledger lists it, whatever the dialect: in the form of Binance's look-ups. */
export function ledgerOrder(order: SimulatedOrder): object {
  return {
    ...orderFigures(order),
    icebergQty: '0.00000000',
    time: order.placedMs,
    updateTime: order.updatedMs,
    isWorking: isOpen(order) && !isWaiting(order),
    workingTime: order.placedMs,
    origQuoteOrderQty: '0.00000000',
  };
}

export function orderFigures(order: SimulatedOrder): object {
  return {
    symbol: order.instrument.id,
    orderId: order.orderId,
    orderListId: -1,
    clientOrderId: order.clientOrderId,
    price: order.price?.toFixed() ?? '0.00000000',
    stopPrice: order.trigger?.toFixed() ?? '0.00000000',
    origQty: order.amount.toFixed(),
    executedQty: order.filled.toFixed(),
    cummulativeQuoteQty: order.quoteFilled.toFixed(),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side.toUpperCase(),
    selfTradePreventionMode: 'EXPIRE_MAKER',
  };
}
