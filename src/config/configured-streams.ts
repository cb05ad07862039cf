import type { StreamKey } from '../core/candle.js';
import type { Config } from './schema.js';

/** A stream for each symbol of each exchange. */
export function configuredStreams({
  exchange,
  timeframe,
}: Pick<Config, 'exchange' | 'timeframe'>): readonly StreamKey[] {
  return exchange.flatMap(({ id, symbols }) =>
    symbols.map((symbol): StreamKey => ({ exchange: id, symbol, timeframe })),
  );
}
