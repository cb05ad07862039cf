import type { Candle, StreamKey } from '../../../src/core/candle.js';
import type { BarRecord } from '../../../src/core/records.js';

/** What a store in memory keeps of one stream. */
export interface StreamRows {
  readonly key: StreamKey;
  readonly candles: Map<number, Candle>;
  /** When each candle became known. */
  readonly availableAtMs: Map<number, number>;
  /** Open times in order; null when a candle came out of order since. */
  sorted: number[] | null;
  readonly decisions: Map<number, BarRecord>;
  readonly outcomes: Map<number, boolean>;
  /** Open time of the newest bar whose decision was an order; null before the first. */
  lastActedMs: number | null;
  /** The newest bar that was decided on. */
  lastDecided: BarRecord | null;
}

export function noRows(key: StreamKey): StreamRows {
  return {
    key,
    candles: new Map(),
    availableAtMs: new Map(),
    sorted: [],
    decisions: new Map(),
    outcomes: new Map(),
    lastActedMs: null,
    lastDecided: null,
  };
}

/** Takes in a candle that is not there yet. */
export function addCandle(rows: StreamRows, candle: Candle, availableAtMs: number): void {
  rows.candles.set(candle.openMs, candle);
  rows.availableAtMs.set(candle.openMs, availableAtMs);
  const newest = rows.sorted?.at(-1) ?? Number.NEGATIVE_INFINITY;
  if (rows.sorted && candle.openMs > newest) rows.sorted.push(candle.openMs);
  else rows.sorted = null;
}

/** Open times of all candles, in order. */
export function sortedTimes(rows: StreamRows): number[] {
  rows.sorted ??= [...rows.candles.keys()].sort((a, b) => a - b);
  return rows.sorted;
}
