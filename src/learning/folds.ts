import { badInput } from '../core/errors.js';

/** A length of calendar time (UTC). */
export interface Span {
  readonly months: number;
  readonly days: number;
}

/** One fold of a walk-forward: rows [trainFrom, trainTo) teach, rows [testFrom, testTo) judge. */
export interface Fold {
  readonly trainFrom: number;
  readonly trainTo: number;
  readonly testFrom: number;
  readonly testTo: number;
  /** The test's span of open times, end exclusive. */
  readonly testFromMs: number;
  readonly testToMs: number;
}

export interface FoldPlan {
  readonly train: Span;
  readonly test: Span;
  /** Every training window begins at the first row instead of moving on. */
  readonly anchored: boolean;
  /** How far a label looks ahead: so many rows before a test are purged, since their labels are in it. */
  readonly horizonBars: number;
  /** Bars between training and test beyond the purge, whose feature windows overlap with the test's. */
  readonly embargoBars: number;
  readonly timeframeMs: number;
}

const DAY_MS = 86_400_000;

/** `atMs` moved by a span, by the UTC calendar: the 31st plus a month is the last day of the next one. */
export function addSpan(atMs: number, span: Span, times = 1): number {
  const at = new Date(atMs);
  const month = at.getUTCMonth() + span.months * times;
  const lastDay = new Date(Date.UTC(at.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const midnight = Date.UTC(at.getUTCFullYear(), month, Math.min(at.getUTCDate(), lastDay));
  return midnight + span.days * times * DAY_MS + (atMs - Math.floor(atMs / DAY_MS) * DAY_MS);
}

/**
 * Folds over rows with rising open times: each test follows its training window, tests follow one another without a gap and
 * the last may be short. A row may teach only where neither its label nor its feature window reaches into the test (López de
 * Prado 2018, chapter 7, for folds whose past alone teaches). Throws `E_FOLDS` where there is no room for one test.
 */
export function walkForwardFolds(openMs: Float64Array, plan: FoldPlan): Fold[] {
  const firstMs = Math.floor((openMs[0] ?? 0) / DAY_MS) * DAY_MS;
  const endMs = (openMs.at(-1) ?? 0) + 1;
  const rowAt = (atMs: number) => lowerBound(openMs, atMs);
  const folds: Fold[] = [];
  for (let k = 0; ; k++) {
    // Counted from the first day each time, so that month ends do not add up to a shift.
    const testFromMs = addSpan(addSpan(firstMs, plan.train), plan.test, k);
    if (testFromMs >= endMs) break;
    const testToMs = Math.min(endMs, addSpan(addSpan(firstMs, plan.train), plan.test, k + 1));
    const trainFrom = plan.anchored ? 0 : rowAt(addSpan(firstMs, plan.test, k));
    const trainTo = purgedEnd(openMs, testFromMs, plan);
    const testFrom = rowAt(testFromMs);
    const testTo = rowAt(testToMs);
    if (testTo > testFrom && trainTo > trainFrom) {
      folds.push({ trainFrom, trainTo, testFrom, testTo, testFromMs, testToMs });
    }
  }
  if (folds.length === 0) {
    throw badInput(
      'E_FOLDS',
      `${openMs.length} rows leave no room for a test after the first training window`,
      'give a longer history, or shorter --train and --test',
    );
  }
  return folds;
}

/** The end (exclusive) of the rows that may teach for a test that begins at `testFromMs`. */
export function purgedEnd(
  openMs: Float64Array,
  testFromMs: number,
  plan: Pick<FoldPlan, 'horizonBars' | 'embargoBars' | 'timeframeMs'>,
): number {
  // Rows, not time, are purged: a label reaches over missing bars, so time would tell too short a reach.
  const before = lowerBound(openMs, testFromMs - plan.embargoBars * plan.timeframeMs);
  return Math.max(0, before - plan.horizonBars);
}

/** The first place whose value is at or above `value`; values rise. */
export function lowerBound(values: Float64Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
