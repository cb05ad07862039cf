import type { CcxtExchange, CcxtOrder } from '../ccxt-module.js';
import { type Dialect, hasList, type KeyPermissions, type LookUp, listed, UNKNOWN } from './dialect.js';

const PAGE_ROWS = 100;

/** There is no look-up by client order id: it is read from the list of orders. */
async function find(api: CcxtExchange, { symbol, pick }: LookUp): Promise<CcxtOrder | undefined> {
  return pick(await api.fetchOpenOrders(symbol)) ?? pick(await api.fetchOrders(symbol, undefined, PAGE_ROWS));
}

interface KeyInfo {
  readonly can_trade?: boolean;
  readonly can_transfer?: boolean;
}

/** GET /api/v3/brokerage/key_permissions. A key that may transfer may send money out. */
async function keyRights(api: CcxtExchange): Promise<KeyPermissions> {
  const { v3PrivateGetBrokerageKeyPermissions: ask } = api as unknown as {
    v3PrivateGetBrokerageKeyPermissions: () => Promise<KeyInfo>;
  };
  const found = await ask.call(api);
  return {
    trading: found.can_trade ?? null,
    withdrawals: found.can_transfer ?? null,
    addressBound: null,
  };
}

/** https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/rest-api */
export const coinbase: Dialect = {
  ...UNKNOWN,
  title: 'Coinbase Advanced',
  ccxtIds: ['coinbase', 'coinbaseadvanced'],
  // ccxt leaves `clientOrderId` out and gives an id of its own.
  createId: (wireId) => ({ client_order_id: wireId }),
  // So long a token lives.
  acceptedForMs: 120_000,
  find,
  cancelBy: 'list',
  history: [listed('fetchOrders', PAGE_ROWS)],
  tradesIn: (api, { symbol, fromMs, untilMs }) =>
    api.fetchMyTrades(symbol, fromMs, PAGE_ROWS, { until: untilMs }),
  openOrdersOfAccount: true,
  sandbox: null,
  // Its list asks for the id of one wallet.
  transfersSpanMs: null,
  keyRights,
  shapes: {
    'brokerage/orders/historical/batch': hasList('orders'),
    'brokerage/orders/historical/fills': hasList('fills'),
  },
  wholeSeconds: true,
  unverified: ['acceptedForMs', 'keyRights', 'ledgerDecimals'],
};
