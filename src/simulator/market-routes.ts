import { candleAt } from '../core/candle.js';
import { refusals } from './api-error.js';
import { exchangeInfo } from './exchange-info.js';
import type { Instrument } from './instrument.js';
import { priceText, type RestKline, restKline } from './kline-wire.js';
import type { SimulatedVenue } from './simulated-venue.js';

/** Answers one request; throws an ApiError to refuse. */
export type Route = (params: URLSearchParams) => unknown;

/** Public endpoints of Binance spot, by method and path. */
export function marketRoutes(venue: SimulatedVenue): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['GET /api/v3/ping', () => ({})],
    ['GET /api/v3/time', () => ({ serverTime: venue.serverMs() })],
    ['GET /api/v3/exchangeInfo', () => exchangeInfo(venue.replay.instruments, venue.serverMs())],
    ['GET /api/v3/klines', (params) => klines(venue, params)],
    ['GET /api/v3/depth', (params) => depth(venue, params)],
    ['GET /api/v3/ticker/price', (params) => each(venue, params, (it) => priceTicker(venue, it))],
    ['GET /api/v3/ticker/bookTicker', (params) => each(venue, params, (it) => bookTicker(venue, it))],
    ['GET /api/v3/ticker/24hr', (params) => each(venue, params, (it) => dayTicker(venue, it))],
  ]);
}

/** The instrument that a request names. */
export function instrumentOf(venue: SimulatedVenue, params: URLSearchParams): Instrument {
  const id = params.get('symbol');
  if (!id) throw refusals.missing('symbol');
  const instrument = venue.replay.instrument(id);
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
function klines(venue: SimulatedVenue, params: URLSearchParams): RestKline[] {
  const instrument = instrumentOf(venue, params);
  if (params.get('interval') !== instrument.timeframe) throw refusals.badInterval();
  const limit = wholeNumber(params, 'limit', 500, 1000);
  const startMs = wholeNumber(params, 'startTime', Number.NEGATIVE_INFINITY);
  const endMs = wholeNumber(params, 'endTime', Number.POSITIVE_INFINITY);
  const { candles, barMs } = instrument;
  const completed = venue.replay.completed(instrument);
  const current = completed > 0 ? venue.replay.inProgress(instrument) : undefined;
  const shown = current && current.openMs <= venue.clock.wallMs() ? current : undefined;

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

function depth(venue: SimulatedVenue, params: URLSearchParams): object {
  const book = venue.book(instrumentOf(venue, params));
  const limit = wholeNumber(params, 'limit', 100, 5000);
  return {
    lastUpdateId: book.updateId,
    bids: book.bids(limit).map(({ price, size }) => [price.toFixed(8), size.toFixed(8)]),
    asks: book.asks(limit).map(({ price, size }) => [price.toFixed(8), size.toFixed(8)]),
  };
}

function each(venue: SimulatedVenue, params: URLSearchParams, answer: (it: Instrument) => object): unknown {
  if (params.has('symbol')) return answer(instrumentOf(venue, params));
  const named = params.get('symbols');
  if (named === null) return venue.replay.instruments.filter(({ listed }) => listed).map(answer);
  return namesOf(named).map((symbol) => answer(instrumentOf(venue, new URLSearchParams({ symbol }))));
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

function priceTicker(venue: SimulatedVenue, instrument: Instrument): object {
  return { symbol: instrument.id, price: priceText(venue.replay.lastClose(instrument) ?? 0) };
}

function bookTicker(venue: SimulatedVenue, instrument: Instrument): object {
  const book = venue.book(instrument);
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

function dayTicker(venue: SimulatedVenue, instrument: Instrument): object {
  const { candles, barMs } = instrument;
  const completed = venue.replay.completed(instrument);
  const closeMs = venue.replay.closeMs;
  const bars = Math.max(1, Math.round(86_400_000 / barMs));
  const first = Math.max(0, completed - bars);
  if (completed === 0) throw refusals.marketClosed();
  const open = candles.open[first]!;
  const last = candles.close[completed - 1]!;
  const highs = candles.high.subarray(first, completed);
  const lows = candles.low.subarray(first, completed);
  const volume = candles.volume.subarray(first, completed).reduce((sum, value) => sum + value, 0);
  return {
    ...bookTicker(venue, instrument),
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
