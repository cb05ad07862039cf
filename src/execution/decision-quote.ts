import type { Candle, StreamKey } from '../core/candle.js';
import type { Quote } from '../core/order.js';

/** Top of book for a decision on this candle; undefined where there is none now. Asked only when there is a signal. */
export type QuoteSource = (
  stream: StreamKey,
  candle: Candle,
) => Quote | undefined | Promise<Quote | undefined>;

/** The quote to decide on, at once where it is known at once. Risk denies where there is none: a time of 0 marks it. */
export function quoteToDecideOn(
  quoteFor: QuoteSource,
  key: StreamKey,
  candle: Candle,
): Quote | Promise<Quote> {
  const none: Quote = { bid: candle.close, ask: candle.close, atMs: 0, source: 'close' };
  try {
    const known = quoteFor(key, candle);
    return known instanceof Promise
      ? known.then((found) => found ?? none).catch(() => none)
      : (known ?? none);
  } catch {
    return none;
  }
}
