import { messageOf } from '../../../core/errors.js';
import type { ApiAnswer, ApiRequest, Dialect, DialectKind, DialectParts } from '../../dialect.js';
import { Refusal } from '../../refusal.js';
import { bookkeeping } from './bookkeeping.js';
import { CallLimits } from './call-limits.js';
import { faultShapes } from './fault-shapes.js';
import { errors, KrakenError, REFUSED } from './kraken-error.js';
import { KrakenStreams } from './kraken-streams.js';
import { PrivateRoutes } from './private-routes.js';
import { publicRoutes } from './public-routes.js';
import { checkSigned } from './request-signature.js';
import { RULES } from './rules.js';
import { Tokens } from './tokens.js';

/** Kraken spot. A secret is base64. */
export const kraken: DialectKind = {
  title: 'Kraken spot',
  rules: RULES,
  bookkeeping,
  secretDefault: 'c2ltdWxhdGVk',
  create: (parts) => new Kraken(parts),
};

class Kraken implements Dialect {
  readonly wsPath = '';
  readonly faults = faultShapes;
  readonly streams: KrakenStreams;
  readonly #parts: DialectParts;
  readonly #limits: CallLimits;
  readonly #public: ReturnType<typeof publicRoutes>;
  readonly #private: PrivateRoutes;
  readonly #nonces = new Map<string, bigint>();

  constructor(parts: DialectParts) {
    this.#parts = parts;
    this.#limits = new CallLimits(parts.limits, parts.monotonicMs);
    const tokens = new Tokens(parts.monotonicMs);
    this.streams = new KrakenStreams(parts, tokens);
    this.#public = publicRoutes(parts.exchange);
    this.#private = new PrivateRoutes(parts, this.#limits, tokens);
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const [, version, scope, method = ''] = request.path.split('/');
    if (method === 'SystemStatus')
      return { status: 200, value: { error: [], result: this.#status(request) } };
    try {
      if (request.maintenance) throw errors.unavailable();
      if (version === '0' && scope === 'public' && request.method === 'GET') {
        const route = Object.hasOwn(this.#public, method) ? this.#public[method] : undefined;
        if (route) return { status: 200, value: { error: [], result: route(request.params) } };
      }
      const route = version === '0' && scope === 'private' && request.method === 'POST';
      const signed = route ? this.#private.find(method) : undefined;
      if (!signed) return this.#unknown(request);
      const { apiKey, account } = this.#authenticate(request, method);
      return { status: 200, value: { error: [], result: await signed({ apiKey, account, request }) } };
    } catch (given) {
      const error = given instanceof Refusal ? REFUSED[given.reason]() : given;
      return { status: error instanceof KrakenError ? 200 : 500, value: { error: [messageOf(error)] } };
    }
  }

  ban(ms: number): void {
    this.#limits.ban(ms);
  }

  #status({ maintenance }: ApiRequest): object {
    const timestamp = `${new Date(this.#parts.exchange.serverMs()).toISOString().slice(0, 19)}Z`;
    return { status: maintenance ? 'maintenance' : 'online', timestamp };
  }

  #unknown({ method, path }: ApiRequest): ApiAnswer {
    this.#parts.onUnknown(`${method} ${path}`);
    const message = `${errors.unknownMethod().message}: ${method} ${path} is not simulated`;
    return { status: 404, value: { error: [message] } };
  }

  /** Key, lockout, signature and nonce, in this order. */
  #authenticate(request: ApiRequest, method: string) {
    const apiKey = String(request.headers['api-key'] ?? '');
    const account = this.#parts.exchange.account(apiKey);
    if (!account) throw errors.invalidKey();
    this.#limits.call(apiKey, method);
    try {
      this.#nonces.set(apiKey, checkSigned(request, account.secret, this.#nonces.get(apiKey) ?? -1n));
    } catch (error) {
      this.#limits.failed(apiKey);
      throw error;
    }
    return { apiKey, account };
  }
}
