import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type Candle, candleAt } from '../../../core/candle.js';
import type { AccountEvent } from '../../account-events.js';
import type { DialectParts, DialectStreams, EventTamper, StreamTamper } from '../../dialect.js';
import type { Instrument } from '../../instrument.js';
import type { ClosedBar } from '../../market-replay.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { executions, opened } from './executions.js';
import type { Tokens } from './tokens.js';

const MESSAGE_BYTES_MAX = 64 * 1024;
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
const HEARTBEAT_MS = 1000;
const SNAPSHOT_BARS = 10;

interface Client {
  readonly bars: Set<Instrument>;
  /** The account that it listens to. */
  apiKey: string | undefined;
  sequence: number;
}

/**
 * The second version of Kraken's streams, public and private at one address: the bars (`ohlc`) and what happens to an
 * account (`executions`). Any other channel is refused in so many words, and reported.
 * https://docs.kraken.com/exchange/api-reference/spot-websocket
 */
export class KrakenStreams implements DialectStreams {
  readonly #exchange: SimulatedExchange;
  readonly #tokens: Tokens;
  readonly #onUnknown: (what: string) => void;
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });
  readonly #clients = new Map<WebSocket, Client>();
  readonly #delayed = new Set<NodeJS.Timeout>();
  readonly #heartbeat: NodeJS.Timeout;
  #silent = false;
  tamper: StreamTamper | undefined;
  eventTamper: EventTamper | undefined;
  eventFaults: EventTamper | undefined;

  constructor({ exchange, onUnknown }: DialectParts, tokens: Tokens) {
    this.#exchange = exchange;
    this.#tokens = tokens;
    this.#onUnknown = onUnknown;
    this.#heartbeat = setInterval(() => {
      for (const client of this.#clients.keys()) this.#send(client, { channel: 'heartbeat' });
    }, HEARTBEAT_MS).unref();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!/\/v2\/?$/.test(request.url ?? '')) {
      this.#onUnknown(`WebSocket ${request.url}`);
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => {
      this.#clients.set(client, { bars: new Set(), apiKey: undefined, sequence: 0 });
      client.on('message', (data) => this.#receive(client, data));
      client.on('close', () => this.#clients.delete(client));
      client.on('error', () => client.terminate());
      this.#send(client, {
        channel: 'status',
        type: 'update',
        data: [{ version: '2.0.10', system: 'online', api_version: 'v2', connection_id: 1 }],
      });
    });
  }

  /** No message says that a bar is closed: the next one begins. */
  publishBar({ instrument, candle }: ClosedBar): void {
    const next = this.#exchange.replay.inProgress(instrument);
    for (const bar of [candle, next]) this.#publish(instrument, ohlc('update', instrument, [bar]));
  }

  publishEvent(apiKey: string, event: AccountEvent): void {
    if (event.kind !== 'order') return;
    for (const message of executions(event)) {
      const deliveries = (this.eventTamper ?? this.eventFaults)?.(apiKey, message);
      for (const { event: each, afterMs } of deliveries ?? [{ event: message, afterMs: 0 }]) {
        if (afterMs <= 0) this.#sendExecutions(apiKey, 'update', [each]);
        else this.#later(afterMs, () => this.#sendExecutions(apiKey, 'update', [each]));
      }
    }
  }

  subscribers(symbol: string): number {
    const all = [...this.#clients.values()].flatMap(({ bars }) => [...bars]);
    return all.filter((instrument) => instrument.symbol === symbol).length;
  }

  listeners(apiKey: string): number {
    return [...this.#clients.values()].filter((client) => client.apiKey === apiKey).length;
  }

  set silent(silent: boolean) {
    this.#silent = silent;
    for (const client of this.#clients.keys()) {
      if (silent) client.pause();
      else client.resume();
    }
  }

  dropAll(): void {
    for (const client of this.#clients.keys()) client.terminate();
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    for (const timer of this.#delayed) clearTimeout(timer);
    this.dropAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #publish(instrument: Instrument, message: object): void {
    const text = JSON.stringify(message);
    const texts = this.tamper?.(`ohlc ${instrument.symbol}`, text) ?? [text];
    for (const [client, { bars }] of this.#clients) {
      if (bars.has(instrument)) for (const each of texts) this.#sendText(client, each);
    }
  }

  #sendExecutions(apiKey: string, type: 'update' | 'snapshot', data: readonly object[]): void {
    for (const [client, state] of this.#clients) {
      if (state.apiKey !== apiKey) continue;
      state.sequence++;
      this.#send(client, { channel: 'executions', type, data, sequence: state.sequence });
    }
  }

  #receive(client: WebSocket, data: RawData): void {
    const request = parsed(data);
    const { method, params = {}, req_id: reqId } = request;
    const timeIn = new Date(this.#exchange.serverMs()).toISOString();
    const answer = (rest: object) =>
      this.#send(client, {
        method,
        ...rest,
        time_in: timeIn,
        time_out: timeIn,
        ...(reqId !== undefined && { req_id: reqId }),
      });
    if (method === 'ping') {
      answer({ method: 'pong' });
      return;
    }
    const refuse = (error: string) => answer({ error, success: false });
    if (method !== 'subscribe' && method !== 'unsubscribe') {
      this.#onUnknown(`WebSocket method ${String(method)}`);
      refuse('Malformed request');
      return;
    }
    switch (params.channel) {
      case 'ohlc':
        this.#followBars(client, method, params, answer, refuse);
        break;
      case 'executions':
        this.#followOrders(client, method, params, answer, refuse);
        break;
      default:
        this.#onUnknown(`WebSocket channel ${String(params.channel)}`);
        refuse(`Subscription name invalid: ${String(params.channel)} is not simulated`);
    }
  }

  #followBars(
    client: WebSocket,
    method: 'subscribe' | 'unsubscribe',
    params: Params,
    answer: (rest: object) => void,
    refuse: (error: string) => void,
  ): void {
    const symbols = Array.isArray(params.symbol) ? params.symbol : [];
    const { bars } = this.#clients.get(client)!;
    for (const symbol of symbols) {
      const instrument = this.#exchange.replay.instruments.find((it) => it.symbol === symbol && it.listed);
      if (!instrument) {
        refuse(`Currency pair not supported ${String(symbol)}`);
      } else if (Number(params.interval) * 60_000 !== instrument.barMs) {
        refuse('Subscription ohlc interval not supported');
      } else {
        answer({
          result: { channel: 'ohlc', symbol, interval: Number(params.interval), snapshot: true },
          success: true,
        });
        if (method === 'unsubscribe') bars.delete(instrument);
        else {
          bars.add(instrument);
          this.#send(client, ohlc('snapshot', instrument, this.#lastBars(instrument)));
        }
      }
    }
  }

  #followOrders(
    client: WebSocket,
    method: 'subscribe' | 'unsubscribe',
    params: Params,
    answer: (rest: object) => void,
    refuse: (error: string) => void,
  ): void {
    const apiKey = this.#tokens.accountOf(params.token);
    if (apiKey === undefined) {
      refuse('ESession:Invalid session');
      return;
    }
    const state = this.#clients.get(client)!;
    state.apiKey = method === 'subscribe' ? apiKey : undefined;
    answer({ result: { channel: 'executions', snap_orders: params.snap_orders !== false }, success: true });
    if (state.apiKey === undefined || params.snap_orders === false) return;
    const open = this.#exchange.account(apiKey)!.engine.resting.map(opened);
    state.sequence++;
    this.#send(client, { channel: 'executions', type: 'snapshot', data: open, sequence: state.sequence });
  }

  #lastBars(instrument: Instrument): readonly Candle[] {
    const { replay } = this.#exchange;
    const completed = replay.completed(instrument);
    const bars: Candle[] = [];
    for (let i = Math.max(0, completed - SNAPSHOT_BARS); i < completed; i++) {
      bars.push(candleAt(instrument.candles, i));
    }
    return completed > 0 ? [...bars, replay.inProgress(instrument)] : bars;
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      work();
    }, ms);
    this.#delayed.add(timer);
  }

  #send(client: WebSocket, message: object): void {
    this.#sendText(client, JSON.stringify(message));
  }

  #sendText(client: WebSocket, text: string): void {
    if (this.#silent) return;
    if (client.bufferedAmount > BUFFERED_BYTES_MAX) client.terminate();
    else client.send(text);
  }
}

type Params = Readonly<Record<string, unknown>>;

function parsed(data: RawData): { method?: unknown; params?: Params; req_id?: unknown } {
  try {
    const message: unknown = JSON.parse(data.toString());
    return typeof message === 'object' && message !== null ? message : {};
  } catch {
    return {};
  }
}

function ohlc(type: 'update' | 'snapshot', instrument: Instrument, bars: readonly Candle[]): object {
  const { symbol, barMs } = instrument;
  const data = bars.map(({ openMs, open, high, low, close, volume }) => ({
    ...{ symbol, open, high, low, close, trades: volume > 0 ? 1 : 0, volume, vwap: close },
    interval_begin: `${new Date(openMs).toISOString().slice(0, 19)}.000000000Z`,
    interval: barMs / 60_000,
    timestamp: new Date(openMs + barMs).toISOString(),
  }));
  return { channel: 'ohlc', type, timestamp: data.at(-1)?.timestamp, data };
}
