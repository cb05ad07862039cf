import type { Candle, StreamKey } from '../core/candle.js';
import type { Quote } from '../core/order.js';
import type { PipelineDeps } from './pipeline-api.js';

/** The quote to decide on, at once where it is known at once. Its absence is a refusal by risk: a time of 0 marks it. */
export function quoteToDecideOn(
  quoteFor: PipelineDeps['quoteFor'],
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
