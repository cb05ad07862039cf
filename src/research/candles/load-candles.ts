import { tradesOn } from '../../core/calendar.js';
import type { CandleColumns } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { type Calendar, timeframeName } from '../../core/timeframe.js';
import {
  type QuarantineReason,
  type ValidationOptions,
  type ValidationRules,
  validateCandles,
} from '../../pipeline/ingestion/index.js';
import { barTimes, clocks } from './bar-times.js';
import { type CandleFile, readCandlesCsv } from './candle-file.js';

/** A candle file after validation: what every command that reads one works on. */
export interface LoadedCandles {
  readonly file: CandleFile;
  /** By time, each time once. */
  readonly candles: CandleColumns;
  readonly quarantined: readonly { readonly index: number; readonly reason: QuarantineReason }[];
  /** The step between the bars; undefined for fewer than two. */
  readonly timeframeMs: number | undefined;
  /** What a reader of the candles should know, the file's own notes included. */
  readonly notes: readonly string[];
}

/** Of a file, what became of its rows. */
export interface Judgement {
  readonly file: string;
  readonly format: string;
  readonly sha256: string;
  readonly rows: number;
  readonly kept: number;
  readonly quarantined: number;
  /** Most frequent first; `firstLine` is the first row's place in the file. */
  readonly reasons: readonly {
    readonly reason: QuarantineReason;
    readonly count: number;
    readonly firstLine: number;
  }[];
  readonly notes: readonly string[];
}

/** A file with more rows in quarantine than this share is not what its reader thinks it is. */
const QUARANTINED_SHARE_MAX = 0.1;
/** So many make no share worth a name. */
const QUARANTINED_ROWS_MIN = 10;

/**
 * Reads and judges a candle file, the same for every command: the grid is that of the bars' own step where `timeframeMs` is not
 * given. Throws what `readCandlesCsv` throws.
 */
export async function loadCandles(path: string, options: ValidationOptions): Promise<LoadedCandles> {
  const file = await readCandlesCsv(path);
  const read = file.columns;
  const stepMs = options.timeframeMs ?? inferTimeframeMs(read.openMs);
  const { openMs, notes } = barTimes(read.openMs, stepMs, file.isClosing);
  const { kept, quarantined } = validateCandles(
    { ...read, openMs },
    { ...options, ...(stepMs === undefined ? {} : { timeframeMs: stepMs }) },
  );
  const all = [...file.notes, ...notes, ...splitNotes(kept)];
  return { file, candles: kept, quarantined, timeframeMs: stepMs, notes: all };
}

/**
 * Fails with `E_NO_CANDLES` when validation left no row of a file, and with `E_QUARANTINED` when it put so many aside that the file is not
 * what its reader thinks it is, unless that is allowed.
 */
export async function mustHaveCandles(
  loaded: LoadedCandles,
  rules: ValidationRules,
  allowQuarantined = false,
): Promise<void> {
  const { path } = loaded.file;
  const { rows, kept, reasons } = judgementOf(loaded);
  const first = loaded.quarantined[0];
  if (kept === 0 && first !== undefined) {
    let text = '';
    for await (const raw of loaded.file.raws([first.index])) text = raw;
    throw badInput(
      'E_NO_CANDLES',
      `${path}: validation (${rules}) refused all ${rows} rows, the first as ${first.reason} (line ${loaded.file.line(first.index)}: ${JSON.stringify(text.slice(0, 80))})${misplaced(loaded)}`,
      'check that the file holds candles, and that its columns are named rightly',
    );
  }
  // The article's rules are kept for their results alone. A bar that is there twice is no bad row.
  const bad = reasons.reduce((sum, { reason, count }) => sum + (reason === 'duplicate' ? 0 : count), 0);
  if (
    rules === 'article' ||
    allowQuarantined ||
    bad < QUARANTINED_ROWS_MIN ||
    bad <= rows * QUARANTINED_SHARE_MAX
  )
    return;
  const shown = reasons.map(
    ({ reason, count, firstLine }) => `${count} ${reason} (first in line ${firstLine})`,
  );
  throw badInput(
    'E_QUARANTINED',
    `${path}: ${bad} of ${rows} rows (${((100 * bad) / rows).toFixed(0)} %) are no candles: ${shown.join(', ')}${misplaced(loaded)}`,
    'repair the file (redbutton validate shows the rows), or go on with the rest: --allow-quarantined',
  );
}

