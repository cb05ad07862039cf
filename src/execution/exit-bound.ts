import type { Quote, Side } from '../core/order.js';

/**
 * How much worse than its reference an order that closes may fill, as fractions of the price, try after try. An entry that
 * finds no price is not made; an exit that finds none is tried again with more room, but never without a bound: a book that
 * is nearly empty is not swept.
 */
export const EXIT_BOUNDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5] as const;
const EXIT_BOUND_MAX = EXIT_BOUNDS.at(-1)!;

/** A book whose spread is a larger fraction of the ask is no market: one of its sides is what nobody took away. */
const SPREAD_MAX = 0.05;

/** The bound of the first try is the one of entries; from then on it widens step by step, and stays at the last. */
export function exitBound(limitCollarFraction: number, tries: number): number {
  if (tries <= 1) return limitCollarFraction;
  return Math.max(limitCollarFraction, EXIT_BOUNDS[Math.min(tries - 2, EXIT_BOUNDS.length - 1)]!);
}

/**
 * The quote that an order to close is priced by: the book, however old, but not where the close of a bar is known that is
 * newer by more than a quote may be old. A book that stands still while bars come in would sell far below the market, or
 * ask for what nobody pays any more.
 */
export function exitQuote(book: Quote, close: number, closedMs: number, ageMsMax: number): Quote {
  if (book.atMs >= closedMs - ageMsMax || !(close > 0)) return book;
  return { bid: close, ask: close, atMs: closedMs, source: 'close' };
}

/**
 * The price that an exit's bound is measured from: the side of the book that it meets, however old, where the book has two
 * sides that belong together; else the last close.
 */
export function exitReference(side: Side, quote: Quote, lastClose: number): number {
  const { bid, ask } = quote;
  const isMarket = bid > 0 && ask >= bid && ask - bid <= SPREAD_MAX * ask;
  if (!isMarket) return lastClose;
  return side === 'buy' ? ask : bid;
}

/** Whether an order that closes may fill at this price at worst. */
export function withinExitBound(side: Side, worst: number, quote: Quote, lastClose: number): boolean {
  const reference = exitReference(side, quote, lastClose);
  // A tick's rounding must not hold an exit up.
  const bound = EXIT_BOUND_MAX + 0.001;
  return side === 'buy' ? worst <= reference * (1 + bound) : worst >= reference * (1 - bound);
}
