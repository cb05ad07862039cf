import type { AccountSnapshot } from '../core/records.js';

const DAY_MS = 86_400_000;

/**
 * The day's loss: equity at the end of the day before against the lowest at a bar's close since, days as of UTC. The
 * lowest and not the last, so that a day on which the limit was reached stays such a day. Persisted with every bar.
 */
export class DayLoss {
  #dayMs = 0;
  #startEquity = 0;
  #lowEquity = 0;
  #lastEquity = 0;

  /** First millisecond of the day; 0 before the first bar. */
  get dayMs(): number {
    return this.#dayMs;
  }

  get startEquity(): number {
    return this.#startEquity;
  }

  get lowEquity(): number {
    return this.#lowEquity;
  }

  /** Takes equity at the close of a bar; a bar belongs to the day in which it ends, midnight itself to the day it ends. */
  update(equity: number, closeMs: number): void {
    if (!Number.isFinite(equity)) return;
    // A late bar of yesterday tells nothing new of yesterday: its day is over.
    if (closeMs > this.#dayMs + DAY_MS) {
      this.#startEquity = this.#dayMs === 0 ? equity : this.#lastEquity;
      this.#dayMs = Math.floor((closeMs - 1) / DAY_MS) * DAY_MS;
      this.#lowEquity = equity;
    } else if (equity < this.#lowEquity) this.#lowEquity = equity;
    this.#lastEquity = equity;
  }

  /** Money came or went by another way than trading: all figures move in proportion, so that the loss stays. */
  capital(equityBefore: number, equityAfter: number): void {
    if (!(equityBefore > 0)) {
      // Without anything before it there is no proportion: what came in is the new beginning.
      this.#startEquity = equityAfter;
      this.#lowEquity = equityAfter;
      this.#lastEquity = equityAfter;
      return;
    }
    const factor = Math.max(0, equityAfter / equityBefore);
    this.#startEquity *= factor;
    this.#lowEquity *= factor;
    this.#lastEquity *= factor;
  }

  restore(snapshot: AccountSnapshot): void {
    this.#dayMs = snapshot.dayMs;
    this.#startEquity = snapshot.dayStartEquity;
    this.#lowEquity = snapshot.dayLowEquity;
    this.#lastEquity = snapshot.equity;
  }
}

/** Loss of the day as a fraction of what it began with; 0 while there is nothing to measure from. */
export function dayLossOf(startEquity: number, lowEquity: number): number {
  return startEquity > 0 ? Math.max(0, (startEquity - lowEquity) / startEquity) : 0;
}
