import { badInput } from './errors.js';

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Which days a market trades: `24x7` (crypto) or `weekdays` (Monday to Friday, as of UTC). */
export type Calendar = '24x7' | 'weekdays';

/** Milliseconds of one bar of a timeframe such as `1m`, `4h`, `1d`, `1w`. Throws `E_TIMEFRAME` for anything else. */
export function timeframeMs(timeframe: string): number {
  const match = /^([1-9]\d{0,3})([smhdw])$/.exec(timeframe);
  const unit = match ? UNIT_MS[match[2]!] : undefined;
  if (!match || unit === undefined) {
    throw badInput(
      'E_TIMEFRAME',
      `"${timeframe}" is no timeframe`,
      'write a number and a unit, as in 1m, 15m, 4h or 1d',
    );
  }
  return Number(match[1]) * unit;
}

/** The shortest name of a timeframe of that many milliseconds, the inverse of {@link timeframeMs}; undefined if none fits. */
export function timeframeName(ms: number): string | undefined {
  for (const unit of ['w', 'd', 'h', 'm', 's']) {
    const count = ms / UNIT_MS[unit]!;
    if (Number.isInteger(count) && count >= 1) return `${count}${unit}`;
  }
  return undefined;
}

/**
 * Bars in a year, for annualising: 365.25 days of trading for `24x7`, 252 for `weekdays`, whose trading day is taken as
 * 24 h where the timeframe is shorter than a day.
 */
export function barsPerYear(timeframe: string, calendar: Calendar): number {
  const daysPerYear = calendar === '24x7' ? 365.25 : 252;
  return (daysPerYear * UNIT_MS.d!) / Math.min(timeframeMs(timeframe), daysPerYear * UNIT_MS.d!);
}
