import type { Quote } from '../core/order.js';
import { syntheticPrices, syntheticQuote } from '../core/synthetic-quote.js';

/**
 * The quote to trade on where no book is known: the close moved against the trader by `slippageBps` on either side, on
 * the market's price tick and never 0.
 */
export function closeQuote(close: number, slippageBps: number, priceTick: string, atMs: number): Quote {
  return { ...syntheticQuote(close, slippageBps, priceTick, atMs), source: 'close' };
}

/** A book's quote moved against the trader by `slippageBps`, outward to the price tick: what a fill at it comes to. */
export function slippedQuote(book: Quote, slippageBps: number, priceTick: string): Quote {
  if (slippageBps <= 0) return book;
  const bid = syntheticPrices(book.bid, slippageBps, priceTick).bid;
  const ask = syntheticPrices(book.ask, slippageBps, priceTick).ask;
  return { ...book, bid: Number(bid.toFixed()), ask: Number(ask.toFixed()) };
}
