import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { badInput } from '../../core/errors.js';

/**
 * What we use of a ccxt exchange. `number` is set to `String`, so figures that the exchange states as decimal text
 * arrive as decimal text: every `Figure` is to be read with `Number()` or `decimal()`.
 */
export type Figure = string | number;
export type OhlcvRow = readonly [number, ...(Figure | undefined)[]];

export interface CcxtTrade {
  readonly id?: string;
  readonly order?: string;
  readonly symbol?: string;
  readonly timestamp?: number;
  readonly price?: Figure;
  readonly amount?: Figure;
  readonly fee?: { readonly cost?: Figure; readonly currency?: string };
  readonly fees?: readonly { readonly cost?: Figure; readonly currency?: string }[];
}

export interface CcxtOrder {
  readonly id?: string;
  readonly clientOrderId?: string;
  readonly symbol?: string;
  readonly side?: string;
  readonly status?: string;
  readonly timestamp?: number;
  readonly lastTradeTimestamp?: number;
  readonly lastUpdateTimestamp?: number;
  readonly amount?: Figure;
  readonly filled?: Figure;
  readonly average?: Figure;
  readonly triggerPrice?: Figure | null;
  readonly stopLossPrice?: Figure | null;
  readonly trades?: readonly CcxtTrade[];
}

export interface CcxtPosition {
  readonly symbol?: string;
  readonly side?: string;
  /** In contracts of `contractSize` coins. */
  readonly contracts?: Figure | null;
  readonly contractSize?: Figure | null;
}

/** A deposit or withdrawal. */
export interface CcxtTransaction {
  readonly id?: string;
  readonly txid?: string;
  readonly status?: string;
  readonly currency?: string;
  readonly amount?: Figure;
  readonly timestamp?: number;
  readonly fee?: { readonly cost?: Figure; readonly currency?: string };
}

export interface CcxtMarket {
  readonly id: string;
  readonly symbol: string;
  readonly spot?: boolean;
  readonly swap?: boolean;
  /** A derivative of any kind, of `contractSize` coins (or, where inverse, units of the quote). */
  readonly contract?: boolean;
  readonly contractSize?: Figure | null;
  readonly inverse?: boolean | null;
  readonly base: string;
  readonly quote: string;
  readonly taker?: Figure;
  /** False while no order is taken; absent where the exchange does not say. */
  readonly active?: boolean;
  readonly precision: { readonly amount?: Figure; readonly price?: Figure };
  readonly limits: {
    readonly amount?: { readonly min?: Figure };
    readonly cost?: { readonly min?: Figure };
  };
}

export interface CcxtBook {
  readonly bids: readonly (readonly Figure[])[];
  readonly asks: readonly (readonly Figure[])[];
  readonly timestamp?: number;
}

export interface CcxtTop {
  readonly bid?: Figure;
  readonly ask?: Figure;
  readonly timestamp?: number;
}

/** A stream connection; `connection` is absent until it is dialled. */
export interface CcxtSocket {
  createConnection: () => void;
  future: (messageHash: string) => Promise<unknown>;
  readonly connection?: { terminate?: () => void };
}

/** What ccxt hands to undici. */
export interface CcxtRequest {
  readonly signal?: AbortSignal;
  readonly dispatcher?: unknown;
}

export type Params = Readonly<Record<string, unknown>>;

/** A request as ccxt hands it to its fetch. */
export interface CcxtSigned {
  readonly headers?: Readonly<Record<string, string>>;
}

