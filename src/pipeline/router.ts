import type { Candle } from '../core/candle.js';
import type { Quote } from '../core/order.js';
import type { Orders } from '../execution/orders.js';
import type { Clock } from '../ports/time.js';
import type { Signal } from './risk-inputs.js';
import type { StreamState } from './stream-state.js';

/** Where an order goes: the stream whose exchange takes it, and the quote there. */
export interface Route {
  readonly stream: StreamState;
  readonly quote: Quote;
}

export interface RouterDeps {
  readonly streams: readonly StreamState[];
  readonly orders: Pick<Orders, 'quote' | 'stateFor'> & {
    readonly execution: Pick<Orders['execution'], 'blocks'>;
  };
  readonly clock: Pick<Clock, 'wallMs' | 'sleep'>;
  readonly quoteAgeMsMax: number;
  /** Whether an order of the stream's exchange is on its way. */
  readonly isBusy: (stream: StreamState) => boolean;
  /** Cash at an exchange, in quote units. */
  readonly cashAt: (exchange: string) => number;
  /** What the largest entry costs, in quote units. */
  readonly entryCostMax: () => number;
}

/** What another exchange has to tell its price once the own one has: a failing one must not hold up a decision. */
const PATIENCE_MS = 250;

/**
 * Takes an entry to the exchange with the best net price among those that list the symbol: top of book with the taker fee.
 * Left out are those that hold a position in it or are about to (positions are kept, and closed, each where it is), that do not
 * take entries now, do not agree with the store, have an order of unknown outcome or too little cash, or do not tell their
 * price in time.
 */
export class Router {
  readonly #deps: RouterDeps;
  readonly #bySymbol = new Map<string, StreamState[]>();

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    for (const stream of deps.streams) {
      const { symbol } = stream.key;
      this.#bySymbol.set(symbol, [...(this.#bySymbol.get(symbol) ?? []), stream]);
    }
  }

  /** Whether entries of the stream have a choice at all. */
  hasChoice(stream: StreamState): boolean {
    return this.#groupOf(stream).length > 1;
  }

  /** The stream's own exchange where no other is better. */
  async choose(stream: StreamState, candle: Candle, signal: Signal): Promise<Route> {
    const { kind } = stream.rules;
    const buys = signal.direction === 'long';
    const enters = buys || (signal.direction === 'short' && kind === 'swap');
    const asked = Promise.resolve(this.#deps.orders.quote(stream, candle));
    if (!enters || stream.tradableUnits !== 0) return { stream, quote: await asked };
    const others = this.#groupOf(stream).filter(
      (other) =>
        other !== stream &&
        other.rules.kind === kind &&
        this.#takesEntries(other, candle) &&
        (!buys || this.#deps.cashAt(other.key.exchange) >= this.#deps.entryCostMax()),
    );
    const told: Route[] = [];
    const asking = Promise.all(
      others.map(async (other) => {
        const quote = await this.#deps.orders.quote(other, candle);
        told.push({ stream: other, quote });
      }),
    );
    let best: Route = { stream, quote: await asked };
    if (others.length > 0) await Promise.race([asking, this.#deps.clock.sleep(PATIENCE_MS)]);
    for (const route of told) {
      // In the time that quotes take an exchange may have begun to fail.
      if (!this.#isFresh(route.quote) || !this.#takesEntries(route.stream, candle)) continue;
      const ours =
        best.stream === stream && !(this.#isFresh(best.quote) && this.#takesEntries(stream, candle));
      if (ours || this.#costOf(route, buys) < this.#costOf(best, buys)) best = route;
    }
    return best;
  }

  #groupOf({ key }: StreamState) {
    return this.#bySymbol.get(key.symbol) ?? [];
  }

  #takesEntries(stream: StreamState, candle: Candle): boolean {
    const { key } = stream;
    return (
      stream.tradableUnits === 0 &&
      !this.#deps.isBusy(stream) &&
      !this.#deps.orders.execution.blocks(key.exchange, key.symbol) &&
      this.#deps.orders.stateFor(key, candle.openMs) === 'ACTIVE'
    );
  }

  #isFresh({ bid, ask, atMs }: Quote) {
    return bid > 0 && ask >= bid && Math.abs(this.#deps.clock.wallMs() - atMs) <= this.#deps.quoteAgeMsMax;
  }

  /** Net price of one unit, the lower the better: what a buy pays, or what a sale forgoes. */
  #costOf({ stream, quote }: Route, buys: boolean): number {
    const fee = Number(stream.rules.takerFeeRate);
    return buys ? quote.ask * (1 + fee) : -quote.bid * (1 - fee);
  }
}
