import { RECV_WINDOW_MS } from '../../../core/in-flight.js';
import type { CcxtExchange } from '../ccxt-module.js';
import { type Dialect, hasList, hasRecord, type KeyPermissions, UNKNOWN } from './dialect.js';

interface Restrictions {
  readonly enableSpotAndMarginTrading?: boolean;
  readonly enableFutures?: boolean;
  readonly enableWithdrawals?: boolean;
  readonly ipRestrict?: boolean;
}

async function restrictions(api: CcxtExchange): Promise<Restrictions | null> {
  const { sapiGetAccountApiRestrictions: ask } = api as unknown as {
    sapiGetAccountApiRestrictions?: () => Promise<Restrictions>;
  };
  return typeof ask === 'function' ? ask.call(api) : null;
}

/** GET /sapi/v1/account/apiRestrictions. */
async function keyRights(api: CcxtExchange): Promise<KeyPermissions> {
  const found = await restrictions(api);
  if (found === null) await api.fetchBalance();
  const may = api.options?.defaultType === 'swap' ? found?.enableFutures : found?.enableSpotAndMarginTrading;
  return {
    trading: may ?? null,
    withdrawals: found?.enableWithdrawals ?? null,
    addressBound: found?.ipRestrict ?? null,
  };
}

/** https://developers.binance.com/docs/binance-spot-api-docs */
export const binance: Dialect = {
  ...UNKNOWN,
  title: 'Binance spot',
  ccxtIds: ['binance', 'binanceus'],
  // `recvWindow`, which ccxt sends with every signed request.
  acceptedForMs: RECV_WINDOW_MS,
  // Each would ask another of the exchange's hosts for what is not used.
  options: (derivatives) => ({
    fetchCurrencies: false,
    fetchMargins: false,
    fetchMarkets: { types: derivatives ? ['spot', 'linear'] : ['spot'] },
  }),
  feeCurrencies: ['BNB'],
  keyRights,
  shapes: {
    openOrders: hasList(),
    allOrders: hasList(),
    myTrades: hasList(),
    account: hasRecord(),
    order: hasRecord(),
  },
  // −1000, −1001, −1006, −1007.
  outcomeUnknown: /"code":\s*-100[0167]\b/,
  namedTops: true,
};

export const binanceUsdm: Dialect = {
  ...binance,
  title: 'Binance USDⓈ-M futures',
  ccxtIds: ['binanceusdm', 'binancecoinm'],
  sandbox: 'demo',
  namedTops: false,
  unverified: ['sandbox', 'keyRights', 'feeCurrencies'],
};
