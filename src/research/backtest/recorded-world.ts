import { isUnplaced, type Quote } from '../../core/order.js';
import type { BarRecord, HaltRecord, OrderEvent } from '../../core/records.js';
import type { TradingState } from '../../core/trading-state.js';

/** The trading state at a wall time by the recorded halts (oldest first); `initial` before the first of them. */
export function stateByHalts(
  halts: readonly HaltRecord[],
  initial: TradingState,
): (wallMs: number) => TradingState {
  const sorted = [...halts].sort((a, b) => a.atMs - b.atMs);
  return (wallMs) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]!.atMs <= wallMs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? initial : sorted[low - 1]!.state;
  };
}

/**
 * What a live run met that cannot be computed from candles: the state and quote each risk decision saw, and the bars
 * whose order was denied, rejected or never placed. Given to a backtest, it decides as the live run did.
 */
export interface RecordedWorld {
  stateAt(openMs: number): TradingState | undefined;
  quoteAt(openMs: number): Quote | undefined;
  unplacedAt(openMs: number): boolean;
}

/** The world as the records of one stream tell it. */
export function recordedWorld(
  decisions: readonly BarRecord[],
  orders: readonly OrderEvent[] = [],
): RecordedWorld {
  const inputs = new Map(
    decisions.flatMap((record) =>
      record.risk === null ? [] : [[record.candle.openMs, record.risk.inputs] as const],
    ),
  );
  const unplaced = new Set(
    orders.filter(({ status }) => isUnplaced(status)).map(({ order }) => order.barOpenMs),
  );
  return {
    stateAt: (openMs) => inputs.get(openMs)?.state,
    quoteAt: (openMs) => inputs.get(openMs)?.quote,
    unplacedAt: (openMs) => unplaced.has(openMs),
  };
}
