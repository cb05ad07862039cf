import { type Candle, type CandleColumns, sliceCandles } from '../../core/candle.js';
import { FEATURE_COLUMNS, MODEL_FROM, MODEL_WIDTH } from '../../core/feature-set.js';
import type { QuarantinedRow } from '../../core/records.js';
import type { NoPredictionReason, Prediction } from '../../core/signal.js';
import type { StreamLayers } from '../../pipeline/stream-layers.js';
import type { FeatureColumnsOut } from '../../ports/model.js';
import type { SimulatedClock } from './simulated-clock.js';

const WIDTH = FEATURE_COLUMNS.length;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Candles of one stream: all at once, or in spans of any length (a file or a store too long for memory). */
export type CandleSource = CandleColumns | AsyncIterable<CandleColumns>;

/** Accepted bars in a row, with what layers 1 to 3 made of them. Good until the next span is asked for. */
export interface BarSpan {
  readonly length: number;
  readonly quarantined: readonly QuarantinedRow[];
  /** Rows of the source that this span used up. */
  readonly rows: number;
  openMs(i: number): number;
  missingBars(i: number): number;
  /** Bar i; written into `into` where that is given, which then is what is returned. */
  candle(i: number, into?: Writable<Candle>): Candle;
  /** All feature columns of bar i where a model may use them, else null. */
  features(i: number, into?: Float64Array): Float64Array | null;
  prediction(i: number, into?: Writable<Prediction>): Prediction | NoPredictionReason;
}

/** One bar's memory, for a run that keeps no record of its bars: most of what a bar costs is making objects for it. */
export interface BarScratch {
  readonly candle: Writable<Candle>;
  readonly features: Float64Array;
  readonly prediction: Writable<Prediction>;
}

export function createBarScratch(modelHash: string): BarScratch {
  // Numbers with a fraction from the start: a field that begins as a whole one changes its form later, and all readers with it.
  return {
    candle: { openMs: 0.5, open: 0.5, high: 0.5, low: 0.5, close: 0.5, volume: 0.5 },
    features: new Float64Array(WIDTH),
    prediction: { openMs: 0.5, probabilityUp: 0.5, probabilityUpCalibrated: 0.5, modelHash },
  };
}

export interface BarReaderOptions {
  readonly source: CandleSource;
  readonly layers: StreamLayers;
  readonly clock: SimulatedClock;
  readonly barMs: number;
  readonly modelHash: string;
  /** Raw P(up) of each row of the source in place of the model; NaN = no prediction. Not calibrated. */
  readonly givenProbabilities?: Float64Array;
  readonly spanBars: number;
  /** For spans of at most `spanBars`. Readers may share it that never read at the same time. */
  readonly work: SpanWork;
}

/**
 * Reads a stream's candles span by span: ingestion judges them one by one, features and predictions are computed for the
 * whole span. Equal to layers 1 to 3 of a live run, bit for bit.
 */
export async function* readBars(options: BarReaderOptions): AsyncGenerator<BarSpan> {
  // Every span of the reader is told in the same memory: touching new memory would cost more than the work itself.
  const rows = new Float64Array(options.spanBars * ROW);
  let first = 0;
  for await (const columns of spansOf(options.source, options.spanBars)) {
    yield await readSpan(options, rows, columns, first);
    first += columns.length;
  }
}

/**
 * A bar's row while its span lasts: what is asked of one bar stands together, since with many streams in turn each place
 * of its own would be memory that the processor has just forgotten.
 */
const CANDLE_AT = 0;
const MISSING_AT = 6;
/** 0, or the place in REASONS and one. */
const SILENT_AT = 7;
const P_AT = 8;
const CALIBRATED_AT = 9;
/** 1 where a model may use the features. */
const USABLE_AT = 10;
const FEATURES_AT = 11;
const ROW = FEATURES_AT + WIDTH;
const REASONS: readonly NoPredictionReason[] = ['warming_up', 'no_value', 'hole', 'inference_fault'];

/** What a span is worked out in; nothing of it is needed once the span can be read. */
export interface SpanWork {
  readonly raw: Writable<Candle>;
  readonly kept: Uint32Array;
  readonly features: FeatureColumnsOut;
  readonly inputs: Float64Array;
}

export function createSpanWork(bars: number): SpanWork {
  return {
    raw: createBarScratch('').candle,
    kept: new Uint32Array(bars),
    features: { length: bars, values: new Float64Array(bars * WIDTH), valid: new Uint8Array(bars) },
    inputs: new Float64Array(bars * MODEL_WIDTH),
  };
}

async function readSpan(
  options: BarReaderOptions,
  rows: Float64Array,
  columns: CandleColumns,
  first: number,
): Promise<BarSpan> {
  const { work } = options;
  const { length, quarantined } = acceptRows(options, rows, columns);
  const candles = length === columns.length ? columns : pick(columns, work.kept, length);
  const features = options.layers.featuresOf(candles, work.features);
  for (let c = 0; c < WIDTH; c++) {
    for (let i = 0, at = c * length; i < length; i++)
      rows[i * ROW + FEATURES_AT + c] = features.values[at + i]!;
  }
  for (let i = 0; i < length; i++) {
    const status = features.status(i);
    rows[i * ROW + USABLE_AT] = status === 'ok' ? 1 : 0;
    rows[i * ROW + SILENT_AT] = status === 'ok' ? 0 : 1 + REASONS.indexOf(status);
  }
  if (options.givenProbabilities === undefined) await predict(options, rows, length);
  else takeGiven(options.givenProbabilities, first, work.kept, rows, length);
  return new Rows(rows, length, quarantined, columns.length, options.modelHash);
}

