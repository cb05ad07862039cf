import { decimal } from '../../../core/money.js';
import type { Trade } from '../../ledger.js';
import { isOpen, isWaiting, type SimulatedOrder } from '../../order-engine.js';
import { orderTxid, tradeTxid } from './ids.js';
import { costDecimals, pairAltname, placesOf } from './names.js';
import { UNNAMED } from './order-request.js';

const ORDERTYPES = {
  MARKET: 'market',
  LIMIT: 'limit',
  LIMIT_MAKER: 'limit',
  STOP_LOSS: 'stop-loss',
  STOP_LOSS_LIMIT: 'stop-loss-limit',
} as const;

export function ordertype({ type }: SimulatedOrder): string {
  return ORDERTYPES[type];
}

/** What did not fill of an order that may not rest counts as canceled. */
function statusOf(order: SimulatedOrder): string {
  if (isOpen(order)) return 'open';
  return order.status === 'FILLED' ? 'closed' : 'canceled';
}

export function clOrdIdOf({ clientOrderId }: SimulatedOrder): { cl_ord_id?: string } {
  return clientOrderId.startsWith(UNNAMED) ? {} : { cl_ord_id: clientOrderId };
}

function feeOf({ trades }: SimulatedOrder) {
  return trades.reduce((sum, trade) => sum.plus(trade.fee), decimal(0));
}

export const seconds = (ms: number) => ms / 1000;

/** As in `buy 0.01000000 XBTUSD @ limit 50000.0`. */
export function description(order: SimulatedOrder): object {
  const { instrument, side, amount, price, trigger } = order;
  const places = placesOf(instrument.priceTick);
  const pair = pairAltname(instrument);
  const at = [
    ordertype(order).replace('-limit', '').replace('-', ' '),
    ...(trigger ? [trigger.toFixed(places), ...(price ? ['-> limit', price.toFixed(places)] : [])] : []),
    ...(!trigger && price ? [price.toFixed(places)] : []),
  ].join(' ');
  return {
    pair,
    type: side,
    ordertype: ordertype(order),
    price: (trigger ?? price)?.toFixed(places) ?? '0',
    price2: trigger && price ? price.toFixed(places) : '0',
    leverage: 'none',
    order: `${side} ${amount.toFixed(8)} ${pair} @ ${at}`,
    close: '',
  };
}

/** An order as OpenOrders, ClosedOrders and QueryOrders list it. */
export function orderInfo(order: SimulatedOrder, withTrades: boolean): object {
  const { instrument, filled, quoteFilled, trades } = order;
  const digits = costDecimals(instrument);
  const places = placesOf(instrument.priceTick);
  const status = statusOf(order);
  return {
    refid: null,
    userref: null,
    ...clOrdIdOf(order),
    status,
    ...(status !== 'open' && {
      reason: status === 'canceled' ? 'User requested' : null,
      closetm: seconds(order.updatedMs),
    }),
    opentm: seconds(order.placedMs),
    starttm: 0,
    expiretm: 0,
    descr: description(order),
    vol: order.amount.toFixed(8),
    vol_exec: filled.toFixed(8),
    cost: quoteFilled.toFixed(digits),
    fee: feeOf(order).toFixed(digits),
    price: filled.gt(0) ? quoteFilled.div(filled).round(places).toFixed(places) : (0).toFixed(places),
    stopprice: (isWaiting(order) ? 0 : (order.trigger?.toNumber() ?? 0)).toFixed(places),
    limitprice: (0).toFixed(places),
    misc: '',
    oflags: order.feeIn === 'base' ? 'fcib' : 'fciq',
    ...(withTrades && { trades: trades.map((trade) => tradeTxid(trade.symbol, trade.tradeId)) }),
  };
}

export function tradeInfo(trade: Trade, order: SimulatedOrder): object {
  return {
    ordertxid: orderTxid(trade.orderId),
    postxid: tradeTxid(`position ${trade.symbol}`, trade.tradeId),
    pair: pairAltname(order.instrument),
    time: seconds(trade.atMs),
    type: trade.side,
    ordertype: ordertype(order),
    price: trade.price,
    cost: trade.quoteAmount,
    fee: trade.fee,
    vol: decimal(trade.amount).toFixed(8),
    margin: '0.00000',
    misc: '',
    trade_id: trade.tradeId,
    maker: trade.maker,
  };
}
