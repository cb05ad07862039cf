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

/**
 * Takes an entry to the exchange with the best net price among those that list the symbol: top of book with the taker fee.
 * Left out are those that hold a position in it or are about to (positions are kept, and closed, each where it is), that do not
 * take entries now, do not agree with the store, have an order of unknown outcome or too little cash, or do not tell their
 * price in time.
 */
export interface Router {
  /** Whether entries of the stream have a choice at all. */
  hasChoice(stream: StreamState): boolean;
  /** The stream's own exchange where no other is better. */
  choose(stream: StreamState, candle: Candle, signal: Signal): Promise<Route>;
}

/** What another exchange has to tell its price once the own one has: a sick one must not hold up a decision. */
const PATIENCE_MS = 250;

export function createRouter(deps: RouterDeps): Router {
  const { orders, clock } = deps;
  const bySymbol = new Map<string, StreamState[]>();
  for (const stream of deps.streams) {
    const { symbol } = stream.key;
    bySymbol.set(symbol, [...(bySymbol.get(symbol) ?? []), stream]);
  }
  const groupOf = ({ key }: StreamState) => bySymbol.get(key.symbol) ?? [];

  function takesEntries(stream: StreamState, candle: Candle): boolean {
    const { key } = stream;
    return (
      stream.tradableUnits === 0 &&
      !deps.isBusy(stream) &&
      !orders.execution.blocks(key.exchange, key.symbol) &&
      orders.stateFor(key, candle.openMs) === 'ACTIVE'
    );
  }

  const isFresh = ({ bid, ask, atMs }: Quote) =>
    bid > 0 && ask >= bid && Math.abs(clock.wallMs() - atMs) <= deps.quoteAgeMsMax;

  /** Net price of one unit, the lower the better: what a buy pays, or what a sale forgoes. */
  function costOf({ stream, quote }: Route, buys: boolean): number {
    const fee = Number(stream.rules.takerFeeRate);
    return buys ? quote.ask * (1 + fee) : -quote.bid * (1 - fee);
  }

  return {
    hasChoice: (stream) => groupOf(stream).length > 1,
    async choose(stream, candle, signal) {
      const { kind } = stream.rules;
      const buys = signal.direction === 'long';
      const enters = buys || (signal.direction === 'short' && kind === 'swap');
      const asked = Promise.resolve(orders.quote(stream, candle));
      if (!enters || stream.tradableUnits !== 0) return { stream, quote: await asked };
      const others = groupOf(stream).filter(
        (other) =>
          other !== stream &&
          other.rules.kind === kind &&
          takesEntries(other, candle) &&
          (!buys || deps.cashAt(other.key.exchange) >= deps.entryCostMax()),
      );
      const told: Route[] = [];
      const asking = Promise.all(
        others.map(async (other) => {
          const quote = await orders.quote(other, candle);
          told.push({ stream: other, quote });
        }),
      );
      let best: Route = { stream, quote: await asked };
      if (others.length > 0) await Promise.race([asking, clock.sleep(PATIENCE_MS)]);
      for (const route of told) {
        // In the time that quotes take an exchange may have turned sick.
        if (!isFresh(route.quote) || !takesEntries(route.stream, candle)) continue;
        const ours = best.stream === stream && !(isFresh(best.quote) && takesEntries(stream, candle));
        if (ours || costOf(route, buys) < costOf(best, buys)) best = route;
      }
      return best;
    },
  };
}
