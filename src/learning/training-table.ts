import { missingBars } from '../core/calendar.js';
import type { CandleColumns } from '../core/candle.js';
import { MODEL_WIDTH } from '../core/feature-set.js';
import type { Calendar } from '../core/timeframe.js';

/** Labelled rows, oldest first. */
export interface TrainingTable {
  readonly length: number;
  /** length × MODEL_WIDTH, row after row, in the order of MODEL_COLUMNS. */
  readonly rows: Float64Array;
  /** 1 where the close `horizonBars` later is above the row's close. */
  readonly labels: Uint8Array;
  /** Open time of the row's bar. */
  readonly openMs: Float64Array;
  readonly horizonBars: number;
}

/** What a gap is, over which no label may reach. */
export interface LabelGaps {
  readonly timeframeMs: number;
  readonly calendar: Calendar;
  readonly maxGapBars: number;
}

/**
 * The rows among `usable` (places of complete rows, rising) that have a label: the candle `horizonBars` later is there
 * and no gap lies between.
 */
export function labelledRows(
  candles: CandleColumns,
  usable: Uint32Array,
  horizonBars: number,
  gaps: LabelGaps,
): Uint32Array {
  const { timeframeMs, calendar, maxGapBars } = gaps;
  // gapsBefore[i]: how many gaps lie before candle i.
  const gapsBefore = new Uint32Array(candles.length);
  for (let i = 1; i < candles.length; i++) {
    const missing = missingBars(candles.openMs[i - 1]!, candles.openMs[i]!, timeframeMs, calendar);
    gapsBefore[i] = gapsBefore[i - 1]! + (missing > maxGapBars ? 1 : 0);
  }
  return usable.filter(
    (i) => i + horizonBars < candles.length && gapsBefore[i] === gapsBefore[i + horizonBars],
  );
}

/** The table of those rows; `inputs` are their values, row after row. Label: close_{t+h} > close_t. */
export function createTrainingTable(
  candles: CandleColumns,
  rows: Uint32Array,
  inputs: Float64Array,
  horizonBars: number,
): TrainingTable {
  const up = (i: number) => (candles.close[i + horizonBars]! > candles.close[i]! ? 1 : 0);
  return {
    length: rows.length,
    rows: inputs,
    labels: Uint8Array.from(rows, up),
    openMs: Float64Array.from(rows, (i) => candles.openMs[i]!),
    horizonBars,
  };
}

/** Rows [from, to) of a table, without copying. */
export function sliceTable(table: TrainingTable, from: number, to: number): TrainingTable {
  return {
    length: to - from,
    rows: table.rows.subarray(from * MODEL_WIDTH, to * MODEL_WIDTH),
    labels: table.labels.subarray(from, to),
    openMs: table.openMs.subarray(from, to),
    horizonBars: table.horizonBars,
  };
}

/** The rows of several streams as one table, by open time; rows of one time in the order of the tables. */
export function mergeTables(tables: readonly TrainingTable[]): TrainingTable {
  const first = tables[0]!;
  if (tables.length === 1) return first;
  const places = tables
    .flatMap((table, t) => Array.from({ length: table.length }, (_, i) => ({ t, i, at: table.openMs[i]! })))
    .sort((a, b) => a.at - b.at || a.t - b.t);
  const rows = new Float64Array(places.length * MODEL_WIDTH);
  places.forEach(({ t, i }, k) => {
    rows.set(tables[t]!.rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH), k * MODEL_WIDTH);
  });
  return {
    length: places.length,
    rows,
    labels: Uint8Array.from(places, ({ t, i }) => tables[t]!.labels[i]!),
    openMs: Float64Array.from(places, ({ at }) => at),
    horizonBars: first.horizonBars,
  };
}
