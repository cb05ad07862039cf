import type { Candle, CandleColumns, StreamKey } from '../../core/candle.js';
import { FEATURE_COLUMNS, MODEL_FROM, MODEL_WIDTH } from '../../core/feature-set.js';
import { type Calendar, timeframeMs } from '../../core/timeframe.js';
import type { FeatureColumnsOut, FeatureKernel } from '../../ports/model.js';
import { FEATURE_STATUSES, type FeatureStatus, type GapRules, GapWindow } from './gap-window.js';

/** The features of one bar. */
export interface FeatureRow {
  /** Open time of the candle that was pushed: a row is never an older bar's. */
  readonly openMs: number;
  /** In the order of FEATURE_COLUMNS; NaN where there is no value. */
  readonly values: Float64Array;
  /** Only `ok` rows may be predicted from. */
  readonly status: FeatureStatus;
}

export interface FeatureLayer {
  /** The features of the window that ends with this candle. Candles come from ingestion, in the order of time. */
  push(candle: Candle): FeatureRow;
  /** The rows of candles that follow each other, as `push` gives them one by one, in one call of the kernel. */
  pushSpan(candles: CandleColumns, into?: FeatureColumnsOut): FeatureSpan;
  /** Forgets every candle. */
  reset(): void;
}

/** `values` is length × 10, column after column; NaN where there is no value. */
export interface FeatureSpan {
  readonly values: Float64Array;
  status(i: number): FeatureStatus;
}

export interface FeatureLayerOptions {
  readonly kernel: FeatureKernel;
  readonly stream: StreamKey;
  readonly calendar: Calendar;
  readonly maxGapBars: number;
}

/** The feature layer of one stream, candle by candle. */
export function createFeatureLayer(options: FeatureLayerOptions): FeatureLayer {
  const kernel = options.kernel.stream();
  const window = new GapWindow({
    timeframeMs: timeframeMs(options.stream.timeframe),
    calendar: options.calendar,
    maxGapBars: options.maxGapBars,
  });
  return {
    push(candle) {
      const values = new Float64Array(FEATURE_COLUMNS.length);
      const valid = kernel.push(candle, values);
      return { openMs: candle.openMs, values, status: window.push(candle.openMs, valid) };
    },
    pushSpan(candles, into) {
      const { values, valid } = kernel.pushChunk(candles, into);
      const status = statusOf(window, candles.openMs, valid);
      return { values, status: (i) => FEATURE_STATUSES[status[i]!]! };
    },
    reset() {
      kernel.reset();
      window.reset();
    },
  };
}

/** The features of a whole series. */
export interface FeatureTable {
  readonly length: number;
  readonly openMs: Float64Array;
  /** length × 10, column after column (column c of row i at c·length + i); NaN where there is no value. */
  readonly values: Float64Array;
  /** 1 where every column of the row has a value, whatever its status. */
  readonly valid: Uint8Array;
  /** Place in FEATURE_STATUSES. */
  readonly status: Uint8Array;
}

/** The same rows that {@link createFeatureLayer} gives one by one, for a whole series in one call of the kernel. */
export function featureRows(kernel: FeatureKernel, candles: CandleColumns, rules: GapRules): FeatureTable {
  const { length, values, valid } = kernel.batch(candles);
  const window = new GapWindow(rules);
  const status = statusOf(window, candles.openMs, valid);
  return { length, openMs: candles.openMs, values, valid, status };
}

/** Places in FEATURE_STATUSES. */
function statusOf(window: GapWindow, openMs: Float64Array, valid: Uint8Array): Uint8Array {
  const status = new Uint8Array(valid.length);
  for (let i = 0; i < status.length; i++) {
    status[i] = FEATURE_STATUSES.indexOf(window.push(openMs[i]!, valid[i] === 1));
  }
  return status;
}

/** Places of the rows that may be predicted from. */
export function usableRows(table: FeatureTable): Uint32Array {
  const rows = new Uint32Array(table.length);
  const ok = FEATURE_STATUSES.indexOf('ok');
  let count = 0;
  for (let i = 0; i < table.length; i++) if (table.status[i] === ok) rows[count++] = i;
  return rows.slice(0, count);
}

/** The model's inputs of some rows, row after row (rows.length × MODEL_WIDTH), as a Classifier takes them. */
export function modelInputs(table: FeatureTable, rows: Uint32Array): Float64Array {
  const inputs = new Float64Array(rows.length * MODEL_WIDTH);
  for (let c = 0; c < MODEL_WIDTH; c++) {
    const from = (MODEL_FROM + c) * table.length;
    const column = table.values.subarray(from, from + table.length);
    for (let k = 0; k < rows.length; k++) inputs[k * MODEL_WIDTH + c] = column[rows[k]!]!;
  }
  return inputs;
}
