import type { CandleColumns } from './candle.js';
import { decimal } from './money.js';
import type { MarketRules } from './order.js';

/** Closes looked at for the price tick. */
const TICK_BARS = 500;

/**
 * Steps and minimums for candles of which no exchange tells any: a backtest's and the exchange simulator's. The tick is
 * the one the last closes lie on.
 */
export function derivedRules(symbol: string, candles: CandleColumns, takerFeeRate: string): MarketRules {
  return {
    symbol,
    kind: 'spot',
    priceTick: priceTickOf(candles),
    amountStep: '0.00001',
    amountMin: '0.00001',
    notionalMin: '5',
    takerFeeRate,
  };
}

/** The largest power of ten (at most 1, at least 1e-8) on which the last closes lie. */
function priceTickOf(candles: CandleColumns): string {
  let places = 0;
  for (let i = Math.max(0, candles.length - TICK_BARS); i < candles.length; i++) {
    const [, fraction = ''] = decimal(candles.close[i]!).toFixed().split('.');
    places = Math.max(places, fraction.length);
  }
  return decimal(10).pow(-Math.min(8, places)).toFixed();
}
