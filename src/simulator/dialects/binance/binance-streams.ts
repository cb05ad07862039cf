import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AccountEvent } from '../../account-events.js';
import type { DialectStreams, EventTamper, StreamTamper } from '../../dialect.js';
import type { Instrument } from '../../instrument.js';
import type { ClosedBar } from '../../market-replay.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { accountEventWire } from './account-wire.js';
import { bookTickerEvent, bookTickerStream, depthEvent, depthStreams } from './book-wire.js';
import { klineEvent, klineStream } from './kline-wire.js';
import { StreamHub } from './stream-hub.js';
import { UserStream } from './user-stream.js';

/** Where Binance's WebSocket API is found; all else is a market stream. */
const WS_API_PATH = '/ws-api/v3';

/** Market streams and the WebSocket API's user data stream. */
export class BinanceStreams implements DialectStreams {
  readonly #exchange: SimulatedExchange;
  readonly #hub: StreamHub;
  readonly #user: UserStream;

  constructor(exchange: SimulatedExchange) {
    this.#exchange = exchange;
    this.#hub = new StreamHub(
      (stream) => this.#greeting(stream),
      (stream) => this.#isKnown(stream),
    );
    this.#user = new UserStream(exchange);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const hub = request.url?.endsWith(WS_API_PATH) ? this.#user : this.#hub;
    hub.upgrade(request, socket, head);
  }

  publishBar({ instrument, candle }: ClosedBar): void {
    const { replay, clock } = this.#exchange;
    const book = this.#exchange.book(instrument);
    const klines = klineStream(instrument);
    this.#hub.publish(klines, () => klineEvent(instrument, candle, true, replay.closeMs));
    this.#hub.publish(klines, () => this.#openingTick(instrument));
    this.#hub.publish(bookTickerStream(instrument), () => bookTickerEvent(instrument, book));
    // Taken at each bar, also where nobody listens: a book that was asked for just before is brought up to date by what follows it.
    const changes = book.changes();
    let depth: string | undefined;
    for (const stream of depthStreams(instrument)) {
      this.#hub.publish(stream, () => {
        depth ??= depthEvent(instrument, changes, clock.wallMs());
        return depth;
      });
    }
  }

  publishEvent(apiKey: string, event: AccountEvent): void {
    this.#user.publish(apiKey, accountEventWire(event, this.#exchange.account(apiKey)!.engine.ledger));
  }

  subscribers(symbol: string): number {
    const instrument = this.#exchange.replay.instruments.find((it) => it.symbol === symbol);
    return instrument ? this.#hub.subscribers(klineStream(instrument)) : 0;
  }

  listeners(apiKey: string): number {
    return this.#user.subscribers(apiKey);
  }

  set silent(silent: boolean) {
    this.#hub.silent = silent;
    this.#user.silent = silent;
  }

  set tamper(tamper: StreamTamper | undefined) {
    this.#hub.tamper = tamper;
  }

  set eventTamper(tamper: EventTamper | undefined) {
    this.#user.tamper = tamper;
  }

  set eventFaults(tamper: EventTamper | undefined) {
    this.#user.faults = tamper;
  }

  dropAll(): void {
    this.#hub.dropAll();
    this.#user.dropAll();
  }

  async close(): Promise<void> {
    await Promise.all([this.#hub.close(), this.#user.close()]);
  }

  #isKnown(stream: string): boolean {
    return this.#exchange.replay.instruments.some((it) =>
      [klineStream(it), bookTickerStream(it), ...depthStreams(it)].includes(stream),
    );
  }

  #openingTick(instrument: Instrument): string {
    const { replay, clock } = this.#exchange;
    return klineEvent(instrument, replay.inProgress(instrument), false, clock.wallMs());
  }

  /** A new subscriber hears of the bar in progress at once, as it would within a second on the exchange. */
  #greeting(stream: string): string | undefined {
    for (const instrument of this.#exchange.replay.instruments) {
      if (stream === klineStream(instrument)) return this.#openingTick(instrument);
      if (stream === bookTickerStream(instrument)) {
        return bookTickerEvent(instrument, this.#exchange.book(instrument));
      }
    }
    return undefined;
  }
}
