import { type Candle, toColumns } from '../core/candle.js';
import type { QuarantinedRow } from '../core/records.js';
import type { RawCandle } from '../ports/market.js';
import type { Store } from '../ports/store.js';
import type { StreamState } from './stream-state.js';

/**
 * Stores late bars of a gap and builds the windows again, so that the next decision goes by the candles known then, as a
 * backtest over them would. Bad rows go to quarantine. Resolves to how many candles were new.
 */
export async function fillGap(
  stream: Pick<StreamState, 'key' | 'layers' | 'rebuild'>,
  store: Store,
  windowBars: number,
  rows: readonly RawCandle[],
  atMs: number,
): Promise<number> {
  const { key, layers } = stream;
  const good: Candle[] = [];
  const quarantined: QuarantinedRow[] = [];
  for (const row of rows) {
    const { openMs, open, high, low, close, volume } = row;
    const reason = layers.checkPast(row);
    if (reason === undefined) good.push(row);
    else {
      const raw = row.raw ?? [openMs, open, high, low, close, volume].join(',');
      quarantined.push({ stream: key, openMs, reason, raw, atMs });
    }
  }
  if (quarantined.length > 0) await store.quarantine(quarantined);
  if (good.length === 0) return 0;
  const added = await store.addCandles(key, toColumns(good), atMs);
  if (added > 0) stream.rebuild(await store.lastCandles(key, windowBars));
  return added;
}
