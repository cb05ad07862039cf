import { decimal } from '../../core/money.js';
import type { OrderRequest, Quote } from '../../core/order.js';
import type { PaperBroker } from '../../execution/paper-broker.js';

/** Levels of a side of the book; the exchange simulator draws as many. */
const LEVELS = 10;

/**
 * The book around a quote, as the exchange simulator draws it: `topUnits` at the best price, (k + 1) times as many at level
 * k, levels half a spread (at least a tick) apart. Tells what an order of `units` pays on average, in quote units, rounded
 * outward to the tick; beyond the last level nothing is to be had, and the average is that of all there is.
 */
export function walkedPrice(
  side: 'buy' | 'sell',
  units: number,
  quote: Quote,
  topUnits: number,
  priceTick: string,
): number {
  const best = side === 'buy' ? quote.ask : quote.bid;
  const tick = Number(priceTick);
  const gap = Math.max(tick, (quote.ask - quote.bid) / 2) * (side === 'buy' ? 1 : -1);
  let left = units;
  let paid = 0;
  let taken = 0;
  for (let k = 0; k < LEVELS && left > 0; k++) {
    const take = Math.min(left, topUnits * (k + 1));
    paid += take * (best + k * gap);
    taken += take;
    left -= take;
  }
  if (taken === 0 || units <= topUnits) return best;
  const rounding = side === 'buy' ? 'up' : 'down';
  return Number(
    decimal(paid / taken)
      .div(priceTick)
      .round(0, rounding)
      .times(priceTick)
      .toFixed(),
  );
}

/** All that a side of that book holds. */
export function bookUnits(topUnits: number): number {
  return (topUnits * LEVELS * (LEVELS + 1)) / 2;
}

/** A paper broker whose orders walk a book of finite depth; `topUnitsOf` tells how much stands at the best price now. */
export function createDeepBroker(
  paper: PaperBroker,
  topUnitsOf: (symbol: string) => number,
  priceTickOf: (symbol: string) => string,
): PaperBroker {
  const execute = (order: OrderRequest, quote: Quote) => {
    const { symbol, side, amount } = order;
    const price = walkedPrice(side, Number(amount), quote, topUnitsOf(symbol), priceTickOf(symbol));
    return paper.execute(order, side === 'buy' ? { ...quote, ask: price } : { ...quote, bid: price });
  };
  return { ...paper, execute, create: async (order, quote) => execute(order, quote) };
}
