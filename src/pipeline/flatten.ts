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
  readonly outcome: ExecutionOutcome | null;
  readonly unclosed: string | null;
}

/** Sends the order that closes what a lane holds, through the gate like any other order. */
export async function flattenLane(lane: Lane, deps: FlattenDeps): Promise<Flattened> {
  const { book, setup } = lane;
  if (book.units.eq(0)) return { outcome: null, unclosed: null };
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
  const outcome = await deps.send(lane, candle, {
    side: book.units.gt(0) ? 'sell' : 'buy',
    units: Math.abs(book.unitsNumber),
    inputs: { quote: await deps.quote(lane, candle) },
  });
  // What is below the exchange's step cannot be sold and is no position.
  if (outcome.status === 'filled' || book.units.abs().lt(setup.rules.amountStep)) {
    return { outcome, unclosed: null };
  }
  const why = `${outcome.status}${outcome.message === null ? '' : `: ${outcome.message}`}`;
  return { outcome, unclosed: `${book.units.toFixed()} ${setup.key.symbol} (${why})` };
}
