import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccountEvent } from './account-events.js';
import type { Rule } from './dialects/rule.js';
import type { LimitSettings } from './limit-settings.js';
import type { ClosedBar } from './market-replay.js';
import type { Bookkeeping } from './order-engine.js';
import type { OrderFates } from './order-fates.js';
import type { SimulatedExchange } from './simulated-exchange.js';

/** A request as it came over the wire. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** Of query and body, where the body is a form. */
  readonly params: URLSearchParams;
  readonly query: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
  readonly maintenance: boolean;
  /**
   * How long the request, once it was let in, waits before it reaches the matching engine: an exchange under load takes an
   * order in and places it when its sender has long given up.
   */
  readonly queuedMs: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly value: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request as an interceptor or a fault plan sees it. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly params: URLSearchParams;
}

interface RawAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the faults of a plan look like in one exchange's dialect. */
export interface FaultShapes {
  /** Routes that nothing happens to: clocks and status pages. */
  readonly spared: ReadonlySet<string>;
  /** Whether answers of this route list orders or fills, or are one. */
  listsOrders(call: ApiCall): boolean;
  /** Whether this route places an order. */
  places(call: ApiCall): boolean;
  /** The market whose book is asked for; undefined for every other request. */
  bookOf(call: ApiCall): string | undefined;
  /** "Too many requests", as the exchange says it. */
  readonly rateLimit: RawAnswer;
  /** The beginning of an answer, and not its end. */
  readonly malformed: string;
  /** An error of the exchange's own within HTTP 200, which does not say whether anything was done. */
  readonly errorWithin200: string;
  /** An order that says more was filled than it was for. */
  absurd(value: unknown): unknown;
  /** Changes the rows of a list, or the fills within an order. */
  changeRows(value: unknown, change: (rows: readonly unknown[]) => readonly unknown[]): unknown;
}

/** Turns a message into those that are sent in its place; for tests of faults. */
export type StreamTamper = (stream: string, message: string) => readonly string[];

/** Turns the event of an account into those that are sent in its place, each now or later; for tests of faults. */
export type EventTamper = (apiKey: string, event: object) => readonly DelayedEvent[];

export interface DelayedEvent {
  readonly event: object;
  /** Real milliseconds. */
  readonly afterMs: number;
}

/** The WebSocket side of an exchange: market streams and what happens to accounts. */
export interface DialectStreams {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sends a closed bar, the opening tick of the next, and the new book. */
  publishBar(bar: ClosedBar): void;
  publishEvent(apiKey: string, event: AccountEvent): void;
  /** Sockets that listen to the bars of a symbol (`BTC/USDT`). */
  subscribers(symbol: string): number;
  /** Connections that listen to what happens to an account. */
  listeners(apiKey: string): number;
  /** While silent, sockets stay open and nothing is sent or read, not even a closing frame: the worst kind of dead line. */
  set silent(silent: boolean);
  set tamper(tamper: StreamTamper | undefined);
  set eventTamper(tamper: EventTamper | undefined);
  /** What a fault plan does, where no `eventTamper` has a hand in it. */
  set eventFaults(tamper: EventTamper | undefined);
  /** Cuts every connection without a closing handshake. */
  dropAll(): void;
  close(): Promise<void>;
}

/** One exchange's own way to speak of what the simulated exchange does: the only part that knows its wire. */
export interface Dialect {
  /** What ccxt wants behind `ws://host:port`. */
  readonly wsPath: string;
  readonly faults: FaultShapes;
  readonly streams: DialectStreams;
  /** Answers every request, one that it does not know with an error that names it. Never rejects. */
  answer(request: ApiRequest): Promise<ApiAnswer>;
  /** Locks everybody out for that long; for tests. */
  ban(ms: number): void;
}

export interface DialectParts {
  readonly exchange: SimulatedExchange;
  readonly fates: OrderFates;
  readonly limits: Partial<LimitSettings>;
  readonly monotonicMs: () => number;
  /** Told of every route, method and channel that was asked for and is not simulated. */
  readonly onUnknown: (what: string) => void;
}

/** An exchange that the simulator can stand in for. */
export interface DialectKind {
  readonly title: string;
  readonly rules: readonly Rule[];
  /** How it books fills. */
  readonly bookkeeping: Bookkeeping;
  /** Of the account that the command makes, where none is given. */
  readonly secretDefault: string;
  create(parts: DialectParts): Dialect;
}
