import type { AccountSnapshot } from '../core/records.js';

const DAY_MS = 86_400_000;

/**
 * The day's loss: equity at the end of the day before against the lowest at a bar's close since, days as of UTC. The
 * lowest and not the last, so that a day on which the limit was reached stays such a day. Persisted with every bar.
 */
export interface DayLoss {
  /** Takes equity at the close of a bar; a bar belongs to the day in which it ends, midnight itself to the day it ends. */
  update(equity: number, closeMs: number): void;
  /** First millisecond of the day; 0 before the first bar. */
  readonly dayMs: number;
  readonly startEquity: number;
  readonly lowEquity: number;
  /** Money came or went by another way than trading: all figures move in proportion, so that the loss stays. */
  capital(equityBefore: number, equityAfter: number): void;
  restore(snapshot: AccountSnapshot): void;
}

export function createDayLoss(): DayLoss {
  let dayMs = 0;
  let startEquity = 0;
  let lowEquity = 0;
  let lastEquity = 0;
  return {
    update(equity, closeMs) {
      if (!Number.isFinite(equity)) return;
      // A late bar of yesterday tells nothing new of yesterday: its day is over.
      if (closeMs > dayMs + DAY_MS) {
        startEquity = dayMs === 0 ? equity : lastEquity;
        dayMs = Math.floor((closeMs - 1) / DAY_MS) * DAY_MS;
        lowEquity = equity;
      } else if (equity < lowEquity) lowEquity = equity;
      lastEquity = equity;
    },
    get dayMs() {
      return dayMs;
    },
    get startEquity() {
      return startEquity;
    },
    get lowEquity() {
      return lowEquity;
    },
    capital(equityBefore, equityAfter) {
      if (!(equityBefore > 0)) {
        // Without anything before it there is no proportion: what came in is the new beginning.
        startEquity = equityAfter;
        lowEquity = equityAfter;
        lastEquity = equityAfter;
        return;
      }
      const factor = Math.max(0, equityAfter / equityBefore);
      startEquity *= factor;
      lowEquity *= factor;
      lastEquity *= factor;
    },
    restore(snapshot) {
      dayMs = snapshot.dayMs;
      startEquity = snapshot.dayStartEquity;
      lowEquity = snapshot.dayLowEquity;
      lastEquity = snapshot.equity;
    },
  };
}

/** Loss of the day as a fraction of what it began with; 0 while there is nothing to measure from. */
export function dayLossOf(startEquity: number, lowEquity: number): number {
  return startEquity > 0 ? Math.max(0, (startEquity - lowEquity) / startEquity) : 0;
}
