import type { Candle } from '../../../core/candle.js';
import { decimal } from '../../../core/money.js';
import type { Instrument } from '../../instrument.js';

/** A kline as REST lists it: twelve fields, prices as text. */
export type RestKline = readonly [
  openMs: number,
  open: string,
  high: string,
  low: string,
  close: string,
  volume: string,
  closeMs: number,
  quoteVolume: string,
  trades: number,
  takerBaseVolume: string,
  takerQuoteVolume: string,
  unused: string,
];

/** Decimal text with at least 8 places that reads back as the very same double. */
export function priceText(value: number): string {
  const plain = String(value);
  const shortest = plain.includes('e') ? decimal(value).toFixed() : plain;
  const point = shortest.indexOf('.');
  if (point < 0) return `${shortest}.00000000`;
  return shortest.padEnd(point + 9, '0');
}

/** Quote volume is not in the candles; it is stated at the bar's close. */
function quoteVolume(candle: Candle): string {
  return (candle.volume * candle.close).toFixed(8);
}

export function restKline(candle: Candle, barMs: number): RestKline {
  const quote = quoteVolume(candle);
  return [
    candle.openMs,
    priceText(candle.open),
    priceText(candle.high),
    priceText(candle.low),
    priceText(candle.close),
    priceText(candle.volume),
    candle.openMs + barMs - 1,
    quote,
    candle.volume > 0 ? 1 : 0,
    '0.00000000',
    '0.00000000',
    '0',
  ];
}

/** The stream's name for an instrument's klines, as in `btcusdt@kline_1h`. */
export function klineStream(instrument: Instrument): string {
  return `${instrument.id.toLowerCase()}@kline_${instrument.timeframe}`;
}

/** A kline event of the stream; `final` sets `x`, the exchange's word that the bar is complete. */
export function klineEvent(instrument: Instrument, candle: Candle, final: boolean, atMs: number): string {
  return JSON.stringify({
    e: 'kline',
    E: atMs,
    s: instrument.id,
    k: {
      t: candle.openMs,
      T: candle.openMs + instrument.barMs - 1,
      s: instrument.id,
      i: instrument.timeframe,
      f: -1,
      L: -1,
      o: priceText(candle.open),
      c: priceText(candle.close),
      h: priceText(candle.high),
      l: priceText(candle.low),
      v: priceText(candle.volume),
      n: candle.volume > 0 ? 1 : 0,
      x: final,
      q: quoteVolume(candle),
      V: '0.00000000',
      Q: '0.00000000',
      B: '0',
    },
  });
}
