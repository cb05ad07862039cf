import { type CandleColumns, candleAt, type StreamKey } from '../../core/candle.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { Store } from '../../ports/store.js';
import type { ValidationRules } from './rules.js';
import { validateCandles } from './validate-candles.js';

/** What became of the rows of a load; a row that is neither was known before. */
export interface IntakeResult {
  readonly rows: number;
  /** Candles that were new. */
  readonly added: number;
  /** Rows put in quarantine. */
  readonly refused: number;
}

/**
 * Takes rows of history, in any order, into the store by the same checks as a live bar: the good ones become candles, each
 * time once, all others go to quarantine with their reason. What the store knows already is left as it is, so a load
 * may be repeated. `rawOf` is the source's own text of a row.
 */
export async function takeHistory(
  store: Pick<Store, 'addCandles' | 'quarantine'>,
  stream: StreamKey,
  columns: CandleColumns,
  options: {
    readonly rules: ValidationRules;
    readonly nowMs: number;
    readonly rawOf?: (index: number) => string;
  },
): Promise<IntakeResult> {
  const { nowMs, rules } = options;
  const { kept, quarantined } = validateCandles(columns, {
    rules,
    nowMs,
    timeframeMs: timeframeMs(stream.timeframe),
  });
  // The quarantine goes first: a power cut in between is repaired by the repetition.
  if (quarantined.length > 0)
    await store.quarantine(
      quarantined.map(({ index, reason }) => {
        const { openMs, open, high, low, close, volume } = candleAt(columns, index);
        const raw = options.rawOf?.(index) ?? [openMs, open, high, low, close, volume].join(',');
        return { stream, openMs, reason, raw, atMs: nowMs };
      }),
    );
  const added = kept.length === 0 ? 0 : await store.addCandles(stream, kept, nowMs);
  return { rows: columns.length, added, refused: quarantined.length };
}
