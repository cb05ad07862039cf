import type { CcxtExchange, CcxtOrder, CcxtTrade } from '../ccxt-module.js';
import {
  DAY_MS,
  type Dialect,
  type HistorySpan,
  hasList,
  hasRecord,
  type KeyPermissions,
  type LookUp,
  openNow,
  UNKNOWN,
} from './dialect.js';

/** Rows of a page of ClosedOrders and of TradesHistory, which both answer for the whole account. */
const PAGE_ROWS = 50;
const PAGES_MAX = 40;
/** The exchange takes 2 s at least, and counts them from its own clock, which may be a second behind ours. */
const DEADLINE_MS = 4000;
const CLOCKS_APART_MS = 1000;

/** `start` and `end` are whole seconds there, and `start` itself is left out. */
const MARGIN_MS = 2000;

/** Reads all pages: ccxt asks for the newest alone. The lists know no symbol, so a short page of one symbol would prove nothing. */
async function pages<Row>(read: (offset: number) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const found = await read(page * PAGE_ROWS);
    rows.push(...found);
    if (found.length < PAGE_ROWS) return rows;
  }
  throw new Error(`more than ${PAGES_MAX * PAGE_ROWS} orders or executions in one span`);
}

async function closedOrders(api: CcxtExchange, { symbol, fromMs, untilMs }: HistorySpan) {
  const found = await pages((ofs) =>
    api.fetchClosedOrders(undefined, fromMs - MARGIN_MS, undefined, { until: untilMs + MARGIN_MS, ofs }),
  );
  return symbol === undefined ? found : found.filter((order) => order.symbol === symbol);
}

async function tradesIn(api: CcxtExchange, { symbol, fromMs, untilMs }: HistorySpan) {
  const found = await pages((ofs) =>
    api.fetchMyTrades(undefined, fromMs - MARGIN_MS, undefined, { until: untilMs + MARGIN_MS, ofs }),
  );
  return symbol === undefined ? found : found.filter((trade) => trade.symbol === symbol);
}

/** QueryTrades by the ids that the order names would need one more look-up of the order: the history is asked from its placing on. */
async function tradesOf(api: CcxtExchange, order: CcxtOrder, symbol: string): Promise<readonly CcxtTrade[]> {
  if (order.id === undefined) return [];
  const fromMs = order.timestamp ?? api.milliseconds() - DAY_MS;
  const trades = await tradesIn(api, { symbol, fromMs, untilMs: api.milliseconds() });
  return trades.filter((trade) => trade.order === order.id);
}

/** QueryOrders takes no client order id (ccxt would send it as `userref`, a number): both lists take it. */
async function find(api: CcxtExchange, { wireId, pick }: LookUp): Promise<CcxtOrder | undefined> {
  const asked = { clientOrderId: wireId };
  return (
    pick(await api.fetchOpenOrders(undefined, undefined, undefined, asked)) ??
    pick(await api.fetchClosedOrders(undefined, undefined, undefined, asked))
  );
}

/** POST /0/private/GetApiKeyInfo. */
async function keyRights(api: CcxtExchange): Promise<KeyPermissions> {
  const { privatePostGetApiKeyInfo: ask } = api as unknown as {
    privatePostGetApiKeyInfo?: (params: object) => Promise<{ result?: KeyInfo }>;
  };
  const found = typeof ask === 'function' ? (await ask.call(api, {})).result : undefined;
  const rights = Array.isArray(found?.permissions) ? found.permissions.map(String) : undefined;
  return {
    trading: rights?.includes('modify-trades') ?? null,
    withdrawals: rights?.includes('withdraw-funds') ?? null,
    addressBound: Array.isArray(found?.ip_allowlist) ? found.ip_allowlist.length > 0 : null,
  };
}

interface KeyInfo {
  readonly permissions?: readonly string[];
  readonly ip_allowlist?: readonly string[];
}

/**
 * https://docs.kraken.com/api/docs/rest-api/add-order: `cl_ord_id` is a UUID, 32 hexadecimal digits or at most 18 characters.
 */
export const kraken: Dialect = {
  ...UNKNOWN,
  title: 'Kraken spot',
  ccxtIds: ['kraken'],
  ids: { form: 'hex', lengthMax: 32, prefix: '', decoration: '' },
  expiry: {
    paths: ['AddOrder'],
    params: (untilMs) => ({ deadline: new Date(untilMs).toISOString() }),
    forMs: DEADLINE_MS,
  },
  acceptedForMs: DEADLINE_MS + CLOCKS_APART_MS,
  find,
  historyOfAccount: true,
  history: [openNow, closedOrders],
  tradesOf,
  tradesIn,
  openOrdersOfAccount: true,
  // Coins in the reward programme stay in the account, and orders spend them.
  walletSuffixes: ['.F'],
  sandbox: null,
  ledgerDecimals: 'market',
  feeCurrencies: ['KFEE'],
  keyRights,
  // All with HTTP 200. The counter of calls falls by one in three seconds (0.33/s), the lockout lasts about 15 minutes.
  holds: [
    {
      status: 200,
      body: /E(API|Order|General):(Rate limit exceeded|Too many requests)/,
      holdMs: 5000,
      isBan: false,
    },
    { status: 200, body: /EGeneral:Temporary lockout/, holdMs: 900_000, isBan: true },
  ],
  shapes: {
    OpenOrders: hasRecord('result', 'open'),
    ClosedOrders: hasRecord('result', 'closed'),
    TradesHistory: hasRecord('result', 'trades'),
    QueryOrders: hasRecord('result'),
    Balance: hasRecord('result'),
    BalanceEx: hasRecord('result'),
    AddOrder: hasList('result', 'txid'),
  },
  // The exchange could not say what became of it: it has executed after such answers.
  // https://docs.kraken.com/exchange/guides/general/errors: what begins so was decided on, and not in its favour.
  rejected: /EOrder:(?!Rate limit)|EService:(Market in|Deadline elapsed)/,
  outcomeUnknown: /EService:(Unavailable|Busy|Timeout)|E(General|Database):Internal error/,
  deadMansSwitch: {
    secondsMin: 10,
    secondsMax: 86_400,
    cancelsStops: true,
    cancels: 'all open orders of the account, stops too',
  },
  wholeSeconds: true,
  nonce: 'microseconds',
  unverified: ['keyRights', 'walletSuffixes', 'feeCurrencies', 'outcomeUnknown', 'acceptedForMs'],
};

export const krakenFutures: Dialect = {
  ...UNKNOWN,
  title: 'Kraken futures',
  ccxtIds: ['krakenfutures'],
  // ccxt compares small letters, and lets anything else rest.
  immediateOrCancel: 'ioc',
  find: null,
  cancelBy: 'list',
  openOrdersOfAccount: true,
  transfersSpanMs: null,
  deadMansSwitch: kraken.deadMansSwitch,
  unverified: ['find', 'history', 'transfersSpanMs', 'acceptedForMs', 'deadMansSwitch'],
};
