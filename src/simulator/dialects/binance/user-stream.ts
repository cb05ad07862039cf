import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { messageOf } from '../../../core/errors.js';
import type { EventTamper } from '../../dialect.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { ApiError, refusals } from './api-error.js';
import { checkWsSigned } from './request-signature.js';

const MESSAGE_BYTES_MAX = 64 * 1024;

interface Request {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/**
 * Binance's WebSocket API as far as user data streams go: a client subscribes with a signed request
 * (`userDataStream.subscribe.signature`) on a connection, and hears there what happens to the account from then on.
 */
export class UserStream {
  readonly #exchange: SimulatedExchange;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  /** The account that each connection listens to; undefined before it has subscribed. */
  readonly #clients = new Map<WebSocket, string | undefined>();
  readonly #delayed = new Set<NodeJS.Timeout>();
  #silent = false;
  tamper: EventTamper | undefined;
  /** What a fault plan does, where nobody else has a hand in it. */
  faults: EventTamper | undefined;

  constructor(exchange: SimulatedExchange) {
    this.#exchange = exchange;
  }

  /** Connections that listen to an account. */
  subscribers(apiKey: string): number {
    return [...this.#clients.values()].filter((key) => key === apiKey).length;
  }

  /** As StreamHub has it: open, and dead. */
  set silent(silent: boolean) {
    this.#silent = silent;
    for (const client of this.#clients.keys()) {
      if (silent) client.pause();
      else client.resume();
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => {
      this.#clients.set(client, undefined);
      client.on('message', (data) => this.#receive(client, data));
      client.on('close', () => this.#clients.delete(client));
      // 'close' follows every error; a broken client is no fault of the exchange.
      client.on('error', () => client.terminate());
    });
  }

  publish(apiKey: string, event: object): void {
    for (const delivery of (this.tamper ?? this.faults)?.(apiKey, event) ?? [{ event, afterMs: 0 }]) {
      if (delivery.afterMs <= 0) {
        this.#send(apiKey, delivery.event);
        continue;
      }
      const timer = setTimeout(() => {
        this.#delayed.delete(timer);
        this.#send(apiKey, delivery.event);
      }, delivery.afterMs);
      this.#delayed.add(timer);
    }
  }

  dropAll(): void {
    for (const client of this.#clients.keys()) client.terminate();
  }

  async close(): Promise<void> {
    for (const timer of this.#delayed) clearTimeout(timer);
    this.dropAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #send(apiKey: string, event: object): void {
    if (this.#silent) return;
    const message = JSON.stringify({ subscriptionId: 0, event });
    for (const [client, key] of this.#clients) if (key === apiKey) client.send(message);
  }

  #receive(client: WebSocket, data: RawData): void {
    const request = parseRequest(data);
    const id = request?.id ?? null;
    try {
      if (request === undefined)
        throw new ApiError(400, -1000, 'Invalid request: expected id, method and params');
      client.send(JSON.stringify({ id, status: 200, result: this.#answer(client, request) }));
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 500;
      const code = error instanceof ApiError ? error.code : -1000;
      client.send(JSON.stringify({ id, status, error: { code, msg: messageOf(error) } }));
    }
  }

  #answer(client: WebSocket, { method, params }: Request): object {
    switch (method) {
      case 'ping':
        return {};
      case 'time':
        return { serverTime: this.#exchange.serverMs() };
      case 'userDataStream.subscribe.signature': {
        const { apiKey } = params;
        if (apiKey === undefined) throw refusals.noKey();
        const account = this.#exchange.account(String(apiKey));
        if (!account) throw refusals.unknownKey();
        checkWsSigned(params, account.secret, this.#exchange);
        this.#clients.set(client, String(apiKey));
        return { subscriptionId: 0 };
      }
      case 'userDataStream.unsubscribe':
        this.#clients.set(client, undefined);
        return {};
      default:
        throw new ApiError(400, -1000, `${method} is not simulated`);
    }
  }
}

function parseRequest(data: RawData): Request | undefined {
  let message: unknown;
  try {
    message = JSON.parse(data.toString());
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null) return undefined;
  const { id = null, method, params = {} } = message as Record<string, unknown>;
  if (typeof id !== 'number' && typeof id !== 'string' && id !== null) return undefined;
  if (typeof method !== 'string' || typeof params !== 'object' || params === null) return undefined;
  const flat = Object.values(params).every((value) => ['string', 'number'].includes(typeof value));
  return flat ? { id, method, params: params as Request['params'] } : undefined;
}
