import type { Candle } from '../core/candle.js';
import type { Quote } from '../core/order.js';
import type { ExecutionOutcome, OrderIntent } from './execution/index.js';
import type { Lane } from './lane.js';

export interface FlattenDeps {
  /** Top of book for this candle's close. */
  quote(lane: Lane, candle: Candle): Quote | Promise<Quote>;
  send(lane: Lane, candle: Candle, decision: OrderIntent['decision']): Promise<ExecutionOutcome>;
}

/** What closing a position came to; `unclosed` says in words what is still held and why. */
export interface Flattened {
  readonly outcomes: readonly ExecutionOutcome[];
  readonly unclosed: string | null;
}

/** Orders for one position: the market may move away from a limit again and again. */
const TRIES_MAX = 5;

/** Sends the orders that close what a lane holds, through the gate like any other. */
export async function flattenLane(lane: Lane, deps: FlattenDeps): Promise<Flattened> {
  const { book, setup } = lane;
  if (book.units.eq(0)) return { outcomes: [], unclosed: null };
  const close = book.markPrice;
  // No trade is decided here, so the last close stands for the whole candle.
  const candle: Candle = {
    openMs: lane.lastBarMs ?? 0,
    open: close,
    high: close,
    low: close,
    close,
    volume: 0,
  };
  const outcomes: ExecutionOutcome[] = [];
  for (;;) {
    const outcome = await deps.send(lane, candle, {
      side: book.units.gt(0) ? 'sell' : 'buy',
      units: Math.abs(book.unitsNumber),
      inputs: { quote: await deps.quote(lane, candle) },
    });
    outcomes.push(outcome);
    // What is below the exchange's step cannot be sold and is no position.
    if (outcome.status === 'filled' || book.units.abs().lt(setup.rules.amountStep)) {
      return { outcomes, unclosed: null };
    }
    // An order with a limit ends where the book does; what is left goes out at the price of now. All else is no market's doing.
    const ended = outcome.status === 'expired' || outcome.status === 'canceled';
    if (ended && outcomes.length < TRIES_MAX) continue;
    const why = `${outcome.status}${outcome.message === null ? '' : `: ${outcome.message}`}`;
    return { outcomes, unclosed: `${book.units.toFixed()} ${setup.key.symbol} (${why})` };
  }
}
