import type { Quote } from '../../core/order.js';
import type { Direction } from '../../core/signal.js';
import { kellyFraction } from './kelly.js';

/** Where the position should go, in signed units of base. */
export interface Target {
  readonly units: number;
  /** Fraction of equity the target is worth, after the cap; 0 for flat. */
  readonly positionFraction: number;
  /** Kelly's stake times the Kelly fraction, before the cap; 0 where the target is flat whatever the odds. */
  readonly kellyRaw: number;
}

export interface SizingConfig {
  readonly kellyFraction: number;
  readonly maxPositionFraction: number;
}

/**
 * The target position: a fraction of equity by Kelly on the probability of winning in the signal's direction, at most
 * the cap, at the price that would be paid. On spot a `short` means flat, and so does `flat` anywhere.
 */
export function targetPosition(
  direction: Direction,
  probabilityWin: number,
  equity: number,
  quote: Quote,
  averageWin: number,
  averageLoss: number,
  market: 'spot' | 'swap',
  config: SizingConfig,
): Target {
  if (direction === 'flat' || (direction === 'short' && market === 'spot')) {
    return { units: 0, positionFraction: 0, kellyRaw: 0 };
  }
  const kellyRaw = kellyFraction(probabilityWin, averageWin, averageLoss, config.kellyFraction);
  const positionFraction = Math.min(kellyRaw, config.maxPositionFraction);
  // A long is bought at the ask and a short sold at the bid, so the notional at the fill never exceeds the cap.
  const units =
    direction === 'long' ? (equity * positionFraction) / quote.ask : -(equity * positionFraction) / quote.bid;
  return { units, positionFraction, kellyRaw };
}
