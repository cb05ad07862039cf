import { decimal, text } from '../../core/money.js';
import type { MarketRules } from '../../core/order.js';
import type { CcxtExchange, CcxtMarket, Figure } from './ccxt-module.js';

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

type Markets = Readonly<Record<string, CcxtMarket>>;

/** The markets, read where there are none yet. ccxt keeps a first reading that failed, and would fail with it forever. */
export async function loadedMarkets(api: CcxtExchange): Promise<Markets> {
  if (api.markets !== undefined) return api.markets;
  try {
    return await api.loadMarkets();
  } catch (error) {
    api.marketsLoading = undefined;
    throw error;
  }
}

/**
 * Reads the markets again. Without ccxt's own reload, which in some versions every request waits for and fails with: an order
 * goes out by what was known before, until there is something newer.
 */
export async function readMarkets(api: CcxtExchange): Promise<Markets> {
  if (api.markets === undefined) return loadedMarkets(api);
  return api.setMarkets(await api.fetchMarkets());
}
