import { isAligned } from '../../core/calendar.js';
import type { Candle } from '../../core/candle.js';

/** `strict` is the default; `article` keeps the seed article's checks for parity. */
export type ValidationRules = 'strict' | 'article';

/** Why a row is no candle. Stored with the row in the quarantine. */
const QUARANTINE_REASONS = [
  'non_finite',
  'misaligned',
  'future',
  'non_positive_price',
  'non_positive_volume',
  'high_below_low',
  'open_or_close_outside_range',
  'absurd_jump',
  'duplicate',
  'correction',
  'out_of_order',
] as const;
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** What a row is held against, besides itself. */
export interface RowContext {
  readonly rules: ValidationRules;
  /** Length of a bar; undefined where it is not known, which leaves the grid unchecked. */
  readonly timeframeMs: number | undefined;
  /** Wall time at which the row came; undefined leaves the future unchecked. */
  readonly nowMs: number | undefined;
}

/** The exchange's clock may run this far ahead of ours; docs/design.md lets no bar in above 1 s of offset. */
const FUTURE_TOLERANCE_MS = 1000;

/**
 * What is wrong with one row by itself, or undefined. `article` asks what the seed asks (high ≥ low, all prices and the
 * volume above zero, where a NaN fails every comparison and an infinity passes); `strict` asks also that all six values
 * are finite, that the bar stands on the timeframe's grid and is closed by now, and that open and close lie inside
 * [low, high]; a bar without a trade (volume 0) is a bar.
 */
export function checkRow(row: Candle, context: RowContext): QuarantineReason | undefined {
  return context.rules === 'article' ? checkArticle(row) : checkStrict(row, context);
}

/** Whether this can be a time at all: JavaScript's own range of dates. */
export function isTime(openMs: number): boolean {
  return Math.abs(openMs) <= 8.64e15;
}

function checkArticle(row: Candle): QuarantineReason | undefined {
  const { open, high, low, close, volume } = row;
  if (
    !isTime(row.openMs) ||
    Number.isNaN(open) ||
    Number.isNaN(high) ||
    Number.isNaN(low) ||
    Number.isNaN(close) ||
    Number.isNaN(volume)
  ) {
    return 'non_finite';
  }
  if (!(high >= low)) return 'high_below_low';
  if (!(open > 0 && high > 0 && low > 0 && close > 0)) return 'non_positive_price';
  if (!(volume > 0)) return 'non_positive_volume';
  return undefined;
}

function checkStrict(row: Candle, context: RowContext): QuarantineReason | undefined {
  const { openMs, open, high, low, close, volume } = row;
  if (
    !(
      isTime(openMs) &&
      Number.isFinite(open) &&
      Number.isFinite(high) &&
      Number.isFinite(low) &&
      Number.isFinite(close) &&
      Number.isFinite(volume)
    )
  ) {
    return 'non_finite';
  }
  if (!isAligned(openMs, context.timeframeMs ?? 1)) return 'misaligned';
  if (context.nowMs !== undefined) {
    if (openMs + (context.timeframeMs ?? 0) > context.nowMs + FUTURE_TOLERANCE_MS) return 'future';
  }
  if (!(open > 0 && high > 0 && low > 0 && close > 0)) return 'non_positive_price';
  if (volume < 0) return 'non_positive_volume';
  if (high < low) return 'high_below_low';
  if (open < low || open > high || close < low || close > high) return 'open_or_close_outside_range';
  return undefined;
}

/**
 * Finds absurd jumps: a close further than `fractionMax` (of the last believed close) from it. A jump that the very next
 * row confirms, by lying within the same distance of the quarantined close, is the market's, and is believed from there on:
 * so a real move costs one bar, and a wrong print never moves the yardstick. Undefined `fractionMax` turns it off.
 */
export class JumpCheck {
  readonly #fractionMax: number | undefined;
  #believed: number | undefined;
  #quarantined: number | undefined;

  constructor(fractionMax: number | undefined) {
    this.#fractionMax = fractionMax;
  }

  /** True when this close is a jump. Asked once a row, in the order of time, of rows that passed every other check. */
  isJump(close: number): boolean {
    const max = this.#fractionMax;
    if (max === undefined) return false;
    const near = (from: number | undefined) => from !== undefined && Math.abs(close / from - 1) <= max;
    if (this.#believed === undefined || near(this.#believed) || near(this.#quarantined)) {
      this.#believed = close;
      this.#quarantined = undefined;
      return false;
    }
    this.#quarantined = close;
    return true;
  }

  /** Continues from a close that is already known to be good. */
  restore(close: number): void {
    this.#believed = close;
    this.#quarantined = undefined;
  }
}
