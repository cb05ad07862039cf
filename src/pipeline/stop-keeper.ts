import type { OrderRequest } from '../core/order.js';
import { type Brokers, type Execution, isTriggered, type StopIntent, stopFor } from './execution/index.js';
import type { Lane } from './lane.js';

export interface StopKeeperDeps {
  readonly brokers: Brokers;
  readonly execution: Execution;
  readonly lanes: readonly Lane[];
  /** How far below its average entry a long position is sold, in per cent; 0 = no stops. */
  readonly percent: number;
  /** Whether exchange and store agree: what is held is certain only then. */
  readonly agreed: (exchange: string) => boolean;
  /** Closes what the lane holds, through the gate; what could not be closed, in words, or null. */
  readonly close: (lane: Lane) => Promise<string | null>;
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
export interface StopKeeper {
  /** Places, replaces or cancels what rests for a symbol; in the symbol's own turn. */
  align(exchange: string, symbol: string): Promise<void>;
  /** The same for all symbols of a venue, while nothing else happens there. */
  alignAll(exchange: string): Promise<void>;
  /**
   * Takes a lane's stops away before an order that closes: on spot they lock what is to be sold, and together they could do
   * more than close. One that cannot be cancelled keeps the order in: the gate refuses it.
   */
  clear(lane: Lane): Promise<void>;
  unprotected(exchange: string): readonly Unprotected[];
}

export function createStopKeeper(deps: StopKeeperDeps): StopKeeper {
  const { execution, brokers } = deps;
  const percent = brokers.kind === 'paper' ? 0 : deps.percent;
  const naked = new Map<Lane, Omit<Unprotected, 'symbol'>>();

  async function cancel(stops: readonly OrderRequest[]): Promise<void> {
    for (const stop of stops) await execution.cancelStop(stop);
  }

  const wantedOf = ({ book, setup, lastBarMs }: Lane) => stopFor(book, setup.rules, percent, lastBarMs ?? 0);

  async function place(lane: Lane, stop: StopIntent): Promise<void> {
    if (isTriggered(stop)) {
      // The price has been there while nothing rested: the stop would have sold by now.
      const unclosed = await deps.close(lane);
      if (unclosed === null) naked.delete(lane);
      else {
        const { exchange, symbol } = lane.setup.key;
        const why = deps.isClosed(exchange, symbol) ? 'its market is closed' : unclosed;
        const detail = `the price is beyond its trigger, and it could not be closed: ${why}`;
        naked.set(lane, { detail, urgent: true });
      }
      return;
    }
    const outcome = await execution.submitStop(stop);
    // The same words each time while it lasts: other words would be another alert.
    const closed = outcome.refusal === 'market_closed' ? 'its market is closed' : null;
    if (outcome.status === 'rejected') naked.set(lane, { detail: closed ?? outcome.message ?? 'rejected' });
    else naked.delete(lane);
  }

  async function alignLane(lane: Lane): Promise<void> {
    const { exchange, symbol } = lane.setup.key;
    const resting = execution.restingStops(exchange, symbol);
    const wanted = wantedOf(lane);
    if (wanted === null) naked.delete(lane);
    if (wanted === null && resting.length === 0) return;
    if (wanted !== null && brokers.of(exchange).takesStops?.(symbol) !== true) {
      naked.set(lane, { detail: 'ccxt cannot place and follow one at this exchange' });
      return;
    }
    // In doubt nothing is known of what is held, or of what rests.
    if (execution.blocks(exchange, symbol) || !deps.agreed(exchange)) return;
    if (wanted !== null && resting.length === 1 && fits(resting[0]!, wanted)) {
      naked.delete(lane);
      return;
    }
    if (wanted !== null) {
      const state = execution.standing({ exchange, symbol, barOpenMs: wanted.barOpenMs });
      // As where the halt came while the stop was on its way: nobody else says that the position has none.
      if (state === 'HALTED' && resting.length === 0) {
        const detail = 'the box is halted and places none; place one, or close the position, by hand';
        naked.set(lane, { detail });
      }
      if (state !== 'ACTIVE' && state !== 'REDUCING') return;
    }
    // One that does not fit is better than none, and none could be put in its place.
    if (wanted !== null && resting.length > 0 && deps.isClosed(exchange, symbol)) return;
    await cancel(resting);
    if (execution.blocks(exchange, symbol) || execution.restingStops(exchange, symbol).length > 0) return;
    // The one that was cancelled may have been executed before.
    const left = wantedOf(lane);
    if (left !== null) await place(lane, left);
  }

  return {
    async align(exchange, symbol) {
      const lane = deps.lanes.find(
        ({ setup: { key } }) => key.exchange === exchange && key.symbol === symbol,
      );
      if (lane) await alignLane(lane);
    },
    async alignAll(exchange) {
      for (const lane of deps.lanes) if (lane.setup.key.exchange === exchange) await alignLane(lane);
    },
    async clear(lane) {
      const { exchange, symbol } = lane.setup.key;
      const resting = execution.restingStops(exchange, symbol);
      if (resting.length === 0) return;
      // What closes could not leave either: then the stop is all there is.
      if (execution.standing({ exchange, symbol, barOpenMs: lane.lastBarMs ?? 0 }) === 'HALTED') return;
      await cancel(resting);
    },
    unprotected: (exchange) =>
      [...naked]
        .filter(([lane]) => lane.setup.key.exchange === exchange)
        .map(([{ setup, book }, { detail, urgent }]) => ({
          symbol: setup.key.symbol,
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
