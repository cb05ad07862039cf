import { decimal, text } from '../../core/money.js';
import type { CapitalFlow } from '../../core/records.js';
import type { CcxtExchange, CcxtOrder, CcxtTrade, CcxtTransaction } from './ccxt-module.js';

/** An order and the executions that were listed beside it; not all of its executions need be among them. */
export interface ListedOrder {
  readonly order: CcxtOrder;
  readonly trades: readonly CcxtTrade[];
}

/** Exchanges answer for a day at most where both ends of a span are given. */
const WINDOW_MS = 86_400_000;
const ORDERS_MAX = 500;
const TRADES_MAX = 1000;

/** Orders of a symbol that were placed or traded at or after `sinceMs`, by lists of orders and of executions. */
export async function listOrders(
  api: CcxtExchange,
  symbol: string,
  sinceMs: number,
  nowMs: number,
): Promise<readonly ListedOrder[]> {
  const orders = new Map<string, CcxtOrder>();
  const trades = new Map<string, Map<string, CcxtTrade>>();
  for (let fromMs = sinceMs; fromMs <= nowMs; fromMs += WINDOW_MS) {
    const until = Math.min(fromMs + WINDOW_MS - 1, nowMs);
    const listed = api.has.fetchOrders
      ? await api.fetchOrders(symbol, fromMs, ORDERS_MAX, { until })
      : await api.fetchClosedOrders(symbol, fromMs, ORDERS_MAX, { until });
    for (const order of listed) if (order.id !== undefined) orders.set(order.id, order);
    for (const trade of await api.fetchMyTrades(symbol, fromMs, TRADES_MAX, { until })) {
      if (trade.order === undefined || trade.id === undefined) continue;
      const known = trades.get(trade.order) ?? new Map<string, CcxtTrade>();
      trades.set(trade.order, known.set(trade.id, trade));
    }
  }
  // A late execution belongs to an order that was placed before the span.
  for (const id of trades.keys()) if (!orders.has(id)) orders.set(id, await api.fetchOrder(id, symbol, {}));
  return [...orders].map(([id, order]) => ({ order, trades: [...(trades.get(id)?.values() ?? [])] }));
}

/** Binance, for one, answers for so long a span at most, and ccxt asks for no more. */
const TRANSFERS_MS = 90 * WINDOW_MS;

/** Finished deposits and withdrawals since then; null where ccxt cannot ask this exchange for them. */
export async function listTransfers(
  api: CcxtExchange,
  exchange: string,
  sinceMs: number,
  nowMs: number,
): Promise<readonly CapitalFlow[] | null> {
  if (!api.has.fetchDeposits || !api.has.fetchWithdrawals) return null;
  const flows = new Map<string, CapitalFlow>();
  // The first span is asked for in any case; a box that knows no beginning asks for the newest one.
  for (let fromMs = Math.max(sinceMs, 0) || nowMs - TRANSFERS_MS; ; fromMs += TRANSFERS_MS) {
    const deposits = await api.fetchDeposits(undefined, fromMs);
    const withdrawals = await api.fetchWithdrawals(undefined, fromMs);
    for (const flow of [
      ...deposits.flatMap((transaction) => flowOf(transaction, exchange, 'deposit')),
      ...withdrawals.flatMap((transaction) => flowOf(transaction, exchange, 'withdrawal')),
    ]) {
      flows.set(`${flow.kind} ${flow.flowId}`, flow);
    }
    if (fromMs + TRANSFERS_MS > nowMs) return [...flows.values()];
  }
}

function flowOf(
  transaction: CcxtTransaction,
  exchange: string,
  kind: 'deposit' | 'withdrawal',
): readonly CapitalFlow[] {
  const { id, txid, status, currency, amount, timestamp, fee } = transaction;
  const flowId = id ?? txid;
  if (status !== 'ok' || flowId === undefined || currency === undefined || amount === undefined) return [];
  const taken = kind === 'withdrawal' && fee?.currency === currency ? decimal(fee.cost ?? 0) : decimal(0);
  const gone = kind === 'withdrawal' ? decimal(amount).plus(taken).times(-1) : decimal(amount);
  return [{ exchange, flowId, kind, currency, amount: text(gone), atMs: timestamp ?? 0 }];
}
