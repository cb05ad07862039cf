import { decimal } from '../../../core/money.js';
import { ledgerOrder } from '../../ledger-snapshot.js';
import type { SimulatedOrder } from '../../order-engine.js';
import type { OrderFates } from '../../order-fates.js';
import type { Account, SimulatedExchange } from '../../simulated-exchange.js';
import { refusals } from './api-error.js';
import { instrumentOf, wholeNumber } from './market-routes.js';
import { readNewOrder } from './order-request.js';
import { accountAnswer, cancelAnswer, newOrderAnswer, tradeAnswer } from './order-wire.js';
import { checkSigned, type SignedText } from './request-signature.js';
import { deposits, withdrawals } from './transfer-lists.js';

/** Answers one signed request of an account; throws an ApiError to refuse. */
export type AccountRoute = (account: Account, params: URLSearchParams) => unknown;

/** Signed endpoints of Binance spot, by method and path. */
export function accountRoutes(
  exchange: SimulatedExchange,
  fates: OrderFates,
): ReadonlyMap<string, AccountRoute> {
  return new Map<string, AccountRoute>([
    ['GET /api/v3/account', ({ engine }) => accountAnswer(engine.ledger, exchange.clock.wallMs())],
    [
      'GET /sapi/v1/account/apiRestrictions',
      ({ permissions }) => ({
        ipRestrict: permissions.addressBound,
        enableReading: true,
        enableSpotAndMarginTrading: permissions.trading,
        enableWithdrawals: permissions.withdrawals,
      }),
    ],
    // Of wallets and of margin, which are not simulated, there is nothing: ccxt asks for both unless it is told not to.
    ['GET /sapi/v1/capital/config/getall', () => []],
    ['GET /sapi/v1/margin/allPairs', () => []],
    // All that is checked of an order, and no order.
    [
      'POST /api/v3/order/test',
      (account, params) => {
        readOrder(exchange, account, params);
        return {};
      },
    ],
    ['POST /api/v3/order', (account, params) => newOrderAnswer(place(exchange, fates, account, params))],
    [
      'GET /api/v3/order',
      (account, params) => ledgerOrder(lookUp(exchange, account, params, refusals.noSuchOrder)),
    ],
    ['DELETE /api/v3/order', (account, params) => cancel(exchange, account, params)],
    ['GET /api/v3/openOrders', (account, params) => openOrders(exchange, account, params).map(ledgerOrder)],
    ['DELETE /api/v3/openOrders', (account, params) => cancelAll(exchange, account, params)],
    ['GET /api/v3/allOrders', (account, params) => allOrders(exchange, account, params).map(ledgerOrder)],
    [
      'GET /sapi/v1/capital/deposit/hisrec',
      (account, params) => deposits(account, params, exchange.clock.wallMs()),
    ],
    [
      'GET /sapi/v1/capital/withdraw/history',
      (account, params) => withdrawals(account, params, exchange.clock.wallMs()),
    ],
    ['GET /api/v3/myTrades', (account, params) => myTrades(exchange, account, params)],
  ]);
}

/** Finds the account of a request and checks its signature. */
export function authenticate(
  exchange: SimulatedExchange,
  apiKey: string | undefined,
  text: SignedText,
  params: URLSearchParams,
): Account {
  if (!apiKey) throw refusals.noKey();
  const account = exchange.account(apiKey);
  if (!account) throw refusals.unknownKey();
  checkSigned(text, params, account.secret, exchange);
  return account;
}

function place(
  exchange: SimulatedExchange,
  fates: OrderFates,
  account: Account,
  params: URLSearchParams,
): SimulatedOrder {
  const { request, instrument } = readOrder(exchange, account, params);
  return fates.place(account, request, instrument);
}

function readOrder(exchange: SimulatedExchange, account: Account, params: URLSearchParams) {
  if (!account.permissions.trading) throw refusals.unknownKey();
  const instrument = instrumentOf(exchange, params);
  const close = exchange.replay.lastClose(instrument);
  if (close === undefined || instrument.status !== 'TRADING') throw refusals.marketClosed();
  const freshId = () => `sim-${account.engine.orders.length + 1}`;
  return { request: readNewOrder(params, instrument, decimal(close), freshId), instrument };
}

