import { type Decimal, decimal, floorToStep, text } from '../../core/money.js';
import type { MarketRules, Quote, Side } from '../../core/order.js';

/**
 * The worst price at which a marketable limit order may fill: the quote's far side moved against the trader by
 * `collarFraction`, on the market's tick. Rounded towards the quote, so that the collar is never exceeded, but not across
 * it: a quote that is off the tick is rounded outwards instead, or the order could not fill at all.
 */
export function collaredLimit(side: Side, quote: Quote, collarFraction: number, rules: MarketRules): string {
  const tick = decimal(rules.priceTick);
  const collar = decimal(collarFraction);
  if (side === 'buy') {
    const most = floorToStep(decimal(quote.ask).times(collar.plus(1)), tick);
    const least = ceilToStep(decimal(quote.ask), tick);
    return text(most.gt(least) ? most : least);
  }
  const least = ceilToStep(decimal(quote.bid).times(decimal(1).minus(collar)), tick);
  const most = floorToStep(decimal(quote.bid), tick);
  const limit = least.lt(most) ? least : most;
  // Below one tick there is no price.
  return text(limit.gt(0) ? limit : tick);
}

function ceilToStep(value: Decimal, step: Decimal): Decimal {
  const floor = floorToStep(value, step);
  return floor.eq(value) ? floor : floor.plus(step);
}
