import { setTimeout as delay } from 'node:timers/promises';
import { decimal } from '../../../core/money.js';
import type { ApiRequest, DialectParts } from '../../dialect.js';
import type { SimulatedOrder } from '../../order-engine.js';
import type { Account, SimulatedExchange } from '../../simulated-exchange.js';
import type { CallLimits } from './call-limits.js';
import { orderTxid, tradeTxid } from './ids.js';
import { errors } from './kraken-error.js';
import { assetDecimals, assetId, pairId } from './names.js';
import { readNewOrder } from './order-request.js';
import { description, orderInfo, seconds, tradeInfo } from './order-wire.js';
import { instrumentOf } from './public-routes.js';
import type { Tokens } from './tokens.js';

/** A private call of an account; throws a KrakenError to refuse. */
export interface PrivateCall {
  readonly apiKey: string;
  readonly account: Account;
  readonly request: ApiRequest;
}

type PrivateRoute = (call: PrivateCall) => unknown;

const PAGE_ROWS = 50;
const TOKEN_S = 900;

/** https://docs.kraken.com/api-reference/account-data, …/trading and …/funding: what our adapter and ccxt's class ask for. */
export class PrivateRoutes {
  readonly #exchange: SimulatedExchange;
  readonly #parts: DialectParts;
  readonly #limits: CallLimits;
  readonly #tokens: Tokens;
  readonly #switches = new Map<string, NodeJS.Timeout>();
  readonly #routes: Readonly<Record<string, PrivateRoute>>;

  constructor(parts: DialectParts, limits: CallLimits, tokens: Tokens) {
    this.#exchange = parts.exchange;
    this.#parts = parts;
    this.#limits = limits;
    this.#tokens = tokens;
    this.#routes = {
      BalanceEx: ({ account }) => balanceEx(account),
      GetApiKeyInfo: ({ account }) => keyInfo(account),
      GetWebSocketsToken: ({ apiKey }) => ({ token: this.#tokens.issue(apiKey), expires: TOKEN_S }),
      AddOrder: (call) => this.#addOrder(call),
      CancelOrder: (call) => this.#cancelOrder(call),
      CancelAll: (call) => this.#cancelAll(call),
      CancelAllOrdersAfter: (call) => this.#cancelAllAfter(call),
      OpenOrders: (call) => ({ open: infos(openOrders(call), call) }),
      ClosedOrders: closedOrders,
      QueryOrders: queryOrders,
      TradesHistory: tradesHistory,
      QueryTrades: queryTrades,
      DepositStatus: (call) => transfers(call, 'deposit'),
      WithdrawStatus: (call) => transfers(call, 'withdrawal'),
    };
  }

  find(method: string): PrivateRoute | undefined {
    return Object.hasOwn(this.#routes, method) ? this.#routes[method] : undefined;
  }

  /** The answer names the order and nothing else: no status, no fill. */
  async #addOrder({ apiKey, account, request }: PrivateCall): Promise<object> {
    const { params, queuedMs } = request;
    const { replay } = this.#exchange;
    if (!account.permissions.trading) throw errors.denied();
    const instrument = instrumentOf(this.#exchange, params);
    this.#limits.order(apiKey, pairId(instrument));
    const close = replay.lastClose(instrument);
    if (close === undefined || instrument.status !== 'TRADING') throw errors.cancelOnly();
    const order = readNewOrder(params, instrument, decimal(close), account.engine.orders.length);
    // Let in now and placed when its turn comes, in spite of a caller that has given up: only its deadline ends it.
    if (queuedMs > 0) await delay(queuedMs, undefined, { ref: false });
    this.#checkDeadline(params);
    if (params.get('validate') === 'true') return { descr: { order: 'validated' } };
    const placed = this.#parts.fates.place(account, order, instrument);
    return { descr: description(placed), txid: [orderTxid(placed.orderId)] };
  }

  /** RFC 3339; after it the matching engine takes the order no more. */
  #checkDeadline(params: URLSearchParams): void {
    const given = params.get('deadline');
    if (given === null) return;
    const deadlineMs = Date.parse(given);
    if (Number.isNaN(deadlineMs)) throw errors.invalid('deadline');
    if (this.#exchange.ageMs(deadlineMs) > 0) throw errors.deadline();
  }

  #cancelOrder(call: PrivateCall): object {
    const { params } = call.request;
    const [txid, clOrdId] = [params.get('txid'), params.get('cl_ord_id')];
    if (!txid && !clOrdId) throw errors.invalid();
    const found = openOrders(call, true).filter((order) =>
      txid ? orderTxid(order.orderId) === txid : order.clientOrderId === clOrdId,
    );
    if (found.length === 0) throw errors.unknownOrder();
    return this.#cancel(call, found);
  }

  #cancelAll(call: PrivateCall): object {
    return this.#cancel(call, openOrders(call, true));
  }

