import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../../core/errors.js';
import type { ApiAnswer, ApiRequest, Dialect, DialectKind, DialectParts } from '../../dialect.js';
import { EXACT } from '../../order-engine.js';
import { Refusal } from '../../refusal.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { type AccountRoute, accountRoutes, authenticate } from './account-routes.js';
import { ApiError, refusals } from './api-error.js';
import { BinanceStreams } from './binance-streams.js';
import { faultShapes } from './fault-shapes.js';
import { marketRoutes, type Route } from './market-routes.js';
import { LimitError, RequestLimits } from './request-limits.js';
import { RULES } from './rules.js';

/** Binance spot. */
export const binance: DialectKind = {
  title: 'Binance spot',
  rules: RULES,
  bookkeeping: EXACT,
  secretDefault: 'simulated',
  create: (parts) => new Binance(parts),
};

class Binance implements Dialect {
  /** ccxt knows a spot stream by the word `stream` in its address. */
  readonly wsPath = '/stream';
  readonly faults = faultShapes;
  readonly streams: BinanceStreams;
  readonly #exchange: SimulatedExchange;
  readonly #market: ReadonlyMap<string, Route>;
  readonly #account: ReadonlyMap<string, AccountRoute>;
  readonly #limits: RequestLimits;
  readonly #onUnknown: (what: string) => void;

  constructor({ exchange, fates, limits, monotonicMs, onUnknown }: DialectParts) {
    this.#onUnknown = onUnknown;
    this.#exchange = exchange;
    this.#market = marketRoutes(exchange);
    this.#account = accountRoutes(exchange, fates);
    this.#limits = new RequestLimits(limits, monotonicMs);
    this.streams = new BinanceStreams(exchange);
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const route = `${request.method} ${request.path}`;
    if (route === 'GET /sapi/v1/system/status') {
      return { status: 200, value: request.maintenance ? MAINTENANCE : NORMAL };
    }
    let headers: ApiAnswer['headers'] = {};
    try {
      if (request.maintenance) throw refusals.maintenance();
      const apiKey = single(request.headers['x-mbx-apikey']);
      headers = this.#limits.take(route, request.params, apiKey, this.#exchange.serverMs());
      return { status: 200, value: await this.#routed(route, request, apiKey), headers };
    } catch (error) {
      const refused = refusedAnswer(error);
      return { ...refused, headers: { ...headers, ...refused.headers } };
    }
  }

  ban(ms: number): void {
    this.#limits.ban(ms);
  }

  async #routed(route: string, request: ApiRequest, apiKey: string | undefined): Promise<unknown> {
    const { params } = request;
    const market = this.#market.get(route);
    if (market) return market(params);
    const signed = this.#account.get(route);
    if (!signed) {
      this.#onUnknown(route);
      throw new ApiError(404, -1000, `${route} is not simulated`);
    }
    // The time window is checked again before an order is handed to the matching engine: what waited for too long dies
    // here. https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
    if (request.queuedMs > 0) await delay(request.queuedMs, undefined, { ref: false });
    return signed(authenticate(this.#exchange, apiKey, request, params), params);
  }
}

const NORMAL = { status: 0, msg: 'normal' };
const MAINTENANCE = { status: 1, msg: 'system_maintenance' };

/** The refusal in the exchange's form. */
function refusedAnswer(given: unknown): ApiAnswer {
  const error = given instanceof Refusal ? refusals[given.reason]() : given;
  const { status, code } = error instanceof ApiError ? error : { status: 500, code: -1000 };
  const value = { code, msg: messageOf(error) };
  if (!(error instanceof LimitError)) return { status, value };
  return { status, value, headers: { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) } };
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
