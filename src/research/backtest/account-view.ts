import type { AccountSnapshot } from '../../core/records.js';
import type { Account } from '../../portfolio/account.js';
import type { Clock } from '../../ports/time.js';

/** A snapshot that costs nothing until somebody reads it; its equity is what was last written there. */
export type AccountView = AccountSnapshot & { equity: number };

export function createAccountView(
  { portfolio, breaker, day }: Account,
  clock: Pick<Clock, 'wallMs'>,
): AccountView {
  return {
    get atMs() {
      return clock.wallMs();
    },
    // A number with a fraction from the start: a field that begins as a whole one changes its form later.
    equity: 0.5,
    get cash() {
      return portfolio.cash();
    },
    get peakEquity() {
      return breaker.peakEquity;
    },
    get drawdown() {
      return breaker.drawdown;
    },
    get breakerTripped() {
      return breaker.tripped;
    },
    get dayMs() {
      return day.dayMs;
    },
    get dayStartEquity() {
      return day.startEquity;
    },
    get dayLowEquity() {
      return day.lowEquity;
    },
  };
}