  #cancel({ apiKey, account }: PrivateCall, orders: readonly SimulatedOrder[]): { count: number } {
    if (!account.permissions.trading) throw errors.denied();
    const nowMs = this.#exchange.clock.wallMs();
    for (const order of orders) {
      this.#limits.cancel(apiKey, pairId(order.instrument), nowMs - order.placedMs);
      account.engine.cancel(order, nowMs);
    }
    return { count: orders.length };
  }

  #cancelAllAfter(call: PrivateCall): object {
    const timeout = Number(call.request.params.get('timeout') ?? Number.NaN);
    if (!Number.isInteger(timeout) || timeout < 0 || timeout > 86_400) throw errors.invalid('timeout');
    clearTimeout(this.#switches.get(call.apiKey));
    if (timeout > 0) {
      const timer = setTimeout(() => this.#cancelAll(call), timeout * 1000);
      this.#switches.set(call.apiKey, timer.unref());
    }
    const nowMs = this.#exchange.serverMs();
    const text = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
    return { currentTime: text(nowMs), triggerTime: timeout > 0 ? text(nowMs + timeout * 1000) : '0' };
  }
}

function balanceEx({ engine }: Account): object {
  return Object.fromEntries(
    engine.ledger.assets().map((asset) => {
      const { free, locked } = engine.ledger.holding(asset);
      const places = assetDecimals(asset);
      return [
        assetId(asset),
        { balance: free.plus(locked).toFixed(places), hold_trade: locked.toFixed(places) },
      ];
    }),
  );
}

function keyInfo({ permissions }: Account): object {
  return {
    permissions: [
      ...['query-funds', 'query-open-trades', 'query-closed-trades'],
      ...(permissions.trading ? ['modify-trades', 'close-trades'] : []),
      ...(permissions.withdrawals ? ['withdraw-funds'] : []),
    ],
    ip_allowlist: permissions.addressBound ? ['127.0.0.1'] : [],
  };
}

/** Of the whole account: the list knows no pair. */
function openOrders({ account, request }: PrivateCall, all = false): readonly SimulatedOrder[] {
  const id = all ? null : request.params.get('cl_ord_id');
  return account.engine.resting.filter((order) => id === null || order.clientOrderId === id);
}

function infos(orders: readonly SimulatedOrder[], { request }: PrivateCall): object {
  const withTrades = request.params.get('trades') === 'true';
  return Object.fromEntries(orders.map((order) => [orderTxid(order.orderId), orderInfo(order, withTrades)]));
}

/** Fifty at a time, the newest first; from `start`, which is left out, to `end`, in seconds. */
function closedOrders(call: PrivateCall): object {
  const { params } = call.request;
  const id = params.get('cl_ord_id');
  const open = new Set(call.account.engine.resting);
  const within = spanOf(params);
  const found = call.account.engine.orders
    .filter((order) => !open.has(order) && (id === null || order.clientOrderId === id))
    .filter(({ placedMs, updatedMs }) => within(placedMs) || within(updatedMs))
    .reverse();
  return { closed: infos(page(found, params), call), count: found.length };
}

/** By the exchange's ids alone: a client order id finds nothing here. */
function queryOrders(call: PrivateCall): object {
  const ids = idsOf(call);
  return infos(
    call.account.engine.orders.filter((order) => ids.includes(orderTxid(order.orderId))),
    call,
  );
}

function tradesHistory({ account, request }: PrivateCall): object {
  const within = spanOf(request.params);
  const found = account.engine.ledger.trades.filter(({ atMs }) => within(atMs)).reverse();
  return { trades: tradeInfos(account, page(found, request.params)), count: found.length };
}

function queryTrades(call: PrivateCall): object {
  const ids = idsOf(call);
  const { trades } = call.account.engine.ledger;
  return tradeInfos(
    call.account,
    trades.filter((trade) => ids.includes(tradeTxid(trade.symbol, trade.tradeId))),
  );
}

function tradeInfos({ engine }: Account, trades: Account['engine']['ledger']['trades']): object {
  return Object.fromEntries(
    trades.map((trade) => [
      tradeTxid(trade.symbol, trade.tradeId),
      tradeInfo(trade, engine.orders.find(({ orderId }) => orderId === trade.orderId)!),
    ]),
  );
}

function idsOf({ request }: PrivateCall): readonly string[] {
  const ids = (request.params.get('txid') ?? '').split(',').filter((id) => id !== '');
  if (ids.length === 0 || ids.length > PAGE_ROWS) throw errors.invalid();
  return ids;
}

function spanOf(params: URLSearchParams): (ms: number) => boolean {
  const start = Number(params.get('start') ?? Number.NEGATIVE_INFINITY);
  const end = Number(params.get('end') ?? Number.POSITIVE_INFINITY);
  if (Number.isNaN(start) || Number.isNaN(end)) throw errors.invalid();
  return (ms) => seconds(ms) > start && seconds(ms) <= end;
}

function page<T>(rows: readonly T[], params: URLSearchParams): T[] {
  const offset = Number(params.get('ofs') ?? 0);
  if (!Number.isInteger(offset) || offset < 0) throw errors.invalid('ofs');
  return rows.slice(offset, offset + PAGE_ROWS);
}

function transfers({ account, request }: PrivateCall, kind: 'deposit' | 'withdrawal'): readonly object[] {
  const within = spanOf(request.params);
  return account.transfers
    .filter((each) => each.kind === kind && within(each.atMs))
    .map(({ id, asset, amount, fee, atMs }) => ({
      method: 'Simulated',
      aclass: 'currency',
      asset: assetId(asset),
      refid: id,
      txid: `tx-${id}`,
      info: `simulated-${asset}`,
      amount,
      fee,
      time: Math.floor(seconds(atMs)),
      status: 'Success',
    }));
}
