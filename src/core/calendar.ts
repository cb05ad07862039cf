import type { Calendar } from './timeframe.js';

const DAY_MS = 86_400_000;

/** Whether the market trades on the UTC day that holds `atMs`. 1970-01-01 was a Thursday. */
export function tradesOn(atMs: number, calendar: Calendar): boolean {
  if (calendar === '24x7') return true;
  const weekday = (((Math.floor(atMs / DAY_MS) + 4) % 7) + 7) % 7;
  return weekday !== 0 && weekday !== 6;
}

/**
 * Bars that should stand between two bars of one stream and do not: 0 for neighbours. Slots are counted in steps of
 * `timeframeMs` from the earlier bar; with `weekdays` a slot counts only when it opens on Monday to Friday (UTC).
 * Public holidays are not known, so each counts as a missing bar. A bar of more than a day covers its weekend, so every
 * slot counts. `toMs` at or before `fromMs` gives 0.
 */
export function missingBars(fromMs: number, toMs: number, timeframeMs: number, calendar: Calendar): number {
  const last = Math.ceil((toMs - fromMs) / timeframeMs) - 1;
  if (!(last >= 1)) return 0;
  if (calendar === '24x7' || timeframeMs > DAY_MS) return last;
  // Slot k opens at fromMs + k·timeframeMs, 1 ≤ k ≤ last. Counted day by day, so that a gap of years in bars of a second
  // costs no more than its days.
  let missing = 0;
  let k = 1;
  while (k <= last) {
    const day = Math.floor((fromMs + k * timeframeMs) / DAY_MS);
    const next = Math.min(last + 1, Math.ceil(((day + 1) * DAY_MS - fromMs) / timeframeMs));
    if (tradesOn(day * DAY_MS, calendar)) missing += next - k;
    k = next;
  }
  return missing;
}

/** Bars from one bar of a stream to a later one by calendar: 1 for neighbours, 0 where `toMs` is not later. */
export function barsBetween(fromMs: number, toMs: number, timeframeMs: number, calendar: Calendar): number {
  return toMs > fromMs ? 1 + missingBars(fromMs, toMs, timeframeMs, calendar) : 0;
}

/**
 * Open time of the first of the `missing` bars that lead up to the bar at `openMs`, none of which is there: the inverse of
 * {@link missingBars} as far as its end.
 */
export function firstMissingMs(
  openMs: number,
  missing: number,
  timeframeMs: number,
  calendar: Calendar,
): number {
  if (calendar === '24x7' || timeframeMs > DAY_MS) return openMs - missing * timeframeMs;
  let atMs = openMs;
  for (let left = missing; left > 0; ) {
    atMs -= timeframeMs;
    if (tradesOn(atMs, calendar)) left -= 1;
  }
  return atMs;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Whether a bar may open at this time: a whole millisecond on the timeframe's grid from UTC midnight. Timeframes that do
 * not divide a day (7h, 3d, 1w) are placed differently by different exchanges, so only their common grid is asked for.
 */
export function isAligned(openMs: number, timeframeMs: number): boolean {
  const grid = greatestCommonDivisor(timeframeMs, DAY_MS);
  // A whole multiple divides exactly, so that rounding changes nothing; the remainder of doubles takes ten times as long.
  return Number.isInteger(openMs) && Math.round(openMs / grid) * grid === openMs;
}
