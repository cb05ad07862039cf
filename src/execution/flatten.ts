import { waitMs } from '../core/backoff.js';
import type { Candle } from '../core/candle.js';
import type { Decimal } from '../core/money.js';
import type { DenialReason, Quote } from '../core/order.js';
import type { Clock } from '../ports/time.js';
import { EXIT_BOUNDS } from './exit-bound.js';
import type { Instrument } from './instrument.js';
import type { ExecutionOutcome, OrderIntent } from './order-intent.js';

export interface FlattenDeps {
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  /** Units that can be closed: what is held, as far as the account holds it. */
  closable(instrument: Instrument): Decimal;
  /** Top of book for this candle's close. */
  quote(instrument: Instrument, candle: Candle): Quote | Promise<Quote>;
  send(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    exitTry: number,
  ): Promise<ExecutionOutcome>;
}

/**
 * A pass gives the symbol back after this long, or when an order with the widest bound has found nobody, so that what else
 * waits for the symbol continues; whoever wants it closed asks again.
 */
const PASS_MS_MAX = 8_000;
const TRIES_MAX = EXIT_BOUNDS.length + 1;
/** Between two tries: time for the book to fill again. */
const WAITS_MS = [0, 100, 250, 500, 1_000];

/**
 * Sends the orders that close what a instrument holds, through the gate like any other, each with more room than the one before,
 * until it is closed, the gate forbids it, or the pass is over. What is still held and why, as text; null where nothing is.
 */
export async function flattenInstrument(instrument: Instrument, deps: FlattenDeps): Promise<string | null> {
  const { book, key } = instrument;
  const close = book.markPrice;
  // No trade is decided here, so the last close stands for the whole candle.
  const candle: Candle = {
    openMs: instrument.lastBarMs ?? 0,
    open: close,
    high: close,
    low: close,
    close,
    volume: 0,
  };
  const held = (why: string) => `${book.units.toFixed()} ${key.symbol} (${why})`;
  const startedMs = deps.clock.monotonicMs();
  for (let exitTry = 1; ; exitTry++) {
    // What is below the exchange's step cannot be sold and is no position.
    if (book.units.abs().lt(instrument.rules.amountStep)) return null;
    const units = deps.closable(instrument).abs();
    if (units.lt(instrument.rules.amountStep)) return held('the account does not hold it');
    const decision = {
      side: book.units.gt(0) ? ('sell' as const) : ('buy' as const),
      units: units.toNumber(),
      inputs: { quote: await deps.quote(instrument, candle) },
    };
    const outcome = await deps.send(instrument, candle, decision, exitTry);
    const over = exitTry >= TRIES_MAX || deps.clock.monotonicMs() - startedMs >= PASS_MS_MAX;
    const isFlat = book.units.abs().lt(instrument.rules.amountStep);
    if (!isFlat && (over || endsThePass(outcome))) {
      return held(`${outcome.status}${outcome.message === null ? '' : `: ${outcome.message}`}`);
    }
    if (isFlat) continue;
    await deps.clock.sleep(waitMs(WAITS_MS, exitTry));
  }
}

/** What another try may find otherwise. */
const PASSING: readonly DenialReason[] = ['price_stale', 'price_collar', 'permit_changed'];

/** Another try would come to the same: nothing may leave, an order has to be looked up first, or the exchange takes none so small. */
function endsThePass({ status, reason }: ExecutionOutcome): boolean {
  if (status === 'unknown' || status === 'accepted' || status === 'partially_filled') return true;
  return reason !== null && !PASSING.includes(reason);
}
