import { RECV_WINDOW_MS } from '../../../core/in-flight.js';
import type { CcxtExchange } from '../ccxt-module.js';
import {
  type Dialect,
  hasList,
  type KeyPermissions,
  listed,
  openNow,
  UNKNOWN,
  WITH_PASSPHRASE,
} from './dialect.js';

interface AccountConfig {
  readonly perm?: string;
  readonly ip?: string;
}

/** GET /api/v5/account/config. */
async function keyRights(api: CcxtExchange): Promise<KeyPermissions> {
  const { privateGetAccountConfig: ask } = api as unknown as {
    privateGetAccountConfig: () => Promise<{ data?: readonly AccountConfig[] }>;
  };
  const [found] = (await ask.call(api)).data ?? [];
  const rights = found?.perm?.split(',');
  return {
    trading: rights?.includes('trade') ?? null,
    withdrawals: rights?.includes('withdraw') ?? null,
    addressBound: found?.ip === undefined ? null : found.ip !== '',
  };
}

/** https://www.okx.com/docs-v5/en/ */
export const okx: Dialect = {
  ...UNKNOWN,
  title: 'OKX',
  ccxtIds: ['okx', 'myokx', 'okxus'],
  // Letters and digits alone.
  ids: { form: 'compact', lengthMax: 32, prefix: '', decoration: '' },
  expiry: {
    // ccxt sends even a single order as a batch.
    paths: ['trade/batch-orders', 'trade/order'],
    forMs: RECV_WINDOW_MS,
    headers: (untilMs) => ({ expTime: String(untilMs) }),
  },
  acceptedForMs: RECV_WINDOW_MS,
  history: [openNow, listed('fetchCanceledOrders', 100), listed('fetchClosedOrders', 100)],
  tradesIn: (api, { symbol, fromMs, untilMs }) => api.fetchMyTrades(symbol, fromMs, 100, { until: untilMs }),
  openOrdersOfAccount: true,
  credentials: WITH_PASSPHRASE,
  hosts: ['www.okx.com', 'eea.okx.com', 'my.okx.com', 'us.okx.com', 'app.okx.com'],
  sandboxByHeader: true,
  keyRights,
  holds: [{ status: 200, body: /"s?Code":\s*"500(11|61)"/i, holdMs: 2000, isBan: false }],
  shapes: {
    'trade/orders-pending': hasList('data'),
    'trade/orders-history': hasList('data'),
    'trade/fills-history': hasList('data'),
    'account/balance': hasList('data'),
  },
  // ccxt reads it as an invalid order: the order is there.
  duplicate: /"s?Code":\s*"5101[16]"|duplicated? (client )?order/i,
  deadMansSwitch: {
    secondsMin: 10,
    secondsMax: 120,
    cancelsStops: false,
    cancels: 'all open orders of the order book; stops and other algo orders stay',
  },
  unverified: ['expiry', 'acceptedForMs', 'keyRights', 'holds', 'duplicate', 'ledgerDecimals'],
};
