import { decimal, text } from '../../core/money.js';
import type { MarketRules } from '../../core/order.js';
import type { CcxtMarket, Figure } from './ccxt-module.js';

/** ccxt's `precisionMode` in which precisions are counts of decimal places; in all others we use they are steps. */
const DECIMAL_PLACES = 2;

/** A market's steps and minimums as plain decimal text. What the exchange does not state is the finest, or zero. */
export function marketRules(market: CcxtMarket, precisionMode: number): MarketRules {
  const step = (precision: Figure | undefined) => {
    if (precision === undefined) return '0.00000001';
    if (precisionMode !== DECIMAL_PLACES) return text(decimal(precision));
    return text(decimal(10).pow(-Number(precision)));
  };
  const amountStep = step(market.precision.amount);
  return {
    symbol: market.symbol,
    kind: market.swap === true ? 'swap' : 'spot',
    priceTick: step(market.precision.price),
    amountStep,
    amountMin: text(decimal(market.limits.amount?.min ?? amountStep)),
    notionalMin: text(decimal(market.limits.cost?.min ?? 0)),
    takerFeeRate: text(decimal(market.taker ?? 0)),
  };
}
