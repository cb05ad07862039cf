import type { Candle } from '../core/candle.js';
import type { Quote } from '../core/order.js';
import type { Orders } from '../execution/orders.js';
import type { Clock } from '../ports/time.js';
import type { Signal } from './risk-inputs.js';
import { type StreamState, tradableUnits } from './stream-state.js';

/** Where an order goes: the stream whose exchange takes it, and the quote there. */
export interface Place {
  readonly lane: StreamState;
  readonly quote: Quote;
}

export interface RouterDeps {
  readonly lanes: readonly StreamState[];
  readonly desk: Pick<Orders, 'quote' | 'stateFor'> & {
    readonly execution: Pick<Orders['execution'], 'blocks'>;
  };
  readonly clock: Pick<Clock, 'wallMs' | 'sleep'>;
  readonly quoteAgeMsMax: number;
  /** Whether an order of the stream's exchange is on its way. */
  readonly isBusy: (lane: StreamState) => boolean;
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
  hasChoice(lane: StreamState): boolean;
  /** The stream's own place where no other is better. */
  choose(lane: StreamState, candle: Candle, signal: Signal): Promise<Place>;
}

/** What another exchange has to tell its price once the own one has: a sick one must not hold up a decision. */
const PATIENCE_MS = 250;

export function createRouter(deps: RouterDeps): Router {
  const { desk, clock } = deps;
  const bySymbol = new Map<string, StreamState[]>();
  for (const lane of deps.lanes) {
    const { symbol } = lane.setup.key;
    bySymbol.set(symbol, [...(bySymbol.get(symbol) ?? []), lane]);
  }
  const groupOf = ({ setup }: StreamState) => bySymbol.get(setup.key.symbol) ?? [];

  function takesEntries(lane: StreamState, candle: Candle): boolean {
    const { key } = lane.setup;
    return (
      tradableUnits(lane) === 0 &&
      !deps.isBusy(lane) &&
      !desk.execution.blocks(key.exchange, key.symbol) &&
      desk.stateFor(key, candle.openMs) === 'ACTIVE'
    );
  }

  const isFresh = ({ bid, ask, atMs }: Quote) =>
    bid > 0 && ask >= bid && Math.abs(clock.wallMs() - atMs) <= deps.quoteAgeMsMax;

  /** Net price of one unit, the lower the better: what a buy pays, or what a sale forgoes. */
  function costOf({ lane, quote }: Place, buys: boolean): number {
    const fee = Number(lane.setup.rules.takerFeeRate);
    return buys ? quote.ask * (1 + fee) : -quote.bid * (1 - fee);
  }

  return {
    hasChoice: (lane) => groupOf(lane).length > 1,
    async choose(lane, candle, signal) {
      const { kind } = lane.setup.rules;
      const buys = signal.direction === 'long';
      const enters = buys || (signal.direction === 'short' && kind === 'swap');
      const asked = Promise.resolve(desk.quote(lane, candle));
      if (!enters || tradableUnits(lane) !== 0) return { lane, quote: await asked };
      const others = groupOf(lane).filter(
        (other) =>
          other !== lane &&
          other.setup.rules.kind === kind &&
          takesEntries(other, candle) &&
          (!buys || deps.cashAt(other.setup.key.exchange) >= deps.entryCostMax()),
      );
      const told: Place[] = [];
      const asking = Promise.all(
        others.map(async (other) => {
          const quote = await desk.quote(other, candle);
          told.push({ lane: other, quote });
        }),
      );
      let best: Place = { lane, quote: await asked };
      if (others.length > 0) await Promise.race([asking, clock.sleep(PATIENCE_MS)]);
      for (const place of told) {
        // In the time that quotes take an exchange may have turned sick.
        if (!isFresh(place.quote) || !takesEntries(place.lane, candle)) continue;
        const ours = best.lane === lane && !(isFresh(best.quote) && takesEntries(lane, candle));
        if (ours || costOf(place, buys) < costOf(best, buys)) best = place;
      }
      return best;
    },
  };
}
