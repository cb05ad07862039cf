import { type Candle, toColumns } from '../core/candle.js';
import type { Rejection } from '../core/records.js';
import type { RawCandle } from '../ports/market.js';
import type { Store } from '../ports/store.js';
import { observeClose, type StreamState } from './stream-state.js';

/**
 * Stores late bars of a gap and builds the windows anew, so that the next decision goes by the candles known then, as a
 * backtest over them would. Bad rows go to quarantine. Resolves to how many candles were new.
 */
export async function fillGap(
  lane: Pick<StreamState, 'setup' | 'regimes' | 'history'>,
  store: Store,
  windowBars: number,
  rows: readonly RawCandle[],
  atMs: number,
): Promise<number> {
  const { key, ingestion, features } = lane.setup;
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
    lane.regimes?.reset();
    lane.history?.reset();
    for (const candle of await store.lastCandles(key, windowBars)) {
      features.push(candle);
      observeClose(lane, candle);
    }
  }
  return added;
}
