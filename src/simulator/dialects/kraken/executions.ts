import type { AccountEvent } from '../../account-events.js';
import type { Trade } from '../../ledger.js';
import type { SimulatedOrder } from '../../order-engine.js';
import { orderTxid, tradeTxid } from './ids.js';
import { clOrdIdOf, ordertype } from './order-wire.js';

type OrderEvent = Extract<AccountEvent, { kind: 'order' }>;

const instant = (ms: number) => new Date(ms).toISOString();
const STATUS = {
  NEW: 'new',
  PARTIALLY_FILLED: 'partially_filled',
  FILLED: 'filled',
  CANCELED: 'canceled',
  EXPIRED: 'canceled',
} as const;

/**
 * Messages of the executions channel for one event. What ends an order names neither its market nor its side.
 * https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/executions
 */
export function executions({ execution, order, trade, atMs }: OrderEvent): readonly object[] {
  switch (execution) {
    case 'NEW':
      return ['pending_new', 'new'].map((type) => ({
        ...opened(order),
        exec_type: type,
        order_status: type,
        timestamp: instant(atMs),
      }));
    case 'TRADE': {
      const fill = traded(order, trade!, atMs);
      return order.status === 'FILLED' ? [fill, ended(order, 'filled', atMs)] : [fill];
    }
    default:
      return [ended(order, 'canceled', atMs)];
  }
}

/** An open order, as it stands in the snapshot as well. */
export function opened(order: SimulatedOrder): object {
  return {
    order_id: orderTxid(order.orderId),
    order_userref: 0,
    ...clOrdIdOf(order),
    symbol: order.instrument.symbol,
    order_qty: order.amount.toNumber(),
    cum_qty: order.filled.toNumber(),
    cum_cost: order.quoteFilled.toNumber(),
    time_in_force: order.timeInForce,
    exec_type: 'new',
    side: order.side,
    order_type: ordertype(order),
    limit_price_type: 'static',
    ...(order.price && { limit_price: order.price.toNumber() }),
    stop_price: order.trigger?.toNumber() ?? 0,
    order_status: STATUS[order.status],
    fee_usd_equiv: 0,
    fee_ccy_pref: order.feeIn === 'base' ? 'fcib' : 'fciq',
    timestamp: instant(order.updatedMs),
  };
}

function traded(order: SimulatedOrder, trade: Trade, atMs: number): object {
  return {
    order_id: orderTxid(order.orderId),
    exec_id: tradeTxid(trade.symbol, trade.tradeId),
    exec_type: 'trade',
    trade_id: trade.tradeId,
    symbol: trade.symbol,
    side: trade.side,
    last_qty: Number(trade.amount),
    last_price: Number(trade.price),
    liquidity_ind: trade.maker ? 'm' : 't',
    cost: Number(trade.quoteAmount),
    order_userref: 0,
    ...clOrdIdOf(order),
    order_status: STATUS[order.status],
    order_type: ordertype(order),
    fee_usd_equiv: 0,
    fees: [{ asset: trade.feeAsset, qty: Number(trade.fee) }],
    timestamp: instant(atMs),
  };
}

function ended(order: SimulatedOrder, type: 'filled' | 'canceled', atMs: number): object {
  const { filled, quoteFilled } = order;
  return {
    timestamp: instant(atMs),
    order_status: type,
    exec_type: type,
    order_userref: 0,
    order_id: orderTxid(order.orderId),
    ...clOrdIdOf(order),
    cum_qty: filled.toNumber(),
    cum_cost: quoteFilled.toNumber(),
    fee_usd_equiv: 0,
    avg_price: filled.gt(0) ? quoteFilled.div(filled).toNumber() : 0,
    ...(type === 'canceled' && { cancel_reason: 'User requested', reason: 'User requested' }),
  };
}
