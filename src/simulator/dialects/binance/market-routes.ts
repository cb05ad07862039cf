import { candleAt } from '../../../core/candle.js';
import type { Instrument } from '../../instrument.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { refusals } from './api-error.js';
import { exchangeInfo } from './exchange-info.js';
import { priceText, type RestKline, restKline } from './kline-wire.js';

/** Answers one request; throws an ApiError to refuse. */
export type Route = (params: URLSearchParams) => unknown;

/** Public endpoints of Binance spot, by method and path. */
export function marketRoutes(exchange: SimulatedExchange): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['GET /api/v3/ping', () => ({})],
    ['GET /api/v3/time', () => ({ serverTime: exchange.serverMs() })],
    [
      'GET /api/v3/exchangeInfo',
      (params) =>
        exchangeInfo(
          params.has('symbol') ? [instrumentOf(exchange, params)] : exchange.replay.instruments,
          exchange.serverMs(),
        ),
    ],
    ['GET /api/v3/klines', (params) => klines(exchange, params)],
    ['GET /api/v3/depth', (params) => depth(exchange, params)],
    ['GET /api/v3/ticker/price', (params) => each(exchange, params, (it) => priceTicker(exchange, it))],
    ['GET /api/v3/ticker/bookTicker', (params) => each(exchange, params, (it) => bookTicker(exchange, it))],
    ['GET /api/v3/ticker/24hr', (params) => each(exchange, params, (it) => dayTicker(exchange, it))],
  ]);
}

/** The instrument that a request names. */
export function instrumentOf(exchange: SimulatedExchange, params: URLSearchParams): Instrument {
  const id = params.get('symbol');
  if (!id) throw refusals.missing('symbol');
  const instrument = exchange.replay.instrument(id);
  if (!instrument?.listed) throw refusals.badSymbol();
  return instrument;
}

/** An optional whole number of a request, within bounds. */
export function wholeNumber(
  params: URLSearchParams,
  name: string,
  fallback: number,
  max = Number.MAX_SAFE_INTEGER,
): number {
  const given = params.get(name);
  if (given === null) return fallback;
  if (!/^\d{1,16}$/.test(given)) throw refusals.illegal(name);
  return Math.min(Number(given), max);
}

/** From `startTime` on, oldest first; without it the newest. The bar in progress counts once its time has come. */
function klines(exchange: SimulatedExchange, params: URLSearchParams): RestKline[] {
  const instrument = instrumentOf(exchange, params);
  if (params.get('interval') !== instrument.timeframe) throw refusals.badInterval();
  const limit = wholeNumber(params, 'limit', 500, 1000);
  const startMs = wholeNumber(params, 'startTime', Number.NEGATIVE_INFINITY);
  const endMs = wholeNumber(params, 'endTime', Number.POSITIVE_INFINITY);
  const { candles, barMs } = instrument;
  const completed = exchange.replay.completed(instrument);
  const current = completed > 0 ? exchange.replay.inProgress(instrument) : undefined;
  const shown = current && current.openMs <= exchange.clock.wallMs() ? current : undefined;

  let from = lowerBound(candles.openMs, completed, startMs);
  let to = Number.isFinite(endMs) ? lowerBound(candles.openMs, completed, endMs + 1) : completed;
  const withCurrent = shown !== undefined && shown.openMs >= startMs && shown.openMs <= endMs;
  if (!Number.isFinite(startMs)) from = Math.max(from, to - limit + (withCurrent ? 1 : 0));
  to = Math.min(to, from + limit);
  const rows: RestKline[] = [];
  for (let i = from; i < to; i++) rows.push(restKline(candleAt(candles, i), barMs));
  if (withCurrent && rows.length < limit && to === completed) rows.push(restKline(shown, barMs));
  return rows;
}

/** Index of the first of `count` ascending values that is not below `value`. */
function lowerBound(values: Float64Array, count: number, value: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function depth(exchange: SimulatedExchange, params: URLSearchParams): object {
  const book = exchange.book(instrumentOf(exchange, params));
  const limit = wholeNumber(params, 'limit', 100, 5000);
  return {
    lastUpdateId: book.updateId,
    bids: book.bids(limit).map(({ price, size }) => [price.toFixed(8), size.toFixed(8)]),
    asks: book.asks(limit).map(({ price, size }) => [price.toFixed(8), size.toFixed(8)]),
  };
}

function each(
  exchange: SimulatedExchange,
  params: URLSearchParams,
  answer: (it: Instrument) => object,
): unknown {
  if (params.has('symbol')) return answer(instrumentOf(exchange, params));
  const named = params.get('symbols');
  if (named === null) return exchange.replay.instruments.filter(({ listed }) => listed).map(answer);
  return namesOf(named).map((symbol) => answer(instrumentOf(exchange, new URLSearchParams({ symbol }))));
}

/** `["BTCUSDT","ETHUSDT"]` */
function namesOf(text: string): readonly string[] {
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    throw refusals.illegal('symbols');
  }
  const isList = Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string');
  if (!isList) throw refusals.illegal('symbols');
  return names as string[];
}

function priceTicker(exchange: SimulatedExchange, instrument: Instrument): object {
  return { symbol: instrument.id, price: priceText(exchange.replay.lastClose(instrument) ?? 0) };
}

function bookTicker(exchange: SimulatedExchange, instrument: Instrument): object {
  const book = exchange.book(instrument);
  const [bid] = book.bids(1);
  const [ask] = book.asks(1);
  return {
    symbol: instrument.id,
    bidPrice: bid?.price.toFixed(8) ?? '0.00000000',
    bidQty: bid?.size.toFixed(8) ?? '0.00000000',
    askPrice: ask?.price.toFixed(8) ?? '0.00000000',
    askQty: ask?.size.toFixed(8) ?? '0.00000000',
  };
}

function dayTicker(exchange: SimulatedExchange, instrument: Instrument): object {
  const { candles, barMs } = instrument;
  const completed = exchange.replay.completed(instrument);
  const closeMs = exchange.replay.closeMs;
  const bars = Math.max(1, Math.round(86_400_000 / barMs));
  const first = Math.max(0, completed - bars);
  if (completed === 0) throw refusals.marketClosed();
  const open = candles.open[first]!;
  const last = candles.close[completed - 1]!;
  const highs = candles.high.subarray(first, completed);
  const lows = candles.low.subarray(first, completed);
  const volume = candles.volume.subarray(first, completed).reduce((sum, value) => sum + value, 0);
  return {
    ...bookTicker(exchange, instrument),
    priceChange: (last - open).toFixed(8),
    priceChangePercent: ((last / open - 1) * 100).toFixed(3),
    weightedAvgPrice: priceText(last),
    prevClosePrice: priceText(open),
    lastPrice: priceText(last),
    lastQty: '0.00000000',
    openPrice: priceText(open),
    highPrice: priceText(highs.reduce((a, b) => Math.max(a, b))),
    lowPrice: priceText(lows.reduce((a, b) => Math.min(a, b))),
    volume: volume.toFixed(8),
    quoteVolume: (volume * last).toFixed(8),
    openTime: candles.openMs[first],
    closeTime: closeMs - 1,
    firstId: 0,
    lastId: completed,
    count: completed - first,
  };
}
