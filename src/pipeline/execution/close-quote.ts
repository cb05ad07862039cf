import type { Quote } from '../../core/order.js';
import { syntheticQuote } from '../../core/synthetic-quote.js';

/**
 * The quote to trade on where no book is known: the close moved against the trader by `slippageBps` on either side, on
 * the market's price tick and never 0.
 */
export function closeQuote(close: number, slippageBps: number, priceTick: string, atMs: number): Quote {
  return { ...syntheticQuote(close, slippageBps, priceTick, atMs), source: 'close' };
}
