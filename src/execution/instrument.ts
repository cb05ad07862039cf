import type { StreamKey } from '../core/candle.js';
import type { MarketRules } from '../core/order.js';
import type { PositionBook } from '../portfolio/position.js';

/** What orders need of a stream: which market it is, by what rules, and what is held there. */
export interface Instrument {
  readonly key: StreamKey;
  /** As they are now: the exchange may change them at any time. */
  readonly rules: MarketRules;
  readonly barMs: number;
  readonly book: PositionBook;
  /** Open time of the last bar taken; null before the first. */
  readonly lastBarMs: number | null;
}
