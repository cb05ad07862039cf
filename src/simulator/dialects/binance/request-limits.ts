import type { LimitSettings } from '../../limit-settings.js';
import { ApiError } from './api-error.js';

type BinanceLimits = Omit<LimitSettings, 'tier'>;

const NO_LIMITS: BinanceLimits = {
  weightPerMinute: Number.POSITIVE_INFINITY,
  ordersPer10s: Number.POSITIVE_INFINITY,
  refusalsBeforeBan: 10,
  banMs: 120_000,
};

export type Headers = Readonly<Record<string, string>>;

/** A refusal for having asked too much; says when to come back. */
export class LimitError extends ApiError {
  readonly retryAfterMs: number;

  constructor(status: 418 | 429, code: number, message: string, retryAfterMs: number) {
    super(status, code, message);
    this.retryAfterMs = retryAfterMs;
  }
}

const MINUTE_MS = 60_000;
const ORDERS_MS = 10_000;

/** Weights of Binance spot by route; whatever is not named weighs 1. */
const WEIGHTS: Readonly<Record<string, number | ((params: URLSearchParams) => number)>> = {
  'GET /api/v3/exchangeInfo': 20,
  'GET /api/v3/klines': 2,
  'GET /api/v3/depth': (params) => {
    const limit = Number(params.get('limit') ?? 100);
    return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
  },
  'GET /api/v3/ticker/price': (params) => (params.has('symbol') ? 2 : 4),
  'GET /api/v3/ticker/bookTicker': (params) => (params.has('symbol') ? 2 : 4),
  'GET /api/v3/ticker/24hr': (params) => (params.has('symbol') ? 2 : 80),
  'GET /api/v3/account': 20,
  'GET /api/v3/order': 4,
  'GET /api/v3/openOrders': (params) => (params.has('symbol') ? 6 : 80),
  'GET /api/v3/allOrders': 20,
  'GET /api/v3/myTrades': (params) => (params.has('orderId') ? 5 : 20),
};

/**
 * Counts what is asked and refuses what is too much, as Binance does: 429 with the time to wait, and whoever continues
 * asking is banned (418). Windows run on real time, since the market's time jumps from bar to bar.
 */
export class RequestLimits {
  readonly #settings: BinanceLimits;
  readonly #monotonicMs: () => number;
  #minute = 0;
  #weight = 0;
  #refusals = 0;
  #bannedUntilMs = Number.NEGATIVE_INFINITY;
  readonly #orders = new Map<string, { window: number; count: number }>();

  constructor(settings: Partial<LimitSettings>, monotonicMs: () => number) {
    this.#settings = { ...NO_LIMITS, ...settings };
    this.#monotonicMs = monotonicMs;
  }

  /** Takes a request in; throws where it is one too many. `wallMs` is the exchange's time, for the words of a ban. */
  take(route: string, params: URLSearchParams, apiKey: string | undefined, wallMs: number): Headers {
    const nowMs = this.#monotonicMs();
    this.#turn(nowMs);
    if (nowMs < this.#bannedUntilMs) throw banned(this.#bannedUntilMs - nowMs, wallMs);
    const weighs = WEIGHTS[route] ?? 1;
    this.#weight += typeof weighs === 'number' ? weighs : weighs(params);
    if (this.#weight > this.#settings.weightPerMinute) this.#refuse(nowMs, wallMs);
    const headers = this.#weightHeaders();
    if (route !== 'POST /api/v3/order' || apiKey === undefined) return headers;
    return { ...headers, 'x-mbx-order-count-10s': String(this.#countOrder(apiKey, nowMs)) };
  }

  /** Bans the address for that long, whatever it has done; for tests of bans. */
  ban(ms: number): void {
    this.#bannedUntilMs = this.#monotonicMs() + ms;
  }

  #refuse(nowMs: number, wallMs: number): never {
    this.#refusals++;
    const { refusalsBeforeBan, banMs, weightPerMinute } = this.#settings;
    if (this.#refusals > refusalsBeforeBan) {
      this.#bannedUntilMs = nowMs + banMs;
      throw banned(banMs, wallMs);
    }
    throw new LimitError(
      429,
      -1003,
      `Too much request weight used; current limit is ${weightPerMinute} request weight per 1 MINUTE. Please use ` +
        'WebSocket Streams for live updates to avoid polling the API.',
      (this.#minute + 1) * MINUTE_MS - nowMs,
    );
  }

  #countOrder(apiKey: string, nowMs: number): number {
    const window = Math.floor(nowMs / ORDERS_MS);
    const known = this.#orders.get(apiKey);
    const count = known?.window === window ? known.count + 1 : 1;
    this.#orders.set(apiKey, { window, count });
    const limit = this.#settings.ordersPer10s;
    if (count <= limit) return count;
    throw new LimitError(
      429,
      -1015,
      `Too many new orders; current limit is ${limit} orders per 10 SECOND.`,
      (window + 1) * ORDERS_MS - nowMs,
    );
  }

  #turn(nowMs: number): void {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#weight = 0;
    this.#refusals = 0;
  }

  #weightHeaders(): Headers {
    const used = String(this.#weight);
    return { 'x-mbx-used-weight': used, 'x-mbx-used-weight-1m': used };
  }
}

function banned(leftMs: number, wallMs: number): LimitError {
  return new LimitError(
    418,
    -1003,
    `Way too much request weight used; IP banned until ${Math.ceil(wallMs + leftMs)}. Please use WebSocket Streams for ` +
      'live updates to avoid bans.',
    leftMs,
  );
}
