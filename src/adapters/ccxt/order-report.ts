import { decimal, text } from '../../core/money.js';
import type { Fill, OrderReport, Side } from '../../core/order.js';
import { currenciesOf } from '../../core/symbol.js';
import type { CcxtOrder, CcxtTrade, Figure } from './ccxt-module.js';
import { isProtectiveStop } from './protective-stop.js';

/** What an order report is read from: ccxt's order, and the executions known beside it. */
export interface ReportSource {
  readonly exchange: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly order: CcxtOrder;
  readonly trades: readonly CcxtTrade[];
  /** Wall time for what carries no time of its own. */
  readonly nowMs: number;
}

/** The report in our own words. Figures are the exchange's decimal text, never a binary float. */
export function orderReport(source: ReportSource): OrderReport {
  const { order, symbol, clientOrderId } = source;
  const side = sideOf(order);
  const filled = figure(order.filled) ?? '0';
  return {
    clientOrderId,
    exchangeOrderId: order.id ?? null,
    symbol,
    side,
    status:
      order.filled === undefined || order.filled === null ? unfilledStatus(order) : statusOf(order, filled),
    amount: figure(order.amount) ?? filled,
    filled,
    averagePrice: decimal(filled).gt(0) ? (figure(order.average) ?? null) : null,
    fills: source.trades.map((trade) => toFill(source, side, trade)),
    ...(isProtectiveStop(order) && {
      protective: true as const,
      triggerPrice: figure(order.triggerPrice ?? order.stopLossPrice)!,
    }),
    atMs: order.lastUpdateTimestamp ?? order.lastTradeTimestamp ?? order.timestamp ?? source.nowMs,
  };
}

/** Whether the executions at hand make up all that the order has filled. */
export function tradesComplete(order: CcxtOrder, trades: readonly CcxtTrade[]): boolean {
  const total = trades.reduce((sum, trade) => sum.plus(figure(trade.amount) ?? 0), decimal(0));
  return total.eq(figure(order.filled) ?? 0);
}

function statusOf(order: CcxtOrder, filled: string): OrderReport['status'] {
  switch (order.status) {
    case 'open':
      return decimal(filled).gt(0) ? 'partially_filled' : 'accepted';
    case 'closed':
      // Some exchanges call "closed" what ended short of its amount: that is a cancel to us.
      return order.amount === undefined || decimal(filled).gte(order.amount) ? 'filled' : 'canceled';
    case 'canceled':
    case 'expired':
    case 'rejected':
      return order.status;
    default:
      return 'unknown';
  }
}

/** How much of an ended order filled decides what it ended as: where that is not told, nothing is known of its end. */
function unfilledStatus({ status }: CcxtOrder): OrderReport['status'] {
  if (status === 'open') return 'accepted';
  return status === 'rejected' ? 'rejected' : 'unknown';
}

function sideOf(order: CcxtOrder): Side {
  if (order.side !== 'buy' && order.side !== 'sell') {
    throw new Error(`order ${order.id ?? '?'} has no side`);
  }
  return order.side;
}

function toFill(source: ReportSource, side: Side, trade: CcxtTrade): Fill {
  const fee = trade.fee?.cost !== undefined ? trade.fee : trade.fees?.[0];
  const price = figure(trade.price);
  const amount = figure(trade.amount);
  if (trade.id === undefined || price === undefined || amount === undefined) {
    throw new Error(`an execution of ${source.clientOrderId} lacks its id, price or amount`);
  }
  return {
    fillId: trade.id,
    clientOrderId: source.clientOrderId,
    exchange: source.exchange,
    symbol: source.symbol,
    side,
    price,
    amount,
    fee: figure(fee?.cost) ?? '0',
    feeCurrency: fee?.currency ?? currenciesOf(source.symbol).quote,
    atMs: trade.timestamp ?? source.order.timestamp ?? source.nowMs,
  };
}

function figure(value: Figure | undefined | null): string | undefined {
  return value === undefined || value === null ? undefined : text(decimal(value));
}
