import { isUnplaced, type OrderRequest } from '../core/order.js';
import type { Brokers } from './brokers.js';
import type { Execution } from './execution.js';
import type { Instrument } from './instrument.js';
import { isTriggered, type StopIntent, stopFor } from './stop-order.js';

export interface RestingStopsDeps {
  readonly brokers: Brokers;
  readonly execution: Execution;
  readonly instruments: readonly Instrument[];
  /** How far below its average entry a long position is sold, in per cent; 0 = no stops. */
  readonly percent: number;
  /** Whether exchange and store agree: what is held is certain only then. */
  readonly agreed: (exchange: string) => boolean;
  /** Closes what the instrument holds, through the gate; what could not be closed, in words, or null. */
  readonly close: (instrument: Instrument) => Promise<string | null>;
  /** Whether the market takes no orders now. */
  readonly isClosed: (exchange: string, symbol: string) => boolean;
}

/** A position without the stop that it should have. */
export interface Unprotected {
  readonly symbol: string;
  readonly detail: string;
  /** The price is beyond the trigger: it is to be closed, and each moment counts. */
  readonly urgent?: true;
}

/**
 * Keeps a stop resting at the exchange for each position, so that a box that is dead holds none without one. What rests is
 * made to fit what fills say is held; nothing is taken away where nothing could be put in its place.
 */
export interface RestingStops {
  /** Places, replaces or cancels what rests for a symbol; in the symbol's own turn. */
  sync(exchange: string, symbol: string): Promise<void>;
  /** The same for all symbols of a venue, while nothing else happens there. */
  syncAll(exchange: string): Promise<void>;
  /**
   * Takes a instrument's stops away before an order that closes: on spot they lock what is to be sold, and together they could do
   * more than close. One that cannot be cancelled keeps the order in: the gate denies it.
   */
  cancelAll(instrument: Instrument): Promise<void>;
  unprotected(exchange: string): readonly Unprotected[];
}

export function createRestingStops(deps: RestingStopsDeps): RestingStops {
  const { execution, brokers } = deps;
  const percent = brokers.kind === 'paper' ? 0 : deps.percent;
  const unprotected = new Map<Instrument, Omit<Unprotected, 'symbol'>>();

  async function cancel(stops: readonly OrderRequest[]): Promise<void> {
    for (const stop of stops) await execution.cancelStop(stop);
  }

  const wantedOf = ({ book, rules, lastBarMs }: Instrument) => stopFor(book, rules, percent, lastBarMs ?? 0);

  async function place(instrument: Instrument, stop: StopIntent): Promise<void> {
    if (isTriggered(stop)) {
      // The price has been there while nothing rested: the stop would have sold by now.
      const unclosed = await deps.close(instrument);
      if (unclosed === null) unprotected.delete(instrument);
      else {
        const { exchange, symbol } = instrument.key;
        const why = deps.isClosed(exchange, symbol) ? 'its market is closed' : unclosed;
        const detail = `the price is beyond its trigger, and it could not be closed: ${why}`;
        unprotected.set(instrument, { detail, urgent: true });
      }
      return;
    }
    const outcome = await execution.submitStop(stop);
    // The same words each time while it lasts: other words would be another alert.
    const closed = outcome.reason === 'market_closed' ? 'its market is closed' : null;
    if (isUnplaced(outcome.status))
      unprotected.set(instrument, { detail: closed ?? outcome.message ?? outcome.status });
    else unprotected.delete(instrument);
  }

  async function syncInstrument(instrument: Instrument): Promise<void> {
    const { exchange, symbol } = instrument.key;
    const resting = execution.restingStops(exchange, symbol);
    const wanted = wantedOf(instrument);
    if (wanted === null) unprotected.delete(instrument);
    if (wanted === null && resting.length === 0) return;
    if (wanted !== null && brokers.of(exchange).takesStops?.(symbol) !== true) {
      unprotected.set(instrument, { detail: 'ccxt cannot place and follow one at this exchange' });
      return;
    }
    // In doubt nothing is known of what is held, or of what rests.
    if (execution.blocks(exchange, symbol) || !deps.agreed(exchange)) return;
    if (wanted !== null && resting.length === 1 && fits(resting[0]!, wanted)) {
      unprotected.delete(instrument);
      return;
    }
    if (wanted !== null) {
      const state = execution.standing({ exchange, symbol, barOpenMs: wanted.barOpenMs });
      // As where the halt came while the stop was on its way: nobody else says that the position has none.
      if (state === 'HALTED' && resting.length === 0) {
        const detail = 'the box is halted and places none; place one, or close the position, by hand';
        unprotected.set(instrument, { detail });
      }
      if (state !== 'ACTIVE' && state !== 'REDUCING') return;
    }
    // One that does not fit is better than none, and none could be put in its place.
    if (wanted !== null && resting.length > 0 && deps.isClosed(exchange, symbol)) return;
    await cancel(resting);
    if (execution.blocks(exchange, symbol) || execution.restingStops(exchange, symbol).length > 0) return;
    // The one that was cancelled may have been executed before.
    const left = wantedOf(instrument);
    if (left !== null) await place(instrument, left);
  }

  return {
    async sync(exchange, symbol) {
      const instrument = deps.instruments.find(
        ({ key }) => key.exchange === exchange && key.symbol === symbol,
      );
      if (instrument) await syncInstrument(instrument);
    },
    async syncAll(exchange) {
      for (const instrument of deps.instruments)
        if (instrument.key.exchange === exchange) await syncInstrument(instrument);
    },
    async cancelAll(instrument) {
      const { exchange, symbol } = instrument.key;
      const resting = execution.restingStops(exchange, symbol);
      if (resting.length === 0) return;
      // What closes could not leave either: then the stop is all there is.
      if (execution.standing({ exchange, symbol, barOpenMs: instrument.lastBarMs ?? 0 }) === 'HALTED') return;
      await cancel(resting);
    },
    unprotected: (exchange) =>
      [...unprotected]
        .filter(([instrument]) => instrument.key.exchange === exchange)
        .map(([{ key, book }, { detail, urgent }]) => ({
          symbol: key.symbol,
          detail: `${book.units.toFixed()} held at ${exchange}: ${detail}`,
          ...(urgent && { urgent }),
        })),
  };
}

function fits(stop: OrderRequest, wanted: StopIntent): boolean {
  return (
    stop.side === wanted.side && stop.amount === wanted.amount && stop.triggerPrice === wanted.triggerPrice
  );
}
