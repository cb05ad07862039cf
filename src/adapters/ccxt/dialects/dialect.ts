import type { CcxtExchange, CcxtOrder, CcxtTrade, Params } from '../ccxt-module.js';
import { type IdRule, PLAIN_IDS } from './order-ids.js';

/** What an exchange's own dead man's switch does, by its documentation. */
export interface SwitchTerms {
  /** How long it may be set to run. */
  readonly secondsMin: number;
  readonly secondsMax: number;
  /** A stop that rests goes too: then it may not run alongside protective stops. Where the exchange does not say, it counts as so. */
  readonly cancelsStops: boolean;
  /** It is set for each symbol by itself. */
  readonly bySymbol?: true;
  /** What it cancels, in words. */
  readonly cancels: string;
}

/** What a key may do; null where the exchange does not tell. */
export interface KeyPermissions {
  readonly trading: boolean | null;
  readonly withdrawals: boolean | null;
  /** Whether the key works from named addresses alone. */
  readonly addressBound: boolean | null;
}

/** A credential by the end of its name, as in `binance-api-key`, and the setting of ccxt that takes it. */
export interface CredentialName {
  readonly name: string;
  readonly setting: 'apiKey' | 'secret' | 'password' | 'walletAddress' | 'privateKey' | 'uid';
}

/** An error that is no 429, and means the same: ask no more for a while. */
export interface HoldRule {
  /** The HTTP status that it comes with. */
  readonly status: number;
  /** What the body says; absent where the status alone says it. */
  readonly body?: RegExp;
  readonly holdMs: number;
  /** A lockout holds urgent requests, too: they would be refused for certain, and make it longer. */
  readonly isBan: boolean;
}

/** How a request is made to die at the exchange when it comes late. */
export interface Expiry {
  /** ccxt's names of the paths that a create request goes by. */
  readonly paths: readonly string[];
  /** How long after signing it may still be accepted. */
  readonly forMs: number;
  params?(untilMs: number): Params;
  headers?(untilMs: number): Readonly<Record<string, string>>;
}

export interface LookUp {
  /** The client order id as it was sent. */
  readonly wireId: string;
  readonly symbol: string;
  /** Finds by the client order id among listed orders. */
  pick(orders: readonly CcxtOrder[]): CcxtOrder | undefined;
}

