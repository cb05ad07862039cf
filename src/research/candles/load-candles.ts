import { tradesOn } from '../../core/calendar.js';
import type { CandleColumns } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import type { Calendar } from '../../core/timeframe.js';
import {
  type QuarantineReason,
  type ValidationOptions,
  type ValidationRules,
  validateCandles,
} from '../../pipeline/ingestion/index.js';
import { type CandleFile, readCandlesCsv } from './candle-file.js';

/** A candle file after validation: what train, backtest and features work on. */
export interface LoadedCandles {
  readonly file: CandleFile;
  /** By time, each time once. */
  readonly candles: CandleColumns;
  readonly quarantined: readonly { readonly index: number; readonly reason: QuarantineReason }[];
}

/** Reads and validates a candle file. Throws what `readCandlesCsv` throws. */
export async function loadCandles(path: string, options: ValidationOptions): Promise<LoadedCandles> {
  const file = await readCandlesCsv(path);
  const { kept, quarantined } = validateCandles(file.columns, options);
  return { file, candles: kept, quarantined };
}

/** Fails with `E_NO_CANDLES` when validation left no row of a file. */
export function mustHaveCandles(loaded: LoadedCandles, rules: ValidationRules): void {
  if (loaded.candles.length > 0) return;
  const { line, raw } = loaded.file;
  const first = loaded.quarantined[0]!;
  throw badInput(
    'E_NO_CANDLES',
    `${loaded.file.path}: validation (${rules}) refused all ${loaded.file.columns.length} rows, the first as ${first.reason} (line ${line(first.index)}: ${JSON.stringify(raw(first.index).slice(0, 80))})`,
    'check that the file holds candles, and that its columns are named rightly',
  );
}

/** How often each reason occurs, most frequent first. */
export function countReasons(
  rows: readonly { readonly reason: QuarantineReason }[],
): readonly (readonly [QuarantineReason, number])[] {
  const counts = new Map<QuarantineReason, number>();
  for (const { reason } of rows) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/**
 * The timeframe of a series by its most frequent step, in milliseconds; undefined for fewer than two candles. Of steps
 * equally frequent the shortest counts. `openMs` rises.
 */
export function inferTimeframeMs(openMs: Float64Array): number | undefined {
  const counts = new Map<number, number>();
  for (let i = 1; i < openMs.length; i++) {
    const step = openMs[i]! - openMs[i - 1]!;
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  let best: number | undefined;
  let bestCount = 0;
  for (const [step, count] of counts) {
    if (count > bestCount || (count === bestCount && step < best!)) {
      best = step;
      bestCount = count;
    }
  }
  return best;
}

/** `weekdays` for a series that never has a bar on a Saturday or Sunday (UTC), else `24x7`. */
export function inferCalendar(openMs: Float64Array): Calendar {
  return openMs.every((time) => tradesOn(time, 'weekdays')) ? 'weekdays' : '24x7';
}
