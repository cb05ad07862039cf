import { type Dialect, UNKNOWN, WITH_PASSPHRASE } from './dialect.js';

/** https://www.gate.com/docs/developers/apiv4/en/: `text` begins with `t-` and has at most 28 characters more. */
export const gate: Dialect = {
  ...UNKNOWN,
  title: 'Gate',
  ccxtIds: ['gate', 'gateio', 'gateeu'],
  ids: { form: 'compact', lengthMax: 28, prefix: '', decoration: 't-' },
  acceptedForMs: 60_000,
  openOrdersOfAccount: true,
  transfersSpanMs: 30 * 86_400_000,
  feeCurrencies: ['GT', 'POINT'],
  unverified: ['acceptedForMs', 'transfersSpanMs', 'feeCurrencies', 'ledgerDecimals'],
};

export const kucoin: Dialect = {
  ...UNKNOWN,
  title: 'KuCoin',
  ccxtIds: ['kucoin'],
  acceptedForMs: 5000,
  credentials: WITH_PASSPHRASE,
  sandbox: null,
  feeCurrencies: ['KCS'],
  unverified: ['acceptedForMs', 'feeCurrencies', 'ledgerDecimals', 'history'],
};

export const bitget: Dialect = {
  ...UNKNOWN,
  title: 'Bitget',
  ccxtIds: ['bitget'],
  acceptedForMs: 30_000,
  credentials: WITH_PASSPHRASE,
  sandboxByHeader: true,
  feeCurrencies: ['BGB'],
  unverified: ['acceptedForMs', 'feeCurrencies', 'ledgerDecimals', 'history'],
};

export const mexc: Dialect = {
  ...UNKNOWN,
  title: 'MEXC',
  ccxtIds: ['mexc'],
  ids: { form: 'compact', lengthMax: 32, prefix: '', decoration: '' },
  feeCurrencies: ['MX'],
  unverified: ['ids', 'feeCurrencies', 'history', 'acceptedForMs'],
};

/**
 * Exchanges of which only the switch is known. Left out of those that ccxt calls so: bybit (a setting for lost stream
 * connections, no countdown), bitvavo (only orders of a group that ours are not in), htx and hyperliquid (cannot be switched
 * off through ccxt, or only so many times a day), lighter (five minutes at least, cannot be switched off).
 */
function onlySwitch(
  title: string,
  deadMansSwitch: NonNullable<Dialect['deadMansSwitch']>,
  credentials = UNKNOWN.credentials,
): Dialect {
  const ccxtIds = [title.toLowerCase()];
  return { ...UNKNOWN, title, ccxtIds, credentials, deadMansSwitch, unverified: ['deadMansSwitch'] };
}

export const ONLY_SWITCHES: readonly Dialect[] = [
  onlySwitch('BingX', {
    secondsMin: 10,
    secondsMax: 120,
    cancelsStops: true,
    cancels: 'all open orders of spot, or of swaps',
  }),
  onlySwitch('BTSE', {
    secondsMin: 10,
    secondsMax: 300,
    cancelsStops: true,
    cancels: 'all open orders of spot, or of futures',
  }),
  onlySwitch(
    'Extended',
    {
      secondsMin: 10,
      secondsMax: 300,
      cancelsStops: true,
      cancels: 'all open orders of the account',
    },
    [
      { name: 'api-key', setting: 'apiKey' },
      { name: 'agent-key', setting: 'privateKey' },
    ],
  ),
  onlySwitch('WhiteBIT', {
    secondsMin: 5,
    secondsMax: 600,
    cancelsStops: true,
    bySymbol: true,
    cancels: 'all open orders of the market, set for each',
  }),
  onlySwitch(
    'WOO',
    {
      secondsMin: 10,
      secondsMax: 900,
      cancelsStops: true,
      cancels: 'all open orders of the account, stops too',
    },
    [...UNKNOWN.credentials, { name: 'api-uid', setting: 'uid' }],
  ),
];
