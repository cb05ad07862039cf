import type { CcxtExchange, CcxtOrder } from '../ccxt-module.js';
import {
  type Dialect,
  hasList,
  type KeyPermissions,
  type LookUp,
  listed,
  openNow,
  UNKNOWN,
} from './dialect.js';

/** ccxt's fetchOrder sends the id under a name that this exchange does not know. Open and recently ended orders are one list. */
async function find(api: CcxtExchange, { wireId, symbol, pick }: LookUp): Promise<CcxtOrder | undefined> {
  const asked = { orderLinkId: wireId };
  return (
    pick(await api.fetchOpenOrders(symbol, undefined, undefined, asked)) ??
    pick(await api.fetchCanceledAndClosedOrders(symbol, undefined, undefined, asked))
  );
}

interface KeyInfo {
  readonly readOnly?: number | string;
  readonly permissions?: Readonly<Record<string, readonly string[] | undefined>>;
  readonly ips?: readonly string[];
}

/** GET /v5/user/query-api: https://bybit-exchange.github.io/docs/v5/user/apikey-info */
async function keyRights(api: CcxtExchange): Promise<KeyPermissions> {
  const { privateGetV5UserQueryApi: ask } = api as unknown as {
    privateGetV5UserQueryApi: () => Promise<{ result?: KeyInfo }>;
  };
  const { readOnly, permissions, ips } = (await ask.call(api)).result ?? {};
  const mayWrite = readOnly === undefined ? null : Number(readOnly) === 0;
  return {
    trading:
      permissions && mayWrite !== null ? mayWrite && (permissions.Spot ?? []).includes('SpotTrade') : null,
    withdrawals: permissions?.Wallet ? permissions.Wallet.includes('Withdraw') : null,
    addressBound: ips ? ips.length > 0 && !ips.includes('*') : null,
  };
}

/** https://bybit-exchange.github.io/docs/v5/order/create-order */
export const bybit: Dialect = {
  ...UNKNOWN,
  title: 'Bybit',
  ccxtIds: ['bybit', 'bybiteu'],
  find,
  async findById(api, id, symbol) {
    const asked = { orderId: id };
    const [open] = await api.fetchOpenOrders(symbol, undefined, undefined, asked);
    return open ?? (await api.fetchCanceledAndClosedOrders(symbol, undefined, undefined, asked))[0];
  },
  cancelBy: 'list',
  // What filled in part and was cancelled then stands in no list of canceled orders: only the whole history has it.
  history: [openNow, listed('fetchCanceledAndClosedOrders', 50)],
  tradesIn: (api, { symbol, fromMs, untilMs }) => api.fetchMyTrades(symbol, fromMs, 100, { until: untilMs }),
  hosts: ['bybit.com', 'bytick.com', 'bybit.nl', 'bybit.kz', 'bybit-tr.com', 'bybitgeorgia.ge'],
  transfersSpanMs: 30 * 86_400_000,
  feeCurrencies: ['MNT'],
  keyRights,
  holds: [
    { status: 200, body: /"retCode":\s*"?10006\b/, holdMs: 5000, isBan: false },
    { status: 403, body: /access too frequent/i, holdMs: 600_000, isBan: true },
  ],
  shapes: {
    'v5/order/realtime': hasList('result', 'list'),
    'v5/order/history': hasList('result', 'list'),
    'v5/execution/list': hasList('result', 'list'),
    'v5/account/wallet-balance': hasList('result', 'list'),
  },
  unverified: ['transfersSpanMs', 'feeCurrencies', 'keyRights', 'holds', 'hosts', 'ledgerDecimals'],
};
