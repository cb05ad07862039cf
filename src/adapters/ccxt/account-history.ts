import { decimal, text } from '../../core/money.js';
import type { CapitalFlow } from '../../core/records.js';
import type { CcxtOrder, CcxtTrade, CcxtTransaction } from './ccxt-module.js';
import type { ConnectedExchange } from './exchange.js';

/** An order and the executions that were listed beside it; not all of its executions need be among them. */
export interface ListedOrder {
  readonly order: CcxtOrder;
  readonly trades: readonly CcxtTrade[];
}

/** Exchanges answer for a day at most where both ends of a span are given. */
const WINDOW_MS = 86_400_000;

/** Orders that were placed or traded at or after `sinceMs`, by lists of orders and of executions; of the account without a symbol. */
export async function listOrders(
  { api, dialect }: ConnectedExchange,
  symbol: string | undefined,
  sinceMs: number,
  nowMs: number,
): Promise<readonly ListedOrder[]> {
  const orders = new Map<string, CcxtOrder>();
  const trades = new Map<string, Map<string, CcxtTrade>>();
  // Where the account's lists come in pages, they need no windows.
  const windowMs = symbol === undefined ? Number.POSITIVE_INFINITY : WINDOW_MS;
  for (let fromMs = sinceMs; fromMs <= nowMs; fromMs += windowMs) {
    const span = { symbol, fromMs, untilMs: Math.min(fromMs + windowMs - 1, nowMs) };
    for (const list of dialect.history)
      for (const order of await list(api, span)) if (order.id !== undefined) orders.set(order.id, order);
    for (const trade of await dialect.tradesIn(api, span)) {
      if (trade.order === undefined || trade.id === undefined) continue;
      const known = trades.get(trade.order) ?? new Map<string, CcxtTrade>();
      trades.set(trade.order, known.set(trade.id, trade));
    }
  }
  // A late execution belongs to an order that was placed before the span.
  for (const [id, [first]] of trades) {
    if (orders.has(id)) continue;
    const order = await dialect.findById(api, id, symbol ?? first?.[1].symbol ?? '');
    if (order === undefined) throw new Error(`order ${id} of an execution was not found`);
    orders.set(id, order);
  }
  return [...orders].map(([id, order]) => ({ order, trades: [...(trades.get(id)?.values() ?? [])] }));
}

/** Finished deposits and withdrawals since then; null where this exchange cannot be asked for them. */
export async function listTransfers(
  { api, id: exchange, dialect }: ConnectedExchange,
  sinceMs: number,
  nowMs: number,
): Promise<readonly CapitalFlow[] | null> {
  const spanMs = dialect.transfersSpanMs;
  if (spanMs === null || !api.has.fetchDeposits || !api.has.fetchWithdrawals) return null;
  const flows = new Map<string, CapitalFlow>();
  // The first span is asked for in any case; a box that knows no beginning asks for the newest one.
  for (let fromMs = Math.max(sinceMs, 0) || nowMs - spanMs; ; fromMs += spanMs) {
    const deposits = await api.fetchDeposits(undefined, fromMs);
    const withdrawals = await api.fetchWithdrawals(undefined, fromMs);
    for (const flow of [
      ...deposits.flatMap((transaction) => flowOf(transaction, exchange, 'deposit')),
      ...withdrawals.flatMap((transaction) => flowOf(transaction, exchange, 'withdrawal')),
    ]) {
      flows.set(`${flow.kind} ${flow.flowId}`, flow);
    }
    if (fromMs + spanMs > nowMs) return [...flows.values()];
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
