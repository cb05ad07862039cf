import { type Decimal, decimal } from './money.js';
import type { Quote } from './order.js';

const BPS = 10_000;

/**
 * Best prices of the synthetic book around a close: close·(1 ∓ halfSpreadBps/10⁴), rounded outward to the tick, so that
 * a fill never gets better than the stated spread. The bid is at least one tick. Exact decimals.
 */
export function syntheticPrices(
  close: number,
  halfSpreadBps: number,
  priceTick: string,
): { readonly bid: Decimal; readonly ask: Decimal } {
  const tick = decimal(priceTick);
  const mid = decimal(close);
  const half = mid.times(halfSpreadBps).div(BPS);
  const bid = mid.minus(half).toMultiple(tick, 'down');
  const ask = mid.plus(half).toMultiple(tick, 'up');
  return { bid: bid.gt(0) ? bid : tick, ask };
}

/**
 * The quote that both the exchange simulator and a backtest see after a bar has closed: the same doubles, since the
 * simulator's book is written from the same decimals.
 */
export function syntheticQuote(close: number, halfSpreadBps: number, priceTick: string, atMs: number): Quote {
  const { bid, ask } = syntheticPrices(close, halfSpreadBps, priceTick);
  return { bid: Number(bid.toFixed()), ask: Number(ask.toFixed()), atMs, source: 'book' };
}
