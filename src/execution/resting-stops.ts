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
export class RestingStops {
  readonly #deps: RestingStopsDeps;
  readonly #percent;
  readonly #unprotected = new Map<Instrument, Omit<Unprotected, 'symbol'>>();

  constructor(deps: RestingStopsDeps) {
    this.#deps = deps;
    this.#percent = deps.brokers.kind === 'paper' ? 0 : deps.percent;
  }

  /** Places, replaces or cancels what rests for a symbol; in the symbol's own turn. */
  async sync(exchange: string, symbol: string): Promise<void> {
    const instrument = this.#deps.instruments.find(
      ({ key }) => key.exchange === exchange && key.symbol === symbol,
    );
    if (instrument) await this.#syncInstrument(instrument);
  }

  /** The same for all symbols of an exchange, while nothing else happens there. */
  async syncAll(exchange: string): Promise<void> {
    for (const instrument of this.#deps.instruments)
      if (instrument.key.exchange === exchange) await this.#syncInstrument(instrument);
  }

  /**
   * Takes a instrument's stops away before an order that closes: on spot they lock what is to be sold, and together they could do
   * more than close. One that cannot be cancelled keeps the order in: the gate denies it.
   */
  async cancelAll(instrument: Instrument): Promise<void> {
    const { exchange, symbol } = instrument.key;
    const resting = this.#deps.execution.restingStops(exchange, symbol);
    if (resting.length === 0) return;
    // What closes could not leave either: then the stop is all there is.
    if (
      this.#deps.execution.standing({ exchange, symbol, barOpenMs: instrument.lastBarMs ?? 0 }) === 'HALTED'
    )
      return;
    await this.#cancel(resting);
  }

  unprotected(exchange: string): readonly Unprotected[] {
    return [...this.#unprotected]
      .filter(([instrument]) => instrument.key.exchange === exchange)
      .map(([{ key, book }, { detail, urgent }]) => ({
        symbol: key.symbol,
        detail: `${book.units.toFixed()} held at ${exchange}: ${detail}`,
        ...(urgent && { urgent }),
      }));
  }

  async #cancel(stops: readonly OrderRequest[]): Promise<void> {
    for (const stop of stops) await this.#deps.execution.cancelStop(stop);
  }

  #wantedOf({ book, rules, lastBarMs }: Instrument) {
    return stopFor(book, rules, this.#percent, lastBarMs ?? 0);
  }

  async #place(instrument: Instrument, stop: StopIntent): Promise<void> {
    if (isTriggered(stop)) {
      // The price has been there while nothing rested: the stop would have sold by now.
      const unclosed = await this.#deps.close(instrument);
      if (unclosed === null) this.#unprotected.delete(instrument);
      else {
        const { exchange, symbol } = instrument.key;
        const why = this.#deps.isClosed(exchange, symbol) ? 'its market is closed' : unclosed;
        const detail = `the price is beyond its trigger, and it could not be closed: ${why}`;
        this.#unprotected.set(instrument, { detail, urgent: true });
      }
      return;
    }
    const outcome = await this.#deps.execution.submitStop(stop);
    // The same words each time while it lasts: other words would be another alert.
    const closed = outcome.reason === 'market_closed' ? 'its market is closed' : null;
    if (isUnplaced(outcome.status))
      this.#unprotected.set(instrument, { detail: closed ?? outcome.message ?? outcome.status });
    else this.#unprotected.delete(instrument);
  }

  async #syncInstrument(instrument: Instrument): Promise<void> {
    const { exchange, symbol } = instrument.key;
    const resting = this.#deps.execution.restingStops(exchange, symbol);
    const wanted = this.#wantedOf(instrument);
    if (wanted === null) this.#unprotected.delete(instrument);
    if (wanted === null && resting.length === 0) return;
    if (wanted !== null && this.#deps.brokers.of(exchange).takesStops?.(symbol) !== true) {
      this.#unprotected.set(instrument, { detail: 'ccxt cannot place and follow one at this exchange' });
      return;
    }
    // Before the exchange agrees, nothing is known of what is held, or of what rests.
    if (this.#deps.execution.blocks(exchange, symbol) || !this.#deps.agreed(exchange)) return;
    if (wanted !== null && resting.length === 1 && fits(resting[0]!, wanted)) {
      this.#unprotected.delete(instrument);
      return;
    }
    if (wanted !== null) {
      const state = this.#deps.execution.standing({ exchange, symbol, barOpenMs: wanted.barOpenMs });
      // As where the halt came while the stop was on its way: nobody else says that the position has none.
      if (state === 'HALTED' && resting.length === 0) {
        const detail = 'the box is halted and places none; place one, or close the position, by hand';
        this.#unprotected.set(instrument, { detail });
      }
      if (state !== 'ACTIVE' && state !== 'REDUCING') return;
    }
    // One that does not fit is better than none, and none could be put in its place.
    if (wanted !== null && resting.length > 0 && this.#deps.isClosed(exchange, symbol)) return;
    await this.#cancel(resting);
    if (
      this.#deps.execution.blocks(exchange, symbol) ||
      this.#deps.execution.restingStops(exchange, symbol).length > 0
    )
      return;
    // The one that was cancelled may have been executed before.
    const left = this.#wantedOf(instrument);
    if (left !== null) await this.#place(instrument, left);
  }
}

function fits(stop: OrderRequest, wanted: StopIntent): boolean {
  return (
    stop.side === wanted.side && stop.amount === wanted.amount && stop.triggerPrice === wanted.triggerPrice
  );
}
