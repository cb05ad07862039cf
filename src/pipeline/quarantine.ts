import type { Candle, StreamKey } from '../core/candle.js';
import type { QuarantinedRow } from '../core/records.js';
import type { RawCandle } from '../ports/market.js';
import type { Store } from '../ports/store.js';
import type { BarOutcome } from './bar-outcome.js';

/**
 * Stores a row that ingestion did not accept: in quarantine with its reason, or as a correction where it is a taken bar with other
 * figures. A bar sent again (reconnect, backfill) is no bad row.
 */
export async function quarantineRow(
  store: Pick<Store, 'recordCorrection' | 'quarantine'>,
  stream: StreamKey,
  raw: RawCandle,
  { row, taken }: { readonly row: QuarantinedRow; readonly taken?: Candle },
): Promise<BarOutcome> {
  if (taken) {
    const { openMs, open, high, low, close, volume } = raw;
    const corrected: Candle = { openMs, open, high, low, close, volume };
    const correction = { stream, stored: taken, corrected, atMs: row.atMs };
    await store.recordCorrection(correction);
    return { kind: 'corrected', stream, correction };
  }
  if (row.reason === 'duplicate') return { kind: 'already_known', stream, openMs: raw.openMs };
  await store.quarantine([row]);
  return { kind: 'quarantined', stream, row };
}
