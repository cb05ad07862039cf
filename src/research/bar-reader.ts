import { type Candle, type CandleColumns, sliceCandles } from '../core/candle.js';
import { FEATURE_COLUMNS, MODEL_WIDTH } from '../core/feature-set.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { FeatureSpan, PredictionBatch, StreamSetup } from '../pipeline/layer-ports.js';
import type { Rejection } from '../ports.js';
import type { SimulatedClock } from './simulated-clock.js';

const WIDTH = FEATURE_COLUMNS.length;
const NO_CANDLE: Candle = { openMs: 0, open: 0, high: 0, low: 0, close: 0, volume: 0 };

/** Candles of one stream: all at once, or in spans of any length (a file or a store too long for memory). */
export type CandleSource = CandleColumns | AsyncIterable<CandleColumns>;

/** Accepted bars in a row, with what layers 1 to 3 made of them. */
export interface BarSpan {
  readonly length: number;
  readonly rejections: readonly Rejection[];
  /** Rows of the source that this span used up. */
  readonly rows: number;
  candle(i: number): Candle;
  missingBars(i: number): number;
  /** All feature columns of bar i where a model may use them, else null; written into `into` where that is given. */
  features(i: number, into?: Float64Array): Float64Array | null;
  prediction(i: number): Prediction | NoPredictionReason;
}

export interface BarReaderOptions {
  readonly source: CandleSource;
  readonly setup: StreamSetup;
  readonly clock: SimulatedClock;
  readonly barMs: number;
  readonly modelHash: string;
  /** Raw P(up) of each row of the source in place of the model; NaN = no prediction. Not calibrated. */
  readonly givenProbabilities?: Float64Array;
  readonly spanBars: number;
}

/**
 * Reads a stream's candles span by span: ingestion judges them one by one, features and predictions are computed for the
 * whole span. Equal to layers 1 to 3 of a live run, bit for bit.
 */
export async function* readBars(options: BarReaderOptions): AsyncGenerator<BarSpan> {
  let first = 0;
  for await (const columns of spansOf(options.source, options.spanBars)) {
    yield await readSpan(options, columns, first);
    first += columns.length;
  }
}

async function readSpan(options: BarReaderOptions, columns: CandleColumns, first: number): Promise<BarSpan> {
  const { setup, clock, barMs, givenProbabilities, modelHash } = options;
  const candles: Candle[] = [];
  const missing = new Float64Array(columns.length);
  const kept = new Uint32Array(columns.length);
  const rejections: Rejection[] = [];
  // One object for all rows, since ingestion keeps none of what it is given.
  const raw: { -readonly [K in keyof Candle]: Candle[K] } = { ...NO_CANDLE };
  for (let i = 0; i < columns.length; i++) {
    raw.openMs = columns.openMs[i]!;
    raw.open = columns.open[i]!;
    raw.high = columns.high[i]!;
    raw.low = columns.low[i]!;
    raw.close = columns.close[i]!;
    raw.volume = columns.volume[i]!;
    clock.setWallMs(raw.openMs + barMs);
    const accepted = setup.ingestion.accept(raw);
    if (accepted.kind === 'rejected') {
      rejections.push(accepted.rejection);
      continue;
    }
    missing[candles.length] = accepted.missingBars;
    kept[candles.length] = i;
    candles.push(accepted.candle);
  }
  const length = candles.length;
  const features = setup.features.pushSpan(length === columns.length ? columns : pick(columns, kept, length));
  // Row after row, since each bar's row is read by itself, and with many streams never from a warm cache.
  const rows = new Float64Array(length * WIDTH);
  for (let i = 0; i < length; i++) {
    for (let c = 0; c < WIDTH; c++) rows[i * WIDTH + c] = features.values[c * length + i]!;
  }
  const answer = givenProbabilities
    ? givenAnswer(givenProbabilities, first, kept, length)
    : await modelAnswer(setup, features, rows, length);
  return {
    length,
    rejections,
    rows: columns.length,
    candle: (i) => candles[i]!,
    missingBars: (i) => missing[i]!,
    features(i, into = new Float64Array(WIDTH)) {
      if (features.status(i) !== 'ok') return null;
      for (let c = 0; c < WIDTH; c++) into[c] = rows[i * WIDTH + c]!;
      return into;
    },
    prediction(i) {
      const row = answer.row(i);
      if (typeof row === 'string') return row;
      if (answer.batch.fault[row] === 1) return 'inference_fault';
      return {
        openMs: candles[i]!.openMs,
        probabilityUp: answer.batch.probabilityUp[row]!,
        probabilityUpCalibrated: answer.batch.probabilityUpCalibrated[row]!,
        modelHash,
      };
    },
  };
}

interface Answer {
  readonly batch: PredictionBatch;
  /** Row of the batch that answers bar i, or why there is none. */
  row(i: number): number | NoPredictionReason;
}

async function modelAnswer(
  setup: StreamSetup,
  features: FeatureSpan,
  values: Float64Array,
  length: number,
): Promise<Answer> {
  const rows = new Uint32Array(length);
  let count = 0;
  for (let i = 0; i < length; i++) if (features.status(i) === 'ok') rows[i] = count++;
  const inputs = new Float64Array(count * MODEL_WIDTH);
  for (let i = 0; i < length; i++) {
    if (features.status(i) !== 'ok') continue;
    const at = rows[i]! * MODEL_WIDTH;
    // Column 0 is log_return, which is no input.
    for (let c = 0; c < MODEL_WIDTH; c++) inputs[at + c] = values[i * WIDTH + c + 1]!;
  }
  const batch = await setup.inference.predictBatch(inputs, count);
  return {
    batch,
    row(i) {
      const status = features.status(i);
      return status === 'ok' ? rows[i]! : status;
    },
  };
}

function givenAnswer(given: Float64Array, first: number, kept: Uint32Array, length: number): Answer {
  const probability = new Float64Array(length);
  for (let i = 0; i < length; i++) probability[i] = given[first + kept[i]!] ?? Number.NaN;
  return {
    batch: {
      probabilityUp: probability,
      probabilityUpCalibrated: probability,
      fault: new Uint8Array(length),
    },
    row: (i) => (Number.isNaN(probability[i]!) ? 'warming_up' : i),
  };
}

async function* spansOf(source: CandleSource, spanBars: number): AsyncGenerator<CandleColumns> {
  const parts = Symbol.asyncIterator in source ? source : [source];
  for await (const part of parts) {
    for (let from = 0; from < part.length; from += spanBars) {
      yield sliceCandles(part, from, Math.min(part.length, from + spanBars));
    }
  }
}

function pick(candles: CandleColumns, rows: Uint32Array, length: number): CandleColumns {
  const column = (values: Float64Array) => {
    const picked = new Float64Array(length);
    for (let k = 0; k < length; k++) picked[k] = values[rows[k]!]!;
    return picked;
  };
  return {
    length,
    openMs: column(candles.openMs),
    open: column(candles.open),
    high: column(candles.high),
    low: column(candles.low),
    close: column(candles.close),
    volume: column(candles.volume),
  };
}
