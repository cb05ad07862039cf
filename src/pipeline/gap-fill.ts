import { type Candle, toColumns } from '../core/candle.js';
import { FEATURE_WINDOW } from '../core/feature-set.js';
import type { RawCandle, Rejection, Store } from '../ports.js';
import type { StreamSetup } from './layer-ports.js';

/** Candles from which the windows are built anew: enough for a feature row with a bar of margin. */
const WINDOW_BARS = FEATURE_WINDOW * 3;

/**
 * Stores late bars of a gap and builds the windows anew, so that the next decision goes by the candles known then, as a
 * backtest over them would. Bad rows go to quarantine. Resolves to how many candles were new.
 */
export async function fillGap(
  { key, ingestion, features }: StreamSetup,
  store: Store,
  rows: readonly RawCandle[],
  atMs: number,
): Promise<number> {
  const good: Candle[] = [];
  const refused: Rejection[] = [];
  for (const row of rows) {
    const { openMs, open, high, low, close, volume } = row;
    const reason = ingestion.checkPast(row);
    if (reason === undefined) good.push(row);
    else {
      const raw = row.raw ?? [openMs, open, high, low, close, volume].join(',');
      refused.push({ stream: key, openMs, reason, raw, atMs });
    }
  }
  if (refused.length > 0) await store.quarantine(refused);
  if (good.length === 0) return 0;
  const added = await store.addCandles(key, toColumns(good), atMs);
  if (added > 0) {
    features.reset();
    for (const candle of await store.lastCandles(key, WINDOW_BARS)) features.push(candle);
  }
  return added;
}
