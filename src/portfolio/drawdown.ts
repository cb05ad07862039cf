import type { AccountSnapshot } from '../core/records.js';

/** (peak − equity)/peak, at least 0; 0 while there is no positive peak. */
export function drawdownOf(peakEquity: number, equity: number): number {
  return peakEquity > 0 ? Math.max(0, (peakEquity - equity) / peakEquity) : 0;
}

/**
 * The circuit breaker on equity: trips when the drawdown from the highest equity ever seen reaches the limit, and stays
 * tripped, whatever equity does afterwards, until a person resumes it. Peak and latch are persisted with every bar.
 */
export class DrawdownBreaker {
  readonly #limitFraction: number;
  #peakEquity = 0;
  #drawdown = 0;
  #tripped = false;

  constructor(limitFraction: number) {
    this.#limitFraction = limitFraction;
  }

  get peakEquity(): number {
    return this.#peakEquity;
  }

  get drawdown(): number {
    return this.#drawdown;
  }

  get tripped(): boolean {
    return this.#tripped;
  }

  /** Takes the equity of a bar's close. Returns true when this very call tripped the breaker. */
  update(equity: number): boolean {
    // A non-finite equity is no new peak and no recovery; the risk layer denies entries on it by itself.
    if (!Number.isFinite(equity)) return false;
    if (equity > this.#peakEquity) this.#peakEquity = equity;
    this.#drawdown = drawdownOf(this.#peakEquity, equity);
    if (this.#tripped || this.#drawdown < this.#limitFraction) return false;
    this.#tripped = true;
    return true;
  }

  /** A person's word: releases the latch and measures from `equity` again. */
  resume(equity: number): void {
    this.#tripped = false;
    this.#peakEquity = equity;
    this.#drawdown = 0;
  }

  /** Money came or went by another way than trading: the peak moves in proportion, so that the drawdown stays. */
  capital(equityBefore: number, equityAfter: number): void {
    // Without anything before it there is no proportion: what came in is the new beginning.
    this.#peakEquity =
      equityBefore > 0 ? this.#peakEquity * Math.max(0, equityAfter / equityBefore) : equityAfter;
  }

  restore(snapshot: AccountSnapshot): void {
    this.#peakEquity = snapshot.peakEquity;
    this.#drawdown = snapshot.drawdown;
    this.#tripped = snapshot.breakerTripped;
  }
}
