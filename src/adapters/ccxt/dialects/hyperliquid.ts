import { type Dialect, listed, openNow, UNKNOWN } from './dialect.js';

/** https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api */
export const hyperliquid: Dialect = {
  ...UNKNOWN,
  title: 'Hyperliquid',
  ccxtIds: ['hyperliquid'],
  ids: { form: 'hex', lengthMax: 32, prefix: '0x', decoration: '' },
  // Its nonces stay good for days, and ccxt drops the field that would end them sooner.
  acceptedForMs: 60_000,
  history: [openNow, listed('fetchOrders', 500)],
  openOrdersOfAccount: true,
  credentials: [
    { name: 'wallet-address', setting: 'walletAddress' },
    { name: 'agent-key', setting: 'privateKey' },
  ],
  unverified: ['acceptedForMs', 'history', 'ledgerDecimals', 'transfersSpanMs'],
};
