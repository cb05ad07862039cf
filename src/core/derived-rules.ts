import type { CandleColumns } from './candle.js';
import { decimal } from './money.js';
import type { MarketRules } from './order.js';
import { currenciesOf } from './symbol.js';

/** Closes looked at for the price tick. */
const TICK_BARS = 500;

/**
 * The least order in each quote currency, worth some 10 US dollars; USDT and BTC as an exchange had them
 * (https://github.com/ccxt/ccxt/issues/6420, https://github.com/ccxt/ccxt/issues/4261). Of others none is known.
 */
const NOTIONAL_MIN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['USDT', 'USDC', 'FDUSD', 'TUSD', 'BUSD', 'DAI', 'USD', 'EUR', 'GBP', 'CHF', 'AUD', 'CAD'].map(
      (quote) => [quote, '10'],
    ),
  ),
  BTC: '0.0001',
  ETH: '0.005',
  BNB: '0.02',
  TRY: '100',
  BRL: '50',
  JPY: '1000',
  KRW: '10000',
  IDR: '100000',
};

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
    notionalMin: NOTIONAL_MIN[currenciesOf(symbol).quote] ?? '0',
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
