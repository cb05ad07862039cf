import type { HaltRecord } from '../../core/records.js';
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