/** Layer 1: the accepted rows are written into memory, one after the other. */
function acceptRows(
  { layers, clock, barMs, work: { raw, kept } }: BarReaderOptions,
  rows: Float64Array,
  columns: CandleColumns,
): { readonly length: number; readonly quarantined: readonly QuarantinedRow[] } {
  const quarantined: QuarantinedRow[] = [];
  let length = 0;
  for (let i = 0; i < columns.length; i++) {
    // One object for all rows, since ingestion keeps none of what it is given.
    raw.openMs = columns.openMs[i]!;
    raw.open = columns.open[i]!;
    raw.high = columns.high[i]!;
    raw.low = columns.low[i]!;
    raw.close = columns.close[i]!;
    raw.volume = columns.volume[i]!;
    clock.setWallMs(raw.openMs + barMs);
    const accepted = layers.accept(raw);
    if (accepted.kind === 'quarantined') {
      quarantined.push(accepted.row);
      continue;
    }
    const at = length * ROW;
    rows[at + CANDLE_AT] = raw.openMs;
    rows[at + CANDLE_AT + 1] = raw.open;
    rows[at + CANDLE_AT + 2] = raw.high;
    rows[at + CANDLE_AT + 3] = raw.low;
    rows[at + CANDLE_AT + 4] = raw.close;
    rows[at + CANDLE_AT + 5] = raw.volume;
    rows[at + MISSING_AT] = accepted.missingBars;
    kept[length++] = i;
  }
  return { length, quarantined };
}

/** Layer 3 for every bar that a model may be asked about. */
async function predict(
  { layers, work: { inputs } }: BarReaderOptions,
  rows: Float64Array,
  length: number,
): Promise<void> {
  let count = 0;
  for (let i = 0; i < length; i++) {
    if (rows[i * ROW + SILENT_AT] !== 0) continue;
    const from = i * ROW + FEATURES_AT + MODEL_FROM;
    for (let c = 0; c < MODEL_WIDTH; c++) inputs[count * MODEL_WIDTH + c] = rows[from + c]!;
    count++;
  }
  const batch = await layers.predict(inputs.subarray(0, count * MODEL_WIDTH), count);
  for (let i = 0, row = 0; i < length; i++) {
    const at = i * ROW;
    if (rows[at + SILENT_AT] !== 0) continue;
    if (batch.fault[row] === 1) rows[at + SILENT_AT] = 1 + REASONS.indexOf('inference_fault');
    rows[at + P_AT] = batch.probabilityUp[row]!;
    rows[at + CALIBRATED_AT] = batch.probabilityUpCalibrated[row]!;
    row++;
  }
}

/** A given probability stands in for the whole of layer 3, also where the features have no value yet. */
function takeGiven(
  given: Float64Array,
  first: number,
  kept: Uint32Array,
  rows: Float64Array,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    const at = i * ROW;
    const p = given[first + kept[i]!] ?? Number.NaN;
    rows[at + SILENT_AT] = Number.isNaN(p) ? 1 + REASONS.indexOf('warming_up') : 0;
    rows[at + P_AT] = p;
    rows[at + CALIBRATED_AT] = p;
  }
}

/** A class, since the bars of many streams are read in turn: its methods are one for all spans, and can be inlined. */
class Rows implements BarSpan {
  readonly length: number;
  readonly quarantined: readonly QuarantinedRow[];
  readonly rows: number;
  readonly #rows: Float64Array;
  readonly #modelHash: string;

  constructor(
    rows: Float64Array,
    length: number,
    quarantined: readonly QuarantinedRow[],
    rowsUsed: number,
    modelHash: string,
  ) {
    this.length = length;
    this.quarantined = quarantined;
    this.rows = rowsUsed;
    this.#rows = rows;
    this.#modelHash = modelHash;
  }

  openMs(i: number): number {
    return this.#rows[i * ROW]!;
  }

  missingBars(i: number): number {
    return this.#rows[i * ROW + MISSING_AT]!;
  }

  candle(i: number, into: Writable<Candle> = createBarScratch('').candle): Candle {
    const rows = this.#rows;
    const at = i * ROW + CANDLE_AT;
    into.openMs = rows[at]!;
    into.open = rows[at + 1]!;
    into.high = rows[at + 2]!;
    into.low = rows[at + 3]!;
    into.close = rows[at + 4]!;
    into.volume = rows[at + 5]!;
    return into;
  }

  features(i: number, into?: Float64Array): Float64Array | null {
    const rows = this.#rows;
    const at = i * ROW;
    if (rows[at + USABLE_AT] === 0) return null;
    const out = into ?? new Float64Array(WIDTH);
    for (let c = 0; c < WIDTH; c++) out[c] = rows[at + FEATURES_AT + c]!;
    return out;
  }

  prediction(i: number, into?: Writable<Prediction>): Prediction | NoPredictionReason {
    const rows = this.#rows;
    const at = i * ROW;
    const silent = rows[at + SILENT_AT]!;
    if (silent !== 0) return REASONS[silent - 1]!;
    const out = into ?? createBarScratch(this.#modelHash).prediction;
    out.openMs = rows[at]!;
    out.probabilityUp = rows[at + P_AT]!;
    out.probabilityUpCalibrated = rows[at + CALIBRATED_AT]!;
    return out;
  }
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
