import { decimal } from '../core/money.js';
import { refusals } from './api-error.js';
import { instrumentOf, wholeNumber } from './market-routes.js';
import type { SimulatedOrder } from './order-engine.js';
import type { OrderFates } from './order-fates.js';
import { readNewOrder } from './order-request.js';
import { accountAnswer, cancelAnswer, newOrderAnswer, orderAnswer, tradeAnswer } from './order-wire.js';
import { checkSigned, type SignedText } from './request-signature.js';
import type { Account, SimulatedVenue } from './simulated-venue.js';
import { deposits, withdrawals } from './transfers.js';

/** Answers one signed request of an account; throws an ApiError to refuse. */
export type AccountRoute = (account: Account, params: URLSearchParams) => unknown;

/** Signed endpoints of Binance spot, by method and path. */
export function accountRoutes(venue: SimulatedVenue, fates: OrderFates): ReadonlyMap<string, AccountRoute> {
  return new Map<string, AccountRoute>([
    ['GET /api/v3/account', ({ engine }) => accountAnswer(engine.ledger, venue.clock.wallMs())],
    [
      'GET /sapi/v1/account/apiRestrictions',
      ({ permissions }) => ({
        ipRestrict: permissions.addressBound,
        enableReading: true,
        enableSpotAndMarginTrading: permissions.trading,
        enableWithdrawals: permissions.withdrawals,
      }),
    ],
    ['POST /api/v3/order', (account, params) => newOrderAnswer(place(venue, fates, account, params))],
    [
      'GET /api/v3/order',
      (account, params) => orderAnswer(lookUp(venue, account, params, refusals.noSuchOrder)),
    ],
    ['DELETE /api/v3/order', (account, params) => cancel(venue, account, params)],
    ['GET /api/v3/openOrders', (account, params) => openOrders(venue, account, params).map(orderAnswer)],
    ['DELETE /api/v3/openOrders', (account, params) => cancelAll(venue, account, params)],
    ['GET /api/v3/allOrders', (account, params) => allOrders(venue, account, params).map(orderAnswer)],
    [
      'GET /sapi/v1/capital/deposit/hisrec',
      (account, params) => deposits(account, params, venue.clock.wallMs()),
    ],
    [
      'GET /sapi/v1/capital/withdraw/history',
      (account, params) => withdrawals(account, params, venue.clock.wallMs()),
    ],
    ['GET /api/v3/myTrades', (account, params) => myTrades(venue, account, params)],
  ]);
}

/** Finds the account of a request and checks its signature. */
export function authenticate(
  venue: SimulatedVenue,
  apiKey: string | undefined,
  text: SignedText,
  params: URLSearchParams,
): Account {
  if (!apiKey) throw refusals.noKey();
  const account = venue.account(apiKey);
  if (!account) throw refusals.unknownKey();
  checkSigned(text, params, account.secret, venue);
  return account;
}

function place(
  venue: SimulatedVenue,
  fates: OrderFates,
  account: Account,
  params: URLSearchParams,
): SimulatedOrder {
  const instrument = instrumentOf(venue, params);
  const close = venue.replay.lastClose(instrument);
  if (close === undefined || instrument.status !== 'TRADING') throw refusals.marketClosed();
  const request = readNewOrder(
    params,
    instrument,
    decimal(close),
    () => `sim-${account.engine.orders.length + 1}`,
  );
  return fates.place(account, request, instrument);
}

function lookUp(
  venue: SimulatedVenue,
  { engine }: Account,
  params: URLSearchParams,
  refusal: () => Error,
): SimulatedOrder {
  const instrument = instrumentOf(venue, params);
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

function cancel(venue: SimulatedVenue, account: Account, params: URLSearchParams): object {
  const order = lookUp(venue, account, params, refusals.unknownCancel);
  account.engine.cancel(order, venue.clock.wallMs());
  return cancelAnswer(order, params.get('newClientOrderId') ?? `cancel-${order.orderId}`);
}

function openOrders(
  venue: SimulatedVenue,
  { engine }: Account,
  params: URLSearchParams,
): readonly SimulatedOrder[] {
  const instrument = params.has('symbol') ? instrumentOf(venue, params) : undefined;
  return engine.resting.filter((order) => !instrument || order.instrument === instrument);
}

function cancelAll(venue: SimulatedVenue, account: Account, params: URLSearchParams): readonly object[] {
  instrumentOf(venue, params);
  const orders = openOrders(venue, account, params);
  if (orders.length === 0) throw refusals.unknownCancel();
  return orders.map((order) => {
    account.engine.cancel(order, venue.clock.wallMs());
    return cancelAnswer(order, `cancel-${order.orderId}`);
  });
}

function allOrders(
  venue: SimulatedVenue,
  { engine }: Account,
  params: URLSearchParams,
): readonly SimulatedOrder[] {
  const instrument = instrumentOf(venue, params);
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

function myTrades(venue: SimulatedVenue, { engine }: Account, params: URLSearchParams): readonly object[] {
  const instrument = instrumentOf(venue, params);
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
