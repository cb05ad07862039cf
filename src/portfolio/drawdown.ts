import type { AccountSnapshot } from '../core/records.js';

/** (peak − equity)/peak, at least 0; 0 while there is no positive peak. */
export function drawdownOf(peakEquity: number, equity: number): number {
  return peakEquity > 0 ? Math.max(0, (peakEquity - equity) / peakEquity) : 0;
}

/**
 * The circuit breaker on equity: trips when the drawdown from the highest equity ever seen reaches the limit, and stays
 * tripped, whatever equity does afterwards, until a person resumes it. Peak and latch are persisted with every bar.
 */
export interface DrawdownBreaker {
  /** Takes the equity of a bar's close. Returns true when this very call tripped the breaker. */
  update(equity: number): boolean;
  readonly peakEquity: number;
  readonly drawdown: number;
  readonly tripped: boolean;
  /** A person's word: releases the latch and measures from `equity` again. */
  resume(equity: number): void;
  /** Money came or went by another way than trading: the peak moves in proportion, so that the drawdown stays. */
  capital(equityBefore: number, equityAfter: number): void;
  restore(snapshot: AccountSnapshot): void;
}

export function createDrawdownBreaker(limitFraction: number): DrawdownBreaker {
  let peakEquity = 0;
  let drawdown = 0;
  let tripped = false;
  return {
    update(equity) {
      // A non-finite equity is no new peak and no recovery; the risk layer refuses entries on it by itself.
      if (!Number.isFinite(equity)) return false;
      if (equity > peakEquity) peakEquity = equity;
      drawdown = drawdownOf(peakEquity, equity);
      if (tripped || drawdown < limitFraction) return false;
      tripped = true;
      return true;
    },
    get peakEquity() {
      return peakEquity;
    },
    get drawdown() {
      return drawdown;
    },
    get tripped() {
      return tripped;
    },
    resume(equity) {
      tripped = false;
      peakEquity = equity;
      drawdown = 0;
    },
    capital(equityBefore, equityAfter) {
      // Without anything before it there is no proportion: what came in is the new beginning.
      peakEquity = equityBefore > 0 ? peakEquity * Math.max(0, equityAfter / equityBefore) : equityAfter;
    },
    restore(snapshot) {
      peakEquity = snapshot.peakEquity;
      drawdown = snapshot.drawdown;
      tripped = snapshot.breakerTripped;
    },
  };
}
