import type { Ledger, Trade } from '../../ledger.js';
import { orderFigures } from '../../ledger-snapshot.js';
import type { SimulatedOrder } from '../../order-engine.js';

/** The answer to a new order with `newOrderRespType=FULL`. */
export function newOrderAnswer(order: SimulatedOrder): object {
  return {
    ...orderFigures(order),
    transactTime: order.placedMs,
    workingTime: order.placedMs,
    fills: order.trades.map((trade) => ({
      price: trade.price,
      qty: trade.amount,
      commission: trade.fee,
      commissionAsset: trade.feeAsset,
      tradeId: trade.tradeId,
    })),
  };
}

/** The answer to a cancel: Binance moves the order's own id to `origClientOrderId`. */
export function cancelAnswer(order: SimulatedOrder, cancelId: string): object {
  return {
    ...orderFigures(order),
    origClientOrderId: order.clientOrderId,
    clientOrderId: cancelId,
    transactTime: order.updatedMs,
  };
}

export function tradeAnswer(trade: Trade, symbolId: string): object {
  return {
    symbol: symbolId,
    id: trade.tradeId,
    orderId: trade.orderId,
    orderListId: -1,
    price: trade.price,
    qty: trade.amount,
    quoteQty: trade.quoteAmount,
    commission: trade.fee,
    commissionAsset: trade.feeAsset,
    time: trade.atMs,
    isBuyer: trade.side === 'buy',
    isMaker: trade.maker,
    isBestMatch: true,
  };
}

export function accountAnswer(ledger: Ledger, atMs: number): object {
  return {
    makerCommission: 10,
    takerCommission: 10,
    buyerCommission: 0,
    sellerCommission: 0,
    canTrade: true,
    canWithdraw: false,
    canDeposit: true,
    brokered: false,
    requireSelfTradePrevention: false,
    preventSor: false,
    updateTime: atMs,
    accountType: 'SPOT',
    balances: ledger.assets().map((asset) => {
      const { free, locked } = ledger.holding(asset);
      return { asset, free: free.toFixed(), locked: locked.toFixed() };
    }),
    permissions: ['SPOT'],
    uid: 1,
  };
}
