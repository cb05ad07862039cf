import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { badInput, fault, messageOf } from '../core/errors.js';
import { controlRoutes } from './control-routes.js';
import type { Dialect, EventTamper, StreamTamper } from './dialect.js';
import { DIALECTS, type DialectId } from './dialects/registry.js';
import { FaultInjector, type FaultSettings } from './fault-injector.js';
import { HttpFront, type Interceptor } from './http-front.js';
import { type LedgerSnapshot, ledgerSnapshot } from './ledger-snapshot.js';
import type { LimitSettings } from './limit-settings.js';
import { OrderFates } from './order-fates.js';
import { SimulatedExchange, type SimulatedExchangeOptions } from './simulated-exchange.js';

export interface SimulatorOptions extends Omit<SimulatedExchangeOptions, 'monotonicMs' | 'bookkeeping'> {
  /** The exchange whose wire it speaks, by ccxt's id; Binance spot when left out. */
  readonly dialect?: DialectId;
  /** 0 (the default) takes a free port. The simulator listens on 127.0.0.1 only. */
  readonly port?: number;
  readonly monotonicMs?: () => number;
  /** How much may be asked; without limits what is used is counted and told all the same. */
  readonly limits?: Partial<LimitSettings>;
  readonly faults?: FaultSettings | undefined;
}

const HOST = '127.0.0.1';

/**
 * An exchange on loopback that speaks the dialect of a real one over HTTP and WebSocket and replays candles. `step` is lockstep,
 * `play` runs at a speed of its own.
 */
export class ExchangeSimulator {
  readonly exchange: SimulatedExchange;
  readonly dialect: Dialect;
  /** What was asked for and is not simulated: a test that finds anything here has proved less than it says. */
  readonly unknown: string[] = [];
  readonly #port: number;
  readonly #fates: OrderFates;
  readonly #front: HttpFront;
  #injector: FaultInjector | undefined;
  readonly #server: Server;