/** Where bars are off the grid: when they begin, and how long they are. */
function misplaced({ file, quarantined, timeframeMs }: LoadedCandles): string {
  const times = quarantined
    .filter(({ reason }) => reason === 'misaligned')
    .map(({ index }) => file.columns.openMs[index]!);
  if (times.length === 0 || timeframeMs === undefined) return '';
  const length = timeframeName(timeframeMs) ?? `${timeframeMs} ms`;
  return `; bars of ${length} begin at ${clocks(times)} UTC here`;
}

export function judgementOf(loaded: LoadedCandles): Judgement {
  const { file, candles, quarantined, notes } = loaded;
  const firstLines = new Map<QuarantineReason, number>();
  for (const { index, reason } of quarantined) {
    if (!firstLines.has(reason)) firstLines.set(reason, file.line(index));
  }
  return {
    file: file.path,
    format: file.format,
    sha256: file.sha256,
    rows: file.columns.length,
    kept: candles.length,
    quarantined: quarantined.length,
    reasons: countReasons(quarantined).map(([reason, count]) => ({
      reason,
      count,
      firstLine: firstLines.get(reason)!,
    })),
    notes,
  };
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
 * equally frequent the shortest counts. The times may stand in any order, and twice.
 */
export function inferTimeframeMs(openMs: Float64Array): number | undefined {
  const times = rising(openMs);
  const counts = new Map<number, number>();
  for (let i = 1; i < times.length; i++) {
    const step = Math.round(times[i]! - times[i - 1]!);
    if (step > 0) counts.set(step, (counts.get(step) ?? 0) + 1);
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

function rising(openMs: Float64Array): Float64Array {
  for (let i = 0; i < openMs.length; i++) {
    if (i > 0 ? openMs[i]! >= openMs[i - 1]! : Number.isFinite(openMs[0])) continue;
    return openMs.filter(Number.isFinite).sort();
  }
  return openMs;
}

/** `weekdays` for a series that never has a bar on a Saturday or Sunday (UTC), else `24x7`. */
export function inferCalendar(openMs: Float64Array): Calendar {
  return openMs.every((time) => tradesOn(time, 'weekdays')) ? 'weekdays' : '24x7';
}

/** Ratios in which shares are split or merged. */
const SPLITS = [2, 3, 4, 5, 7, 8, 10, 15, 20, 25, 50, 100];
const SPLIT_TOLERANCE = 0.05;
const SPLITS_SHOWN = 3;

/** A price that opens at a half or a tenth of the last close is rather a split than a loss. */
function splitNotes({ length, openMs, open, close }: CandleColumns): readonly string[] {
  const found: string[] = [];
  for (let i = 1; i < length && found.length <= SPLITS_SHOWN; i++) {
    const ratio = close[i - 1]! / open[i]!;
    const size = ratio < 1 ? 1 / ratio : ratio;
    if (size < 1.9 || !SPLITS.some((split) => Math.abs(size / split - 1) <= SPLIT_TOLERANCE)) continue;
    found.push(
      `${new Date(openMs[i]!).toISOString().slice(0, 16)}Z opens at ${open[i]} after a close of ${close[i - 1]}`,
    );
  }
  if (found.length === 0) return [];
  const shown = found.slice(0, SPLITS_SHOWN).join('; ');
  return [
    `prices jump as at a split, and are taken as they are: ${shown}${found.length > SPLITS_SHOWN ? '; …' : ''}`,
  ];
}
