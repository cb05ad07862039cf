import type { Instrument } from '../../instrument.js';

/** The shape of `GET /api/v3/exchangeInfo`, as captured from Binance spot, with the filters that the simulator enforces. */
export function exchangeInfo(instruments: readonly Instrument[], serverTimeMs: number): object {
  return {
    timezone: 'UTC',
    serverTime: serverTimeMs,
    rateLimits: [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6000 },
      { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 100 },
      { rateLimitType: 'ORDERS', interval: 'DAY', intervalNum: 1, limit: 200_000 },
      { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 61_000 },
    ],
    exchangeFilters: [],
    symbols: instruments.filter(({ listed }) => listed).map(symbolInfo),
  };
}

function symbolInfo(instrument: Instrument): object {
  return {
    symbol: instrument.id,
    status: instrument.status,
    baseAsset: instrument.base,
    baseAssetPrecision: 8,
    quoteAsset: instrument.quote,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET', 'STOP_LOSS', 'STOP_LOSS_LIMIT'],
    icebergAllowed: false,
    ocoAllowed: false,
    otoAllowed: false,
    quoteOrderQtyMarketAllowed: false,
    allowTrailingStop: false,
    cancelReplaceAllowed: false,
    amendAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: instrument.priceTick,
        maxPrice: '10000000.00000000',
        tickSize: instrument.priceTick,
      },
      {
        filterType: 'LOT_SIZE',
        minQty: instrument.amountMin,
        maxQty: AMOUNT_MAX,
        stepSize: instrument.amountStep,
      },
      {
        filterType: 'NOTIONAL',
        minNotional: instrument.notionalMin,
        applyMinToMarket: true,
        maxNotional: NOTIONAL_MAX,
        applyMaxToMarket: false,
        avgPriceMins: 5,
      },
      { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
    ],
    permissions: [],
    permissionSets: [['SPOT']],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH'],
  };
}

/** Most units of one order. */
export const AMOUNT_MAX = '100000.00000000';
/** Largest price × amount of one limit order. */
export const NOTIONAL_MAX = '9000000.00000000';