/** The narrow face of a ccxt exchange object; its class stays unmodified, hooks are set on the instance. */
export interface CcxtExchange {
  readonly id: string;
  readonly has: Readonly<Record<string, unknown>>;
  readonly timeframes: Readonly<Record<string, unknown>>;
  readonly precisionMode: number;
  readonly clients: Readonly<Record<string, CcxtSocket>>;
  client: (url: string) => CcxtSocket;
  readonly markets?: Readonly<Record<string, CcxtMarket>>;
  urls: Record<string, unknown>;
  /** What stands for `{hostname}` in `urls`. */
  readonly hostname?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, unknown>>;
  /** ccxt's own line of requests: `refillRate` a millisecond, or `maxWeight` a window. */
  readonly throttler: {
    readonly config: {
      tokens: number;
      refillRate: number;
      maxWeight?: number;
      readonly algorithm?: string;
    };
  };
  nonce: () => number;
  number: (value: string) => Figure;
  milliseconds: () => number;
  seconds: () => number;
  microseconds: () => number;
  /** What ccxt knows of a method's abilities on a market; nothing where it does not say. */
  featureValue(symbol: string, method: string, parameter: string): unknown;
  fetchTime(): Promise<number | undefined>;
  /** Waits in the line that the exchange's rate limit makes. */
  throttle(cost?: number): Promise<unknown>;
  fetch(url: string, method?: string, headers?: unknown, body?: unknown): Promise<unknown>;
  /** Signs and fetches one call. */
  fetch2(...call: unknown[]): Promise<unknown>;
  sign(path: string, access: unknown, method: string, params: Params, ...rest: unknown[]): CcxtSigned;
  /** Reads the whole answer of a request, before anything is made of it. */
  handleErrors(
    status: number,
    reason: string,
    url: string,
    method: string,
    headers: unknown,
    body: string,
    ...rest: unknown[]
  ): unknown;
  /** Settles by what requests are sent: by `undiciRequest`, where this has been loaded. */
  loadFetchImplementation(): Promise<unknown>;
  readonly undiciModule?: unknown;
  undiciRequest(url: string, params: CcxtRequest): Promise<unknown>;
  /** What requests through a proxy are sent by, under the proxy's address. */
  readonly proxyDictionaries: Readonly<Record<string, unknown>>;
  shouldValidateServerSsl(): boolean;
  loadHttpProxyAgent(): Promise<unknown>;
  setSandboxMode(enabled: boolean): void;
  enableDemoTrading(enabled: boolean): void;
  loadMarkets(): Promise<Readonly<Record<string, CcxtMarket>>>;
  fetchMarkets(): Promise<readonly CcxtMarket[]>;
  /** Makes these the markets of the connection. */
  setMarkets(markets: readonly CcxtMarket[]): Readonly<Record<string, CcxtMarket>>;
  /** The first load, which everybody waits for: one that failed stays here, and fails whoever waits. */
  marketsLoading?: Promise<unknown> | undefined;
  amountToPrecision(symbol: string, amount: string): string;
  priceToPrecision(symbol: string, price: string): string;
  fetchOHLCV(symbol: string, timeframe: string, sinceMs?: number, limit?: number): Promise<OhlcvRow[]>;
  watchOHLCV(symbol: string, timeframe: string): Promise<OhlcvRow[]>;
  /** What {@link watchOHLCV} has heard, by symbol and timeframe, oldest first. */
  readonly ohlcvs?: Readonly<Record<string, Readonly<Record<string, readonly OhlcvRow[]>>>>;
  watchOrders(symbol?: string): Promise<CcxtOrder[]>;
  /** Takes the markets of another one of its kind, which has loaded them, for its own. */
  setMarketsFromExchange(source: CcxtExchange): unknown;
  unWatchOHLCV(symbol: string, timeframe: string): Promise<unknown>;
  fetchOrderBook(symbol: string, limit?: number): Promise<CcxtBook>;
  fetchBidsAsks(symbols: string[], params: Params): Promise<Readonly<Record<string, CcxtTop>>>;
  fetchBalance(): Promise<Readonly<Record<string, unknown>>>;
  fetchPositions(symbols: string[]): Promise<readonly CcxtPosition[]>;
  createOrder(
    symbol: string,
    type: string,
    side: string,
    amount: string,
    price: string | undefined,
    params: Params,
  ): Promise<CcxtOrder>;
  fetchOrder(id: string, symbol: string, params: Params): Promise<CcxtOrder>;
  fetchOpenOrders(symbol?: string, sinceMs?: number, limit?: number, params?: Params): Promise<CcxtOrder[]>;
  fetchOrders(symbol?: string, sinceMs?: number, limit?: number, params?: Params): Promise<CcxtOrder[]>;
  fetchClosedOrders(symbol?: string, sinceMs?: number, limit?: number, params?: Params): Promise<CcxtOrder[]>;
  fetchCanceledOrders(
    symbol?: string,
    sinceMs?: number,
    limit?: number,
    params?: Params,
  ): Promise<CcxtOrder[]>;
  fetchCanceledAndClosedOrders(
    symbol?: string,
    sinceMs?: number,
    limit?: number,
    params?: Params,
  ): Promise<CcxtOrder[]>;
  fetchDeposits(currency?: string, sinceMs?: number): Promise<CcxtTransaction[]>;
  fetchWithdrawals(currency?: string, sinceMs?: number): Promise<CcxtTransaction[]>;
  fetchMyTrades(symbol?: string, sinceMs?: number, limit?: number, params?: Params): Promise<CcxtTrade[]>;
  cancelOrder(id: string, symbol: string, params: Params): Promise<unknown>;
  cancelAllOrdersAfter(timeoutMs: number, params: Params): Promise<unknown>;
  close(): Promise<void>;
}

/** A class of ccxt's error hierarchy. */
type ErrorClass = abstract new (...args: never[]) => Error;

/** The classes by which ccxt tells apart what went wrong. */
export interface CcxtErrors {
  readonly ArgumentsRequired: ErrorClass;
  readonly AuthenticationError: ErrorClass;
  readonly BadRequest: ErrorClass;
  readonly DDoSProtection: ErrorClass;
  readonly DuplicateOrderId: ErrorClass;
  readonly InsufficientFunds: ErrorClass;
  readonly InvalidNonce: ErrorClass;
  readonly InvalidOrder: ErrorClass;
  readonly MarketClosed: ErrorClass;
  readonly NotSupported: ErrorClass;
  readonly OperationRejected: ErrorClass;
  readonly OrderNotFound: ErrorClass;
  readonly RateLimitExceeded: ErrorClass;
}

export interface CcxtModule {
  readonly create: (settings: Params) => CcxtExchange;
  readonly errors: CcxtErrors;
}

/**
 * Loads the one exchange class that is needed. ccxt's entry point pulls in more than a hundred exchanges (0.9 s and 60 MB
 * here, more on a Pi), so its files are addressed directly. The streaming class is taken where there is one.
 */
export async function loadCcxt(exchangeId: string): Promise<CcxtModule> {
  const source = join(dirname(createRequire(import.meta.url).resolve('ccxt')), '..', 'js', 'src');
  const candidates = [join(source, 'pro', `${exchangeId}.js`), join(source, `${exchangeId}.js`)];
  const file = /^[a-z0-9]+$/.test(exchangeId) ? candidates.find((path) => existsSync(path)) : undefined;
  if (!file) {
    throw badInput(
      'E_EXCHANGE_UNKNOWN',
      `ccxt knows no exchange "${exchangeId}"`,
      'write exchange.id as ccxt does, as in "binance" or "kraken"',
    );
  }
  const [classModule, errors] = await Promise.all([
    import(pathToFileURL(file).href) as Promise<{ default: new (settings: Params) => CcxtExchange }>,
    import(pathToFileURL(join(source, 'base', 'errors.js')).href) as Promise<CcxtErrors>,
  ]);
  return { create: (settings) => new classModule.default(settings), errors };
}