export interface HistorySpan {
  /** Undefined where one list answers for the account. */
  readonly symbol: string | undefined;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * All that is known of one exchange, and the only place where its name is. Where it is a sentence of documentation that no
 * captured message and no test network has confirmed, the field stands in `unverified`.
 */
export interface Dialect {
  /** As people write it. */
  readonly title: string;
  /** ccxt's ids, regional ones included. */
  readonly ccxtIds: readonly string[];
  readonly ids: IdRule;
  /** How this exchange, or ccxt for it, writes "cancel what does not fill at once". */
  readonly immediateOrCancel: string;
  /** Parameters of ccxt's createOrder that carry the client order id. */
  createId(wireId: string): Params;
  /** Absent where a create request cannot be made to expire. */
  readonly expiry?: Expiry;
  /** For how long after it left a create request may still be accepted: until then "not found" proves nothing. */
  readonly acceptedForMs: number;
  /** Asks for one order; undefined, or ccxt's OrderNotFound, where there is none. Open orders and closed ones are listed after that. */
  readonly find: ((api: CcxtExchange, look: LookUp) => Promise<CcxtOrder | undefined>) | null;
  findById(api: CcxtExchange, id: string, symbol: string): Promise<CcxtOrder | undefined>;
  /** `clientId`: cancelOrder takes ours. `list`: the exchange's id is read from the open orders first. */
  readonly cancelBy: 'clientId' | 'list';
  /** The lists of ended orders and of executions answer for the account: they are asked without a symbol, once. */
  readonly historyOfAccount: boolean;
  /** Lists that together hold every order that has ended or is open, one after the other. */
  readonly history: readonly ((api: CcxtExchange, span: HistorySpan) => Promise<readonly CcxtOrder[]>)[];
  /** All executions of one order. */
  tradesOf(api: CcxtExchange, order: CcxtOrder, symbol: string): Promise<readonly CcxtTrade[]>;
  tradesIn(api: CcxtExchange, span: HistorySpan): Promise<readonly CcxtTrade[]>;
  /** One list of open orders, asked without a symbol, answers for the account. */
  readonly openOrdersOfAccount: boolean;
  /** Ends of currency codes that are another wallet of the same coin, which an order may spend all the same. */
  readonly walletSuffixes: readonly string[];
  readonly credentials: readonly CredentialName[];
  /** How a test network is entered: by ccxt's own switch, or by its demo trading. `null`: there is none. */
  readonly sandbox: 'switch' | 'demo' | null;
  /** Hosts that the owner of an account elsewhere may name, besides the one that ccxt has. */
  readonly hosts: readonly string[];
  /** Under the sandbox the host is the live one, and a header makes the difference. */
  readonly sandboxByHeader: boolean;
  /** Options of ccxt that differ from what all exchanges are given. */
  options(derivatives: boolean): Params;
  /** Methods of ccxt that sign consent which no owner gave, and are taken out. */
  readonly signers: readonly string[];
  /** How long a span one list of deposits answers for; null where deposits cannot be listed. */
  readonly transfersSpanMs: number | null;
  /** To how many decimals the exchange's ledger books the cost of a fill; `market` where each market says it. */
  readonly ledgerDecimals: number | 'market';
  /** Currencies, besides those of a market, that fees may be taken in. */
  readonly feeCurrencies: readonly string[];
  /** Null where the exchange does not tell: then the balance is asked for, which shows that the key is taken and nothing more. */
  readonly keyRights: ((api: CcxtExchange) => Promise<KeyPermissions>) | null;
  readonly holds: readonly HoldRule[];
  /** By ccxt's path of a call, whether an answer has the form that ccxt reads: it takes other forms for an empty list. */
  readonly shapes: Readonly<Record<string, (answer: unknown) => boolean>>;
  /** Text of an error that says itself that the outcome is not known. */
  readonly outcomeUnknown: RegExp | null;
  /** Text of an error by which an order was not taken, where ccxt has no class for it that says so. */
  readonly rejected: RegExp | null;
  /** Text of an error by which an order of that client order id is there already. */
  readonly duplicate: RegExp;
  readonly deadMansSwitch: SwitchTerms | null;
  /** The clock tells whole seconds. */
  readonly wholeSeconds: boolean;
  /** A number that must grow with every signed request of a key; null where none is asked for. */
  readonly nonce: 'microseconds' | null;
  /** Answers the tops of just the books that are named, given as `symbols`; others send those of all. */
  readonly namedTops: boolean;
  /** What no captured message and no test network has confirmed. */
  readonly unverified: readonly (keyof Dialect)[];
}

export const DAY_MS = 86_400_000;
const ORDERS_MAX = 500;
const TRADES_MAX = 1000;

const API_KEY: readonly CredentialName[] = [
  { name: 'api-key', setting: 'apiKey' },
  { name: 'api-secret', setting: 'secret' },
];
export const WITH_PASSPHRASE: readonly CredentialName[] = [
  ...API_KEY,
  { name: 'api-passphrase', setting: 'password' },
];

/** Methods by which ccxt signs a fee or a referrer of its own, at some exchanges while markets load already. */
const CONSENT_SIGNERS = ['handleBuilderFeeApproval', 'approveBuilderFee', 'approveBuilderCode', 'setRef'];

const byClientId: NonNullable<Dialect['find']> = (api, { wireId, symbol }) =>
  api.fetchOrder('', symbol, { clientOrderId: wireId });

export const listed =
  (
    method: 'fetchOrders' | 'fetchClosedOrders' | 'fetchCanceledOrders' | 'fetchCanceledAndClosedOrders',
    pageSize: number,
  ): Dialect['history'][number] =>
  (api, { symbol, fromMs, untilMs }) =>
    api[method](symbol, fromMs, pageSize, { until: untilMs });

export const openNow: Dialect['history'][number] = (api, { symbol }) => api.fetchOpenOrders(symbol);

/** Whether what stands at this place of an answer is an object, and no list. */
export const hasRecord =
  (...keys: readonly string[]) =>
  (answer: unknown): boolean => {
    const found = at(answer, keys);
    return typeof found === 'object' && found !== null && !Array.isArray(found);
  };

export const hasList =
  (...keys: readonly string[]) =>
  (answer: unknown): boolean =>
    Array.isArray(at(answer, keys));

function at(answer: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined,
    answer,
  );
}

/** "This client order id is taken", as most say it: an order of ours is there, so nothing may be sent again. */
const ID_TAKEN =
  /duplicat|(order[ _]?id|clientOid|clOrdId|cl_ord_id|order_?link_?id|\btext\b)[^{}]{0,40}(already|repeat|in use|not unique)/i;

/** What is asked of an exchange of which nothing is known: what most of them do. */
export const UNKNOWN: Dialect = {
  title: 'any other',
  ccxtIds: [],
  ids: PLAIN_IDS,
  immediateOrCancel: 'IOC',
  createId: (wireId) => ({ clientOrderId: wireId }),
  acceptedForMs: 2000,
  find: byClientId,
  findById: (api, id, symbol) => api.fetchOrder(id, symbol, {}),
  cancelBy: 'clientId',
  historyOfAccount: false,
  history: [
    (api, span) => listed(api.has.fetchOrders ? 'fetchOrders' : 'fetchClosedOrders', ORDERS_MAX)(api, span),
  ],
  async tradesOf(api, { id }, symbol) {
    if (id === undefined || api.has.fetchMyTrades !== true) return [];
    const trades = await api.fetchMyTrades(symbol, undefined, undefined, { orderId: id });
    return trades.filter((trade) => trade.order === id);
  },
  tradesIn: (api, { symbol, fromMs, untilMs }) =>
    api.fetchMyTrades(symbol, fromMs, TRADES_MAX, { until: untilMs }),
  openOrdersOfAccount: false,
  walletSuffixes: [],
  credentials: API_KEY,
  sandbox: 'switch',
  hosts: [],
  sandboxByHeader: false,
  options: () => ({}),
  signers: CONSENT_SIGNERS,
  transfersSpanMs: 90 * DAY_MS,
  ledgerDecimals: 8,
  feeCurrencies: [],
  keyRights: null,
  holds: [],
  shapes: {},
  outcomeUnknown: null,
  rejected: null,
  duplicate: ID_TAKEN,
  deadMansSwitch: null,
  wholeSeconds: false,
  nonce: null,
  namedTops: false,
  unverified: [],
};
