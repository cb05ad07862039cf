import { decimal, text } from './money.js';
import type { Fill } from './order.js';
import { currenciesOf } from './symbol.js';

/** Last closes of a symbol by UTC day (days since 1970); empty where its candles are not known. */
export type DayCloses = (exchange: string, symbol: string) => Promise<ReadonlyMap<number, number>>;

const DAY_MS = 86_400_000;
/** Places that a stored figure has. */
const PRICE_PLACES = 18;

/** A price as it is stored. */
export const feePriceText = (price: number) => text(decimal(price).round(PRICE_PLACES));

/** The symbol whose price values the fee; null where base or quote paid it. */
export function feeSymbolOf({ symbol, feeCurrency }: Fill): string | null {
  const { base, quote } = currenciesOf(symbol);
  return feeCurrency === base || feeCurrency === quote ? null : `${feeCurrency}/${quote}`;
}

/**
 * Values fees in a third currency that were stored without its price: by the last close of the fill's day (UTC), or of the
 * day before. What has no price stays as it is.
 */
export async function withFeePrices(fills: readonly Fill[], closesOf: DayCloses): Promise<readonly Fill[]> {
  const known = new Map<string, ReadonlyMap<number, number>>();
  const valued: Fill[] = [];
  for (const fill of fills) {
    const symbol = fill.feePrice === undefined ? feeSymbolOf(fill) : null;
    if (symbol === null) {
      valued.push(fill);
      continue;
    }
    const market = `${fill.exchange}:${symbol}`;
    const closes = known.get(market) ?? (await closesOf(fill.exchange, symbol));
    known.set(market, closes);
    const day = Math.floor(fill.atMs / DAY_MS);
    const price = closes.get(day) ?? closes.get(day - 1);
    valued.push(price === undefined ? fill : { ...fill, feePrice: feePriceText(price) });
  }
  return valued;
}
