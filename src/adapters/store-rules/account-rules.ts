import type { AccountSnapshot, PeakRebase } from '../../core/records.js';

/** The last account as a later word of a person left it: measured from the equity of then, the breaker released. */
export function rebasedAccount(
  account: AccountSnapshot | null,
  last: PeakRebase | undefined,
): AccountSnapshot | null {
  if (account === null || last === undefined || last.atMs < account.atMs) return account;
  return {
    ...account,
    atMs: last.atMs,
    equity: last.equity,
    peakEquity: last.equity,
    drawdown: 0,
    breakerTripped: false,
  };
}
