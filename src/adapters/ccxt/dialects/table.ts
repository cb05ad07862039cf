import { binance, binanceUsdm } from './binance.js';
import { bybit } from './bybit.js';
import { coinbase } from './coinbase.js';
import { type Dialect, UNKNOWN } from './dialect.js';
import { hyperliquid } from './hyperliquid.js';
import { kraken, krakenFutures } from './kraken.js';
import { okx } from './okx.js';
import { bitget, gate, kucoin, mexc, ONLY_SWITCHES } from './smaller.js';

/** Every exchange of which something is known. `docs/exchanges.md` lists them. */
export const DIALECTS: readonly Dialect[] = [
  ...[binance, binanceUsdm, kraken, krakenFutures, bybit, okx, coinbase],
  ...[gate, kucoin, bitget, hyperliquid, mexc, ...ONLY_SWITCHES],
];

/** By ccxt's id; what most exchanges do where nothing is known of it. */
export function dialectOf(ccxtId: string): Dialect {
  return DIALECTS.find(({ ccxtIds }) => ccxtIds.includes(ccxtId)) ?? UNKNOWN;
}
