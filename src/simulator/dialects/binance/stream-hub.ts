import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { StreamTamper } from '../../dialect.js';

/** A consumer that lets this much pile up is cut off, as the exchange does. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
const STREAMS_PER_SOCKET_MAX = 1024;
const MESSAGE_BYTES_MAX = 64 * 1024;

interface Client {
  readonly streams: Set<string>;
  /** At `/stream` each message comes as `{"stream": …, "data": …}`. */
  readonly isWrapped: boolean;
}

/**
 * WebSocket market streams: clients name the streams they want, in the address or by SUBSCRIBE, the replay publishes by name.
 * A stream that is not simulated is refused, where Binance takes it in silence: a bot would wait for it forever.
 * https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
 */
export class StreamHub {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  readonly #subscriptions = new Map<WebSocket, Client>();
  readonly #isKnown: (stream: string) => boolean;
  readonly #greeting: (stream: string) => string | undefined;
  #silent = false;
  /** Turns a message into those that are sent in its place; for tests of faults. */
  tamper: StreamTamper | undefined;

  /** `greeting` gives the message that a new subscriber of a stream gets at once, if any. */
  constructor(greeting: (stream: string) => string | undefined, isKnown: (stream: string) => boolean) {
    this.#greeting = greeting;
    this.#isKnown = isKnown;
  }

  get connections(): number {
    return this.#subscriptions.size;
  }

  subscribers(stream: string): number {
    let count = 0;
    for (const { streams } of this.#subscriptions.values()) if (streams.has(stream)) count++;
    return count;
  }

  /**
   * While silent, sockets stay open, but nothing is published and nothing is read, not even a closing frame: the worst
   * kind of dead line.
   */
  set silent(silent: boolean) {
    this.#silent = silent;
    for (const client of this.#subscriptions.keys()) {
      if (silent) client.pause();
      else client.resume();
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => {
      const { streams, isWrapped } = addressOf(request.url ?? '');
      const unknown = streams.filter((stream) => !this.#isKnown(stream));
      this.#subscriptions.set(client, { streams: new Set(streams), isWrapped });
      client.on('message', (data) => this.#receive(client, data));
      client.on('close', () => this.#subscriptions.delete(client));
      // 'close' follows every error; a broken client is no fault of the exchange.
      client.on('error', () => client.terminate());
      if (unknown.length > 0) client.close(1008, notSimulated(unknown));
      else this.#greet(client, streams);
    });
  }

  /** Sends to everyone who listens; the message is only written when somebody does. */
  publish(stream: string, write: () => string): void {
    if (this.#silent) return;
    let messages: readonly string[] | undefined;
    for (const [client, { streams, isWrapped }] of this.#subscriptions) {
      if (!streams.has(stream)) continue;
      messages ??= this.tamper?.(stream, write()) ?? [write()];
      if (client.bufferedAmount > BUFFERED_BYTES_MAX) client.terminate();
      else for (const message of messages) client.send(isWrapped ? wrapped(stream, message) : message);
    }
  }

  /** Cuts every connection without a closing handshake. */
  dropAll(): void {
    for (const client of this.#subscriptions.keys()) client.terminate();
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #receive(client: WebSocket, data: RawData): void {
    const request = parseRequest(data);
    if (!request) {
      client.send(
        JSON.stringify({ error: { code: 2, msg: 'Invalid request: expected a method and its params' } }),
      );
      return;
    }
    const { id, method, streams } = request;
    const subscribed = this.#subscriptions.get(client)?.streams;
    if (!subscribed) return;
    if (method === 'LIST_SUBSCRIPTIONS') {
      client.send(JSON.stringify({ result: [...subscribed], id }));
      return;
    }
    if (subscribed.size + streams.length > STREAMS_PER_SOCKET_MAX && method === 'SUBSCRIBE') {
      client.close(1008, 'too many streams');
      return;
    }
    const unknown = method === 'SUBSCRIBE' ? streams.filter((stream) => !this.#isKnown(stream)) : [];
    if (unknown.length > 0) {
      client.send(JSON.stringify({ error: { code: 2, msg: notSimulated(unknown) }, id }));
      return;
    }
    if (method === 'SUBSCRIBE') for (const stream of streams) subscribed.add(stream);
    else for (const stream of streams) subscribed.delete(stream);
    client.send(JSON.stringify({ result: null, id }));
    if (method === 'SUBSCRIBE') this.#greet(client, streams);
  }

  #greet(client: WebSocket, streams: readonly string[]): void {
    if (this.#silent) return;
    const isWrapped = this.#subscriptions.get(client)?.isWrapped === true;
    for (const stream of streams) {
      const greeting = this.#greeting(stream);
      if (greeting !== undefined) client.send(isWrapped ? wrapped(stream, greeting) : greeting);
    }
  }
}

const wrapped = (stream: string, message: string) => `{"stream":${JSON.stringify(stream)},"data":${message}}`;

const notSimulated = (streams: readonly string[]) => `Invalid request: ${streams.join()} is not simulated`;

/** `/ws/a/b` names streams, `/stream?streams=a/b` wraps them as well. What holds no `@` is part of a path alone. */
function addressOf(url: string): { readonly streams: readonly string[]; readonly isWrapped: boolean } {
  const { pathname, searchParams } = new URL(url, 'ws://simulator');
  const isWrapped = /\/stream\/?$/.test(pathname);
  const named = isWrapped ? (searchParams.get('streams') ?? '') : pathname;
  return { streams: named.split('/').filter((part) => part.includes('@')), isWrapped };
}

interface StreamRequest {
  readonly id: number | string | null;
  readonly method: 'SUBSCRIBE' | 'UNSUBSCRIBE' | 'LIST_SUBSCRIPTIONS';
  readonly streams: readonly string[];
}

function parseRequest(data: RawData): StreamRequest | undefined {
  let message: unknown;
  try {
    message = JSON.parse(data.toString());
  } catch {
    return undefined;
  }
  if (typeof message !== 'object' || message === null) return undefined;
  const { id = null, method, params = [] } = message as Record<string, unknown>;
  if (typeof id !== 'number' && typeof id !== 'string' && id !== null) return undefined;
  if (method !== 'SUBSCRIBE' && method !== 'UNSUBSCRIBE' && method !== 'LIST_SUBSCRIPTIONS') return undefined;
  if (!Array.isArray(params) || !params.every((stream) => typeof stream === 'string')) return undefined;
  return { id, method, streams: params as string[] };
}
