import type { Candle, CandleColumns } from '../core/candle.js';
import type { QuarantinedRow } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { RawCandle } from '../ports/market.js';
import type { FeatureColumnsOut } from '../ports/model.js';
import type { FeatureSpan, InferenceLayer, PredictionBatch, StreamSetup } from './layer-ports.js';

/** What layers 1 to 3 made of a raw candle. */
export type Reading =
  | { readonly kind: 'quarantined'; readonly row: QuarantinedRow; readonly taken?: Candle }
  | {
      readonly kind: 'read';
      readonly candle: Candle;
      readonly missingBars: number;
      /** All feature columns where a model may use them, else null. */
      readonly features: Float64Array | null;
      readonly prediction: Prediction | NoPredictionReason;
    };

/**
 * Layers 1 to 3 of one stream: ingestion, features, inference. The one place that drives them, candle by candle for live bars,
 * history and warm-up, in spans for backtests; a span's rows equal those of its candles one by one, bit for bit.
 */
export class StreamLayers {
  readonly #setup: StreamSetup;
  #inference: InferenceLayer;

  constructor(setup: StreamSetup) {
    this.#setup = setup;
    this.#inference = setup.inference;
  }

  /** From the next row on. */
  useInference(layer: InferenceLayer): void {
    this.#inference = layer;
  }

  /** A live bar: through all three layers. */
  async read(raw: RawCandle): Promise<Reading> {
    const accepted = this.#setup.ingestion.accept(raw);
    if (accepted.kind === 'quarantined') return accepted;
    const { candle, missingBars } = accepted;
    const row = this.#setup.features.push(candle);
    const prediction = await this.#inference.predict(row);
    return {
      kind: 'read',
      candle,
      missingBars,
      features: row.status === 'ok' ? row.values : null,
      prediction,
    };
  }

  /** A bar that is not decided on: through layers 1 and 2, so that later windows hold it. */
  learn(raw: RawCandle): ReturnType<StreamSetup['ingestion']['accept']> {
    const accepted = this.accept(raw);
    if (accepted.kind === 'candle') this.#setup.features.push(accepted.candle);
    return accepted;
  }

  /** Late candles have changed the past: layer 2 begins again from what is known now, oldest first. */
  rebuild(candles: readonly Candle[]): void {
    this.#setup.features.reset();
    for (const candle of candles) this.#setup.features.push(candle);
  }

  /** Why a late row of a gap is no candle; undefined where it is one. */
  checkPast(raw: RawCandle): string | undefined {
    return this.#setup.ingestion.checkPast(raw);
  }

  /** Layer 1 alone, for the rows of a span. Keeps nothing of `raw` itself. */
  accept(raw: RawCandle): ReturnType<StreamSetup['ingestion']['accept']> {
    return this.#setup.ingestion.accept(raw);
  }

  /** Layer 2 for accepted candles that follow each other; in the memory of `into` where given. */
  featuresOf(candles: CandleColumns, into?: FeatureColumnsOut): FeatureSpan {
    return this.#setup.features.pushSpan(candles, into);
  }

  /** Layer 3 for many rows: `inputs` is count × MODEL_WIDTH, row after row. */
  predict(inputs: Float64Array, count: number): Promise<PredictionBatch> {
    return this.#inference.predictBatch(inputs, count);
  }
}