function lookUp(
  exchange: SimulatedExchange,
  { engine }: Account,
  params: URLSearchParams,
  refusal: () => Error,
): SimulatedOrder {
  const instrument = instrumentOf(exchange, params);
  const clientOrderId = params.get('origClientOrderId');
  const orderId = params.get('orderId');
  if (!clientOrderId && !orderId) throw refusals.missing('orderId');
  // The newest of a reused client order id is meant, as the exchange has it.
  const order = engine.orders.findLast(
    (candidate) =>
      candidate.instrument === instrument &&
      (orderId ? String(candidate.orderId) === orderId : candidate.clientOrderId === clientOrderId),
  );
  if (!order) throw refusal();
  return order;
}

function cancel(exchange: SimulatedExchange, account: Account, params: URLSearchParams): object {
  const order = lookUp(exchange, account, params, refusals.unknownCancel);
  account.engine.cancel(order, exchange.clock.wallMs());
  return cancelAnswer(order, params.get('newClientOrderId') ?? `cancel-${order.orderId}`);
}

function openOrders(
  exchange: SimulatedExchange,
  { engine }: Account,
  params: URLSearchParams,
): readonly SimulatedOrder[] {
  const instrument = params.has('symbol') ? instrumentOf(exchange, params) : undefined;
  return engine.resting.filter((order) => !instrument || order.instrument === instrument);
}

function cancelAll(
  exchange: SimulatedExchange,
  account: Account,
  params: URLSearchParams,
): readonly object[] {
  instrumentOf(exchange, params);
  const orders = openOrders(exchange, account, params);
  if (orders.length === 0) throw refusals.unknownCancel();
  return orders.map((order) => {
    account.engine.cancel(order, exchange.clock.wallMs());
    return cancelAnswer(order, `cancel-${order.orderId}`);
  });
}

function allOrders(
  exchange: SimulatedExchange,
  { engine }: Account,
  params: URLSearchParams,
): readonly SimulatedOrder[] {
  const instrument = instrumentOf(exchange, params);
  const fromId = wholeNumber(params, 'orderId', 0);
  const startMs = wholeNumber(params, 'startTime', 0);
  const endMs = wholeNumber(params, 'endTime', Number.MAX_SAFE_INTEGER);
  const limit = wholeNumber(params, 'limit', 500, 1000);
  const found = engine.orders.filter(
    (order) =>
      order.instrument === instrument &&
      order.orderId >= fromId &&
      order.placedMs >= startMs &&
      order.placedMs <= endMs,
  );
  return page(found, limit, params.has('startTime') || params.has('orderId'));
}

function myTrades(
  exchange: SimulatedExchange,
  { engine }: Account,
  params: URLSearchParams,
): readonly object[] {
  const instrument = instrumentOf(exchange, params);
  const orderId = params.get('orderId');
  const fromId = wholeNumber(params, 'fromId', 0);
  const startMs = wholeNumber(params, 'startTime', 0);
  const endMs = wholeNumber(params, 'endTime', Number.MAX_SAFE_INTEGER);
  const limit = wholeNumber(params, 'limit', 500, 1000);
  const found = engine.ledger.trades.filter(
    (trade) =>
      trade.symbol === instrument.symbol &&
      (!orderId || String(trade.orderId) === orderId) &&
      trade.tradeId >= fromId &&
      trade.atMs >= startMs &&
      trade.atMs <= endMs,
  );
  return page(found, limit, params.has('startTime') || params.has('fromId')).map((trade) =>
    tradeAnswer(trade, instrument.id),
  );
}

/** The oldest rows when a beginning was named, else the newest. */
function page<T>(rows: readonly T[], limit: number, fromStart: boolean): readonly T[] {
  return fromStart ? rows.slice(0, limit) : rows.slice(-limit);
}