  constructor(options: SimulatorOptions) {
    const kind = DIALECTS[options.dialect ?? 'binance'];
    const monotonicMs = () => performance.now();
    const { bookkeeping } = kind;
    this.exchange = new SimulatedExchange({ monotonicMs, ...options, bookkeeping });
    this.#port = options.port ?? 0;
    this.#fates = new OrderFates(this.exchange);
    this.dialect = kind.create({
      exchange: this.exchange,
      fates: this.#fates,
      limits: options.limits ?? {},
      monotonicMs,
      onUnknown: (what) => this.unknown.push(what),
    });
    this.exchange.onAccountEvent = (apiKey, event) => this.dialect.streams.publishEvent(apiKey, event);
    this.#front = new HttpFront(this.dialect, controlRoutes(this));
    this.faults = options.faults;
    this.#server = createServer((request, response) => {
      this.#front.handle(request, response).catch((error: Error) => request.socket.destroy(error));
    });
  }

  async start(): Promise<void> {
    this.#server.on('upgrade', (request, socket, head) => {
      if (this.#front.maintenance) {
        socket.destroy();
        return;
      }
      this.dialect.streams.upgrade(request, socket, head);
    });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const inUse = error.code === 'EADDRINUSE';
        reject(
          inUse
            ? badInput(
                'E_PORT_IN_USE',
                `port ${this.#port} on ${HOST} is taken`,
                'choose another with --port',
                error,
              )
            : fault(
                'E_SIM_LISTEN',
                `the simulator cannot listen: ${messageOf(error)}`,
                'check --port',
                error,
              ),
        );
      });
      this.#server.listen(this.#port, HOST, resolve);
    });
  }

  async stop(): Promise<void> {
    this.#fates.stop();
    await this.dialect.streams.close();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** For `exchange.restUrl`. */
  get restUrl(): string {
    return `http://${HOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** For `exchange.wsUrl`. */
  get wsUrl(): string {
    return `ws://${HOST}:${(this.#server.address() as AddressInfo).port}${this.dialect.wsPath}`;
  }

  /** UTC milliseconds of the simulated world; see ReplayClock. */
  wallMs(): number {
    return this.exchange.clock.wallMs();
  }

  /** True once the last candle is complete. */
  get done(): boolean {
    return this.exchange.replay.done;
  }

  /** Sockets that listen to the klines of a symbol (`BTC/USDT`); lets a test wait for a subscription. */
  subscribers(symbol: string): number {
    return this.dialect.streams.subscribers(symbol);
  }

  /**
   * Completes the next bar of the time line: sends each closed bar's final kline, then the opening tick of the bar after
   * it, then the new book. Resolves when the messages are handed to the sockets. At the end it sends nothing.
   */
  async step(): Promise<{ readonly closed: number; readonly done: boolean; readonly wallMs: number }> {
    const closed = this.exchange.step();
    for (const bar of closed) this.dialect.streams.publishBar(bar);
    return { closed: closed.length, done: this.done, wallMs: this.wallMs() };
  }

  /** Steps at `barsPerSecond` until the end or until `signal` aborts; `onStep` hears of each step. */
  async play(barsPerSecond: number, signal: AbortSignal, onStep?: (position: number) => void): Promise<void> {
    if (!(barsPerSecond > 0)) {
      throw badInput(
        'E_SIM_SPEED',
        `speed ${barsPerSecond} is not above 0`,
        'give bars per second, as in 10',
      );
    }
    const startedMs = performance.now();
    for (let steps = 0; !this.done && !signal.aborted; ) {
      const dueSteps = Math.floor(((performance.now() - startedMs) / 1000) * barsPerSecond);
      while (steps < dueSteps && !this.done && !signal.aborted) {
        await this.step();
        steps++;
        onStep?.(this.exchange.replay.position);
      }
      const waitMs = ((steps + 1) / barsPerSecond) * 1000 - (performance.now() - startedMs);
      await delay(Math.max(1, waitMs), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Orders, trades and balances of every account: the ground truth. */
  ledger(): LedgerSnapshot {
    return ledgerSnapshot(this.exchange);
  }

  /** Cuts every stream connection, as a broken line would. */
  dropStreams(): void {
    this.dialect.streams.dropAll();
  }

  /** What goes wrong from now on, drawn by seed; undefined heals. */
  set faults(settings: FaultSettings | undefined) {
    const injector = settings && new FaultInjector(settings, this.dialect.faults);
    this.#injector = injector;
    this.#fates.faults = injector;
    this.#front.faults = injector && ((call) => injector.request(call));
    this.dialect.streams.eventFaults = injector && ((_apiKey, event) => injector.event(event));
  }

  /** The plan in force and how often each fault was drawn by it; null without one. */
  faultReport(): { readonly plan: FaultSettings; readonly drawn: Readonly<Record<string, number>> } | null {
    return this.#injector === undefined
      ? null
      : { plan: this.#injector.settings, drawn: this.#injector.drawn };
  }

  /** During maintenance every request but for the system's status is refused, and there are no streams. */
  set maintenance(on: boolean) {
    this.#front.maintenance = on;
    if (on) this.dropStreams();
  }

  /** While silent, streams stay open, deliver nothing and answer nothing, as on a dead line. */
  set silent(silent: boolean) {
    this.dialect.streams.silent = silent;
  }

  /** Sees every message of a stream before it is sent, and may send others; for tests of faults. */
  set tamper(tamper: StreamTamper | undefined) {
    this.dialect.streams.tamper = tamper;
  }

  /** Sees every event of an account before it is sent, and may send others; for tests of faults. */
  set eventTamper(tamper: EventTamper | undefined) {
    this.dialect.streams.eventTamper = tamper;
  }

  /** Connections that listen to what happens to an account. */
  listeners(apiKey: string): number {
    return this.dialect.streams.listeners(apiKey);
  }

  /** Sees every request first; for tests of faults. */
  set interceptor(interceptor: Interceptor | undefined) {
    this.#front.interceptor = interceptor;
  }
}
