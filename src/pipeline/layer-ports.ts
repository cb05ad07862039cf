import type { Candle, CandleColumns, StreamKey } from '../core/candle.js';
import type { MarketRules } from '../core/order.js';
import type { QuarantinedRow } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { Calendar } from '../core/timeframe.js';
import type { RawCandle } from '../ports/market.js';
import type { FeatureColumnsOut } from '../ports/model.js';

/** What the pipeline asks of layers 1 to 3, each made for one stream. */
export interface IngestionLayer {
  /** Keeps nothing of `raw` itself, which a caller may use again for the next row. */
  accept(
    raw: RawCandle,
  ):
    | { readonly kind: 'candle'; readonly candle: Candle; readonly missingBars: number }
    | { readonly kind: 'quarantined'; readonly row: QuarantinedRow; readonly taken?: Candle };
  /** Why a late row of a gap is no candle; undefined where it is one. */
  checkPast(raw: RawCandle): string | undefined;
}

/** One row of all feature columns (FEATURE_COLUMNS), and whether a model may use it. `values` is the row's own. */
export interface FeatureRow {
  readonly openMs: number;
  readonly values: Float64Array;
  readonly status: 'ok' | 'warming_up' | 'no_value' | 'hole';
}

export interface FeatureLayer {
  push(candle: Candle): FeatureRow;
  /** The rows of candles that follow each other, as `push` gives them one by one; in the memory of `into` where given. */
  pushSpan(candles: CandleColumns, into?: FeatureColumnsOut): FeatureSpan;
  reset(): void;
}

/** Rows of a span: `values` is length × FEATURE_COLUMNS, column after column; NaN where there is no value. */
export interface FeatureSpan {
  readonly values: Float64Array;
  status(i: number): FeatureRow['status'];
}

export interface InferenceLayer {
  predict(row: FeatureRow): Promise<Prediction | NoPredictionReason>;
  /** Many rows at once: `inputs` is count × MODEL_WIDTH, row after row; each answer equals that of `predict`. */
  predictBatch(inputs: Float64Array, count: number): Promise<PredictionBatch>;
}

/** Element i is row i. */
export interface PredictionBatch {
  readonly probabilityUp: Float64Array;
  readonly probabilityUpCalibrated: Float64Array;
  /** 1 where the answer is no probability: an `inference_fault`. */
  readonly fault: Uint8Array;
}

/** One stream of the pipeline: its key, its market, and its own layers 1 to 3. */
export interface StreamSetup {
  readonly key: StreamKey;
  readonly calendar: Calendar;
  /** As they are now: the exchange may change them at any time. */
  readonly rules: MarketRules;
  readonly ingestion: IngestionLayer;
  readonly features: FeatureLayer;
  readonly inference: InferenceLayer;
}
