import { candleAt } from '../../../core/candle.js';
import type { Instrument } from '../../instrument.js';
import type { SimulatedExchange } from '../../simulated-exchange.js';
import { errors } from './kraken-error.js';
import {
  altname,
  assetDecimals,
  assetId,
  costDecimals,
  pairAltname,
  pairId,
  pairWsname,
  placesOf,
} from './names.js';

export type PublicRoute = (params: URLSearchParams) => unknown;

const OHLC_ROWS = 720;
const FEES = [[0, 0.4]];
const FEES_MAKER = [[0, 0.25]];

/** https://docs.kraken.com/api-reference/market-data */
export function publicRoutes(exchange: SimulatedExchange): Readonly<Record<string, PublicRoute>> {
  return {
    Time: () => time(exchange.serverMs()),
    Assets: () => assets(exchange),
    AssetPairs: () => byPair(listed(exchange), (it) => pairInfo(it)),
    Ticker: (params) => byPair(named(exchange, params), (it) => ticker(exchange, it)),
    OHLC: (params) => ohlc(exchange, params),
    Depth: (params) => depth(exchange, params),
  };
}

/** Whole seconds, and no more. */
function time(serverMs: number): object {
  return { unixtime: Math.floor(serverMs / 1000), rfc1123: new Date(serverMs).toUTCString() };
}

const listed = ({ replay }: SimulatedExchange) => replay.instruments.filter((it) => it.listed);

function byPair(instruments: readonly Instrument[], info: (it: Instrument) => unknown): object {
  return Object.fromEntries(instruments.map((it) => [pairId(it), info(it)]));
}

/** The instrument of a `pair`, by any of its names. */
export function instrumentOf(exchange: SimulatedExchange, params: URLSearchParams): Instrument {
  const [only] = named(exchange, params);
  if (only === undefined) throw errors.invalid();
  return only;
}

function named(exchange: SimulatedExchange, params: URLSearchParams): readonly Instrument[] {
  const pairs = params.get('pair');
  if (pairs === null) return listed(exchange);
  return pairs.split(',').map((pair) => {
    const found = listed(exchange).find((it) => [pairId(it), pairAltname(it), pairWsname(it)].includes(pair));
    if (found === undefined) throw errors.unknownPair();
    return found;
  });
}

function assets(exchange: SimulatedExchange): object {
  const codes = new Set(exchange.replay.instruments.flatMap(({ base, quote }) => [base, quote]));
  for (const { engine } of exchange.accounts.values())
    for (const code of engine.ledger.assets()) codes.add(code);
  return Object.fromEntries(
    [...codes].map((code) => [
      assetId(code),
      {
        aclass: 'currency',
        altname: altname(code),
        decimals: assetDecimals(code),
        display_decimals: 5,
        status: 'enabled',
      },
    ]),
  );
}

function pairInfo(instrument: Instrument): object {
  return {
    altname: pairAltname(instrument),
    wsname: pairWsname(instrument),
    aclass_base: 'currency',
    base: assetId(instrument.base),
    aclass_quote: 'currency',
    quote: assetId(instrument.quote),
    lot: 'unit',
    cost_decimals: costDecimals(instrument),
    pair_decimals: placesOf(instrument.priceTick),
    lot_decimals: placesOf(instrument.amountStep),
    lot_multiplier: 1,
    leverage_buy: [],
    leverage_sell: [],
    fees: FEES,
    fees_maker: FEES_MAKER,
    fee_volume_currency: 'ZUSD',
    margin_call: 80,
    margin_stop: 40,
    ordermin: instrument.amountMin,
    costmin: instrument.notionalMin,
    tick_size: instrument.priceTick,
    status: instrument.status === 'TRADING' ? 'online' : 'cancel_only',
  };
}

/** The newest 720 bars that opened after `since`, whatever is asked for, and the one in progress last. */
function ohlc(exchange: SimulatedExchange, params: URLSearchParams): object {
  const instrument = instrumentOf(exchange, params);
  const { replay, clock } = exchange;
  const { candles, barMs } = instrument;
  if (Number(params.get('interval') ?? 1) * 60_000 !== barMs) throw errors.invalid('interval');
  const since = Number(params.get('since') ?? 0);
  if (!Number.isFinite(since)) throw errors.invalid('since');
  const completed = replay.completed(instrument);
  const rows = [];
  for (let i = Math.max(0, completed - OHLC_ROWS); i < completed; i++) rows.push(candleAt(candles, i));
  const current = completed > 0 ? replay.inProgress(instrument) : undefined;
  if (current && current.openMs <= clock.wallMs()) rows.push(current);
  const shown = rows.filter(({ openMs }) => openMs > since * 1000).slice(-OHLC_ROWS);
  return {
    [pairId(instrument)]: shown.map(({ openMs, open, high, low, close, volume }) => [
      openMs / 1000,
      ...[open, high, low, close, close, volume].map(String),
      volume > 0 ? 1 : 0,
    ]),
    last: (completed > 0 ? candles.openMs[completed - 1]! : 0) / 1000,
  };
}

function depth(exchange: SimulatedExchange, params: URLSearchParams): object {
  const instrument = instrumentOf(exchange, params);
  const book = exchange.book(instrument);
  const count = Number(params.get('count') ?? 100);
  if (!Number.isInteger(count) || count < 1 || count > 500) throw errors.invalid('count');
  const at = Math.floor(exchange.serverMs() / 1000);
  const row = ({ price, size }: ReturnType<typeof book.bids>[number]) => [
    price.toFixed(5),
    size.toFixed(3),
    at,
  ];
  return { [pairId(instrument)]: { asks: book.asks(count).map(row), bids: book.bids(count).map(row) } };
}

function ticker(exchange: SimulatedExchange, instrument: Instrument): object {
  const book = exchange.book(instrument);
  const [bid] = book.bids(1);
  const [ask] = book.asks(1);
  const last = String(exchange.replay.lastClose(instrument) ?? 0);
  const twice = [last, last];
  return {
    a: [ask?.price.toFixed(5) ?? '0', '1', ask?.size.toFixed(3) ?? '0'],
    b: [bid?.price.toFixed(5) ?? '0', '1', bid?.size.toFixed(3) ?? '0'],
    c: [last, '0.00000001'],
    ...{ v: ['0', '0'], p: twice, t: [0, 0], l: twice, h: twice, o: last },
  };
}
