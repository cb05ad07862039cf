import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../core/errors.js';
import { type AccountRoute, accountRoutes, authenticate } from './account-routes.js';
import { ApiError, refusals } from './api-error.js';
import type { ControlRoutes } from './control-routes.js';
import { marketRoutes, type Route } from './market-routes.js';
import type { OrderFates } from './order-fates.js';
import { type Headers, LimitError, type RequestLimits } from './request-limits.js';
import type { SimulatedExchange } from './simulated-exchange.js';

const BODY_BYTES_MAX = 64 * 1024;

/** One request as an interceptor sees it. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly params: URLSearchParams;
}

/**
 * What is done to a request instead of, or after, answering it. `drop` cuts the connection before anything happens,
 * `drop_answer` after the exchange has acted on it; `delay` lets it arrive late; `answer` replaces the whole exchange.
 */
export type Interception =
  | { readonly kind: 'drop' }
  | { readonly kind: 'drop_answer' }
  | { readonly kind: 'delay'; readonly ms: number }
  | Late
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/**
 * The rest of what can go wrong: `hang` and `hang_after` leave the caller waiting, before or after the exchange has acted;
 * `delay_answer`, `answer_after` and `change` are done to the answer.
 */
type Late =
  | { readonly kind: 'hang' | 'hang_after' }
  | { readonly kind: 'delay_answer'; readonly ms: number }
  | { readonly kind: 'answer_after'; readonly status: number; readonly body: string }
  | { readonly kind: 'change'; readonly change: (value: unknown) => unknown };

export type Interceptor = (call: ApiCall) => Interception | undefined;

/** Speaks HTTP for an exchange: routes, signatures, errors in the exchange's form. */
export class HttpFront {
  readonly #exchange: SimulatedExchange;
  readonly #market: ReadonlyMap<string, Route>;
  readonly #account: ReadonlyMap<string, AccountRoute>;
  readonly #control: ControlRoutes;
  readonly #limits: RequestLimits;
  /** Everything but the status of the system is refused. */
  maintenance = false;
  /** Steered by tests; undefined lets everything pass. */
  interceptor: Interceptor | undefined;
  /** What a fault plan does to requests that the interceptor lets pass. */
  faults: Interceptor | undefined;

  constructor(exchange: SimulatedExchange, fates: OrderFates, control: ControlRoutes, limits: RequestLimits) {
    this.#exchange = exchange;
    this.#market = marketRoutes(exchange);
    this.#account = accountRoutes(exchange, fates);
    this.#control = control;
    this.#limits = limits;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: string;
    try {
      body = await readBody(request);
    } catch (error) {
      send(response, 400, JSON.stringify({ code: -1000, msg: messageOf(error) }));
      return;
    }
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
    const params = new URLSearchParams(query && body ? `${query}&${body}` : query || body);
    const method = request.method ?? 'GET';
    const control = this.#control.get(`${method} ${path}`);
    if (control) {
      const { status, value } = await answered(() => control(body === '' ? undefined : parsed(body)));
      send(response, status, JSON.stringify(value));
      return;
    }
    const call = { method, path, params };
    const interception = this.interceptor?.(call) ?? this.faults?.(call);
    if (interception?.kind === 'hang') return;
    if (interception?.kind === 'drop') {
      request.socket.destroy();
      return;
    }
    if (interception?.kind === 'delay') await delay(interception.ms, undefined, { ref: false });
    if (interception?.kind === 'answer') {
      send(response, interception.status, interception.body, interception.headers);
      return;
    }
    const key = request.headers['x-mbx-apikey'];
    const answer = await this.#answer(`${method} ${path}`, params, { query, body }, single(key));
    switch (interception?.kind) {
      case 'drop_answer':
        request.socket.destroy();
        return;
      case 'hang_after':
        return;
      case 'answer_after':
        send(response, interception.status, interception.body);
        return;
      case 'delay_answer':
        await delay(interception.ms, undefined, { ref: false });
    }
    // What was refused has no figures that could be changed.
    const changed = interception?.kind === 'change' && answer.status === 200;
    const value = changed ? interception.change(answer.value) : answer.value;
    send(response, answer.status, JSON.stringify(value), answer.headers);
  }

  async #answer(
    route: string,
    params: URLSearchParams,
    text: { readonly query: string; readonly body: string },
    apiKey: string | undefined,
  ): Promise<Answer> {
    let headers: Headers = {};
    if (route === 'GET /sapi/v1/system/status') {
      return { status: 200, value: this.maintenance ? MAINTENANCE : NORMAL };
    }
    return answered(() => {
      if (this.maintenance) throw refusals.maintenance();
      headers = this.#limits.take(route, params, apiKey, this.#exchange.serverMs());
      const market = this.#market.get(route);
      if (market) return market(params);
      const signed = this.#account.get(route);
      if (!signed) throw new ApiError(404, -1000, `${route} is not simulated`);
      return signed(authenticate(this.#exchange, apiKey, text, params), params);
    }).then((answer) => ({ ...answer, headers: { ...headers, ...answer.headers } }));
  }
}

interface Answer {
  readonly status: number;
  readonly value: unknown;
  readonly headers?: Headers;
}

const NORMAL = { status: 0, msg: 'normal' };
const MAINTENANCE = { status: 1, msg: 'system_maintenance' };

/** The answer, or the refusal in the exchange's form. */
async function answered(work: () => unknown): Promise<Answer> {
  try {
    return { status: 200, value: await work() };
  } catch (error) {
    const { status, code } = error instanceof ApiError ? error : { status: 500, code: -1000 };
    const value = { code, msg: messageOf(error) };
    if (!(error instanceof LimitError)) return { status, value };
    return { status, value, headers: { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) } };
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new ApiError(400, -1100, 'the body is no JSON');
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', ...headers });
  response.end(body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`request body above ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
