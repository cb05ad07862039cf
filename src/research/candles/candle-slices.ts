import { createHash } from 'node:crypto';
import type { CandleColumns } from '../../core/candle.js';

/** What is known of a stream's candles before they are read. */
export interface CandleExtent {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Reads the candles with open time in [fromMs, toMs), by open time. */
export type SliceReader = (fromMs: number, toMs: number) => Promise<CandleColumns>;

/**
 * A stream's candles as slices of time of about `sliceRows` rows, so that years never stand in memory whole. A slice
 * without a row is left out.
 */
export async function* candleSlices(
  { rows, firstMs, lastMs }: CandleExtent,
  sliceRows: number,
  read: SliceReader,
): AsyncGenerator<CandleColumns> {
  const count = Math.max(1, Math.ceil(rows / sliceRows));
  const stepMs = Math.max(1, Math.ceil((lastMs - firstMs + 1) / count));
  for (let fromMs = firstMs; fromMs <= lastMs; fromMs += stepMs) {
    const slice = await read(fromMs, Math.min(fromMs + stepMs, lastMs + 1));
    if (slice.length > 0) yield slice;
  }
}

/** Passes candles on and hashes their values, row after row, so that how they are sliced or stored changes nothing. */
export function hashedCandles(source: AsyncIterable<CandleColumns>): {
  readonly candles: AsyncIterable<CandleColumns>;
  /** sha256 of all rows passed on so far: six little-endian doubles each. */
  digest(): string;
} {
  const hash = createHash('sha256');
  async function* pass(): AsyncGenerator<CandleColumns> {
    for await (const slice of source) {
      const { length, openMs, open, high, low, close, volume } = slice;
      const rows = new Float64Array(length * 6);
      [openMs, open, high, low, close, volume].forEach((column, c) => {
        for (let i = 0; i < length; i++) rows[i * 6 + c] = column[i]!;
      });
      hash.update(new Uint8Array(rows.buffer));
      yield slice;
    }
  }
  return { candles: pass(), digest: () => hash.copy().digest('hex') };
}
