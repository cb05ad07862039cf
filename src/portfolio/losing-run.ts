import { barsBetween } from '../core/calendar.js';
import type { Calendar } from '../core/timeframe.js';
import type { ClosedTrade } from './trade.js';

/** A run of losing trades is counted as far as this. */
const LOSING_TRADES_MAX = 100;

/** The run of losing trades that an account has just had, and when the last of them ended; 0 without one. */
export interface LosingRun {
  readonly count: number;
  readonly lastMs: number;
}

/** Of closed trades, oldest first. */
export function losingRunOf(trades: readonly ClosedTrade[]): LosingRun {
  const last = trades.length - 1;
  let count = 0;
  while (count < LOSING_TRADES_MAX && count <= last && trades[last - count]!.profit < 0) count++;
  return { count, lastMs: count === 0 ? 0 : trades[last]!.closedAtMs };
}

/** Bars of the market that have closed since a trade ended, the one that opens at `openMs` with them. */
export function barsSince(tradeMs: number, openMs: number, barMs: number, calendar: Calendar): number {
  const slots = Math.ceil((openMs + barMs - tradeMs) / barMs);
  return barsBetween(openMs - slots * barMs, openMs, barMs, calendar);
}
