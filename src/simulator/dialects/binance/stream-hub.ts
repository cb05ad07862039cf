import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { StreamTamper } from '../../dialect.js';

/** A consumer that lets this much pile up is cut off, as the exchange does. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
const STREAMS_PER_SOCKET_MAX = 1024;
const MESSAGE_BYTES_MAX = 64 * 1024;

/** WebSocket market streams: clients name the streams they want, the replay publishes by name. */
export class StreamHub {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  readonly #subscriptions = new Map<WebSocket, Set<string>>();
  readonly #greeting: (stream: string) => string | undefined;
  #silent = false;
  /** Turns a message into those that are sent in its place; for tests of faults. */
  tamper: StreamTamper | undefined;

  /** `greeting` gives the message that a new subscriber of a stream gets at once, if any. */
  constructor(greeting: (stream: string) => string | undefined) {
    this.#greeting = greeting;
  }

  get connections(): number {
    return this.#subscriptions.size;
  }

  subscribers(stream: string): number {
    let count = 0;
    for (const streams of this.#subscriptions.values()) if (streams.has(stream)) count++;
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
      this.#subscriptions.set(client, new Set());
      client.on('message', (data) => this.#receive(client, data));
      client.on('close', () => this.#subscriptions.delete(client));
      // 'close' follows every error; a broken client is no fault of the exchange.
      client.on('error', () => client.terminate());
    });
  }

  /** Sends to everyone who listens; the message is only written when somebody does. */
  publish(stream: string, write: () => string): void {
    if (this.#silent) return;
    let messages: readonly string[] | undefined;
    for (const [client, streams] of this.#subscriptions) {
      if (!streams.has(stream)) continue;
      messages ??= this.tamper?.(stream, write()) ?? [write()];
      if (client.bufferedAmount > BUFFERED_BYTES_MAX) client.terminate();
      else for (const message of messages) client.send(message);
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
    const subscribed = this.#subscriptions.get(client);
    if (!subscribed) return;
    if (method === 'LIST_SUBSCRIPTIONS') {
      client.send(JSON.stringify({ result: [...subscribed], id }));
      return;
    }
    if (method === 'SUBSCRIBE') for (const stream of streams) subscribed.add(stream);
    else for (const stream of streams) subscribed.delete(stream);
    if (subscribed.size > STREAMS_PER_SOCKET_MAX) {
      client.close(1008, 'too many streams');
      return;
    }
    client.send(JSON.stringify({ result: null, id }));
    if (method !== 'SUBSCRIBE' || this.#silent) return;
    for (const stream of streams) {
      const greeting = this.#greeting(stream);
      if (greeting !== undefined) client.send(greeting);
    }
  }
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
