import { type Decimal, decimal, floorToStep, text } from '../core/money.js';
import type { MarketRules, OrderRequest, Quote, Side } from '../core/order.js';
import { exitBound, exitReference } from './exit-bound.js';

/**
 * The limit of an order, undefined where its type has none or no price is known. `exit` is null for an entry; for an order
 * that closes it says which try this is, and the last close for where the book is no market.
 */
export function limitOf(
  side: Side,
  quote: Quote,
  rules: MarketRules,
  config: { readonly orderType: OrderRequest['type']; readonly limitCollarFraction: number },
  exit: { readonly lastClose: number; readonly tries: number } | null,
): string | undefined {
  const { orderType, limitCollarFraction } = config;
  if (orderType !== 'limit_ioc') return undefined;
  if (exit === null) {
    const priced = quote.bid > 0 && quote.ask > 0;
    return priced ? collaredLimit(side, quote, limitCollarFraction, rules) : undefined;
  }
  const price = exitReference(side, quote, exit.lastClose);
  if (!(price > 0 && Number.isFinite(price))) return undefined;
  const bound = exitBound(limitCollarFraction, exit.tries);
  return collaredLimit(side, { ...quote, bid: price, ask: price }, bound, rules);
}

/**
 * The worst price at which a marketable limit order may fill: the quote's far side moved against the trader by
 * `collarFraction`, on the market's tick. Rounded towards the quote, so that the collar is never exceeded, but not across
 * it: a quote that is off the tick is rounded outwards instead, or the order could not fill at all.
 */
function collaredLimit(side: Side, quote: Quote, collarFraction: number, rules: MarketRules): string {
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

/**
 * What cash can pay for at the limit: an exchange asks for the limit's worth of a purchase on spot and for the fee, though
 * it may fill for less.
 */
export function affordable(
  { side, units }: { readonly side: Side; readonly units: number },
  limitPrice: string | undefined,
  rules: MarketRules,
  cash: number,
): Decimal {
  const wanted = decimal(units);
  if (side !== 'buy' || limitPrice === undefined || rules.kind !== 'spot') return wanted;
  const most = decimal(Math.max(0, cash)).div(decimal(limitPrice).times(decimal(rules.takerFeeRate).plus(1)));
  return most.lt(wanted) ? most : wanted;
}
