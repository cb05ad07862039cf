import { availableParallelism } from 'node:os';
import { writeModelFolder } from '../adapters/files/model-directory.js';
import { createForestTrainer } from '../adapters/native/forest.js';
import type { CandleColumns, StreamKey } from '../core/candle.js';
import type { ModelManifest } from '../core/manifest.js';
import { manifestText } from '../core/manifest-schema.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import { FOREST_DEFAULTS, trainModel } from '../learning/train.js';
import { trainingTable } from '../research/studies/training-input.js';

export interface DemoModel {
  readonly manifest: ModelManifest;
  /** Confidence that a given share of the training bars reach, judged by trees that had not seen them. */
  readonly confidenceThreshold: number;
}

/** Trains the article's forest on the first part of the history and writes it to `dir`. */
export async function trainDemoModel(
  candles: CandleColumns,
  options: {
    readonly stream: StreamKey;
    readonly calendar: Calendar;
    readonly maxGapBars: number;
    readonly dir: string;
    /** Share of bars that shall bring a signal. */
    readonly signalShare: number;
    readonly nowMs: number;
    readonly signal: AbortSignal;
    readonly onProgress: (done: number, total: number) => void;
  },
): Promise<DemoModel> {
  const { stream, calendar, maxGapBars } = options;
  const table = trainingTable(candles, 1, {
    timeframeMs: timeframeMs(stream.timeframe),
    calendar,
    maxGapBars,
  });
  const { model, manifest, outOfBag } = await trainModel(
    createForestTrainer(),
    table,
    { ...FOREST_DEFAULTS, threads: availableParallelism() },
    stream,
    options.nowMs,
    { onProgress: options.onProgress, signal: options.signal },
  );
  await writeModelFolder(options.dir, model, manifestText(manifest));
  return { manifest, confidenceThreshold: thresholdFor(outOfBag, options.signalShare) };
}

/** The confidence that `share` of the out-of-bag predictions reach, to three places. */
function thresholdFor(outOfBag: Float64Array, share: number): number {
  const confidence = outOfBag
    .filter((p) => !Number.isNaN(p))
    .map((p) => Math.abs(p - 0.5) * 2)
    .sort();
  const place = Math.min(confidence.length - 1, Math.floor(confidence.length * (1 - share)));
  return Math.floor((confidence[place] ?? 0.3) * 1000) / 1000;
}
