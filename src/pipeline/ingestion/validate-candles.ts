import type { Candle, CandleColumns } from '../../core/candle.js';
import {
  checkRow,
  isTime,
  JumpCheck,
  type QuarantineReason,
  type RowContext,
  type ValidationRules,
} from './rules.js';

export interface ValidationOptions {
  readonly rules: ValidationRules;
  readonly timeframeMs?: number;
  readonly nowMs?: number;
  /** Off when absent. */
  readonly absurdJumpFraction?: number;
}

export interface ValidationResult {
  /** The rows that are candles, by time, each time once. */
  readonly kept: CandleColumns;
  /** Where in the input each kept row stood. */
  readonly keptIndex: Uint32Array;
  /** Every other row of the input, by its place there. kept.length + quarantined.length = rows. */
  readonly quarantined: readonly { readonly index: number; readonly reason: QuarantineReason }[];
}

/**
 * Validates a whole series in any order of time. `strict` checks each row first and then keeps the last good one of each
 * time; `article` keeps the last copy first and then checks it, as the seed does, so that a bad last copy costs the good
 * ones before it. Rows out of order are sorted, not quarantined: in a file, order says nothing.
 */
export function validateCandles(rows: CandleColumns, options: ValidationOptions): ValidationResult {
  const context: RowContext = {
    rules: options.rules,
    timeframeMs: options.timeframeMs,
    nowMs: options.nowMs,
  };
  const reasons = new Map<number, QuarantineReason>();
  const everyRow = new Uint32Array(rows.length);
  for (let i = 0; i < everyRow.length; i++) everyRow[i] = i;
  const good = (order: Uint32Array) => keepGood(rows, order, context, reasons);
  const last = (order: Uint32Array) => keepLastCopy(rows, order, options.rules, reasons);
  let kept = options.rules === 'article' ? good(last(everyRow)) : last(good(everyRow));

  if (options.absurdJumpFraction !== undefined) {
    const jump = new JumpCheck(options.absurdJumpFraction);
    kept = keepIn(kept, (i) => {
      const isJump = jump.isJump(rows.close[i]!);
      if (isJump) reasons.set(i, 'absurd_jump');
      return !isJump;
    });
  }
  const quarantined = [...reasons].map(([index, reason]) => ({ index, reason }));
  quarantined.sort((a, b) => a.index - b.index);
  return { kept: pick(rows, kept), keptIndex: kept, quarantined };
}

function keepGood(
  rows: CandleColumns,
  order: Uint32Array,
  context: RowContext,
  reasons: Map<number, QuarantineReason>,
): Uint32Array {
  // One object for all rows: a million short-lived ones would cost more than the checks.
  const row: { -readonly [K in keyof Candle]: Candle[K] } = {
    openMs: 0,
    open: 0,
    high: 0,
    low: 0,
    close: 0,
    volume: 0,
  };
  return keepIn(order, (i) => {
    row.openMs = rows.openMs[i]!;
    row.open = rows.open[i]!;
    row.high = rows.high[i]!;
    row.low = rows.low[i]!;
    row.close = rows.close[i]!;
    row.volume = rows.volume[i]!;
    const reason = checkRow(row, context);
    if (reason) reasons.set(i, reason);
    return reason === undefined;
  });
}

/**
 * Sorts by time (stable, so copies stay in the order of the file) and keeps the last copy of each time; by `strict` the last one
 * with a trade in it, since a copy without says less.
 */
function keepLastCopy(
  { openMs, volume }: CandleColumns,
  order: Uint32Array,
  rules: ValidationRules,
  reasons: Map<number, QuarantineReason>,
): Uint32Array {
  const timed = keepIn(order, (i) => {
    const hasTime = isTime(openMs[i]!);
    if (!hasTime) reasons.set(i, 'non_finite');
    return hasTime;
  });
  let sorted = timed;
  for (let k = 1; k < timed.length; k++) {
    if (openMs[timed[k]!]! >= openMs[timed[k - 1]!]!) continue;
    // The place in the file breaks ties, so that the last copy stays the last.
    sorted = timed.slice().sort((a, b) => openMs[a]! - openMs[b]! || a - b);
    break;
  }
  let count = 0;
  for (let k = 0; k < sorted.length; k++) {
    const row = sorted[k]!;
    const before = count === 0 ? undefined : sorted[count - 1]!;
    if (before === undefined || openMs[before] !== openMs[row]) {
      sorted[count++] = row;
      continue;
    }
    const isLess = rules === 'strict' && volume[row] === 0 && volume[before]! > 0;
    reasons.set(isLess ? row : before, 'duplicate');
    if (!isLess) sorted[count - 1] = row;
  }
  return sorted.subarray(0, count);
}

/** The rows at these places; the same columns where those are all of them, in their order. */
function pick(rows: CandleColumns, index: Uint32Array): CandleColumns {
  if (index.length === rows.length && index.every((row, i) => row === i)) return rows;
  // A plain loop: Float64Array.from with a function is ten times slower over a million rows.
  const column = (values: Float64Array) => {
    const picked = new Float64Array(index.length);
    for (let k = 0; k < index.length; k++) picked[k] = values[index[k]!]!;
    return picked;
  };
  return {
    length: index.length,
    openMs: column(rows.openMs),
    open: column(rows.open),
    high: column(rows.high),
    low: column(rows.low),
    close: column(rows.close),
    volume: column(rows.volume),
  };
}

/** Those of the places that are to be kept, in the memory of the places themselves: a filter would make a list of them first. */
function keepIn(order: Uint32Array, isKept: (row: number) => boolean): Uint32Array {
  let count = 0;
  for (let k = 0; k < order.length; k++) {
    const row = order[k]!;
    if (isKept(row)) order[count++] = row;
  }
  return order.subarray(0, count);
}
