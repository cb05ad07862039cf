import { missingBars } from '../../core/calendar.js';
import { FEATURE_WINDOW } from '../../core/feature-set.js';
import type { Calendar } from '../../core/timeframe.js';

/** What a gap is for one stream. */
export interface GapRules {
  readonly timeframeMs: number;
  readonly calendar: Calendar;
  /** More missing bars than this between two candles make a long gap. */
  readonly maxGapBars: number;
}

/** Why a row of features may or may not be used. The place in the list is the code in {@link FeatureTable.status}. */
export const FEATURE_STATUSES = ['ok', 'warming_up', 'no_value', 'hole'] as const;
export type FeatureStatus = (typeof FEATURE_STATUSES)[number];

/**
 * Counts candles and follows gaps through the window of the feature set, so that the row by row and the batched way
 * judge by the same rule. A gap between two candles is in the window as long as both of them are.
 */
export class GapWindow {
  readonly #rules: GapRules;
  #lastOpenMs: number | undefined;
  #candles = 0;
  #sinceGap = Number.POSITIVE_INFINITY;

  constructor(rules: GapRules) {
    this.#rules = rules;
  }

  /** Takes the next candle's time; `valid` says whether every feature of its row has a value. */
  push(openMs: number, valid: boolean): FeatureStatus {
    const { timeframeMs, calendar, maxGapBars } = this.#rules;
    const missing =
      this.#lastOpenMs === undefined ? 0 : missingBars(this.#lastOpenMs, openMs, timeframeMs, calendar);
    this.#sinceGap = missing > maxGapBars ? 0 : this.#sinceGap + 1;
    this.#lastOpenMs = openMs;
    this.#candles++;
    if (this.#candles < FEATURE_WINDOW) return 'warming_up';
    if (this.#sinceGap < FEATURE_WINDOW - 1) return 'hole';
    return valid ? 'ok' : 'no_value';
  }

  reset(): void {
    this.#lastOpenMs = undefined;
    this.#candles = 0;
    this.#sinceGap = Number.POSITIVE_INFINITY;
  }
}
