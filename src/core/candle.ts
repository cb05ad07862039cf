/**
 * A candle: the data of one closed time slot (bar) of one symbol. `openMs` is the slot's open time in UTC milliseconds;
 * prices are in quote units, `volume` in base units unless the source says otherwise.
 */
export interface Candle {
  readonly openMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Names one stream of candles. `symbol` is ccxt's unified form, as in `BTC/USDT`. */
export interface StreamKey {
  readonly exchange: string;
  readonly symbol: string;
  readonly timeframe: string;
}

/** One text for a stream key, for logs, map keys and topics. */
export function streamName(key: StreamKey): string {
  return `${key.exchange}:${key.symbol}:${key.timeframe}`;
}

/** The key of such a text; a symbol may hold colons. */
export function streamNamed(name: string): StreamKey {
  const [first, last] = [name.indexOf(':'), name.lastIndexOf(':')];
  return {
    exchange: name.slice(0, first),
    symbol: name.slice(first + 1, last),
    timeframe: name.slice(last + 1),
  };
}

/**
 * Candles of one stream as columns. All arrays have `length` elements; element i of each is candle i, oldest first.
 * The unit of work of the native kernels, of backtests and of training.
 */
export interface CandleColumns {
  readonly length: number;
  readonly openMs: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
}

/** Copies candles into columns, in the order given. */
export function toColumns(candles: readonly Candle[]): CandleColumns {
  const n = candles.length;
  const columns = {
    length: n,
    openMs: new Float64Array(n),
    open: new Float64Array(n),
    high: new Float64Array(n),
    low: new Float64Array(n),
    close: new Float64Array(n),
    volume: new Float64Array(n),
  };
  candles.forEach((candle, i) => {
    columns.openMs[i] = candle.openMs;
    columns.open[i] = candle.open;
    columns.high[i] = candle.high;
    columns.low[i] = candle.low;
    columns.close[i] = candle.close;
    columns.volume[i] = candle.volume;
  });
  return columns;
}

/** Candle i of the columns. Throws a RangeError outside [0, length). */
export function candleAt(columns: CandleColumns, i: number): Candle {
  if (!(i >= 0 && i < columns.length)) throw new RangeError(`candle ${i} of ${columns.length}`);
  return {
    openMs: columns.openMs[i]!,
    open: columns.open[i]!,
    high: columns.high[i]!,
    low: columns.low[i]!,
    close: columns.close[i]!,
    volume: columns.volume[i]!,
  };
}

/** Pieces of one stream, the oldest first, as one; copied. */
export function joinColumns(pieces: readonly CandleColumns[]): CandleColumns {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const join = (name: Exclude<keyof CandleColumns, 'length'>) => {
    const whole = new Float64Array(length);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece[name], at);
      at += piece.length;
    }
    return whole;
  };
  return {
    length,
    openMs: join('openMs'),
    open: join('open'),
    high: join('high'),
    low: join('low'),
    close: join('close'),
    volume: join('volume'),
  };
}

/** A view of candles [from, to); nothing is copied. */
export function sliceCandles(candles: CandleColumns, from: number, to: number): CandleColumns {
  const part = (values: Float64Array) => values.subarray(from, to);
  return {
    length: to - from,
    openMs: part(candles.openMs),
    open: part(candles.open),
    high: part(candles.high),
    low: part(candles.low),
    close: part(candles.close),
    volume: part(candles.volume),
  };
}
