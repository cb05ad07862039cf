import type { CandleColumns } from '../core/candle.js';
import type { ChallengeResult, ModelManifest } from '../core/manifest.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import { type ChallengeRules, challenge } from '../learning/challenge.js';
import { type TrainedModel, type TrainingOrigin, trainModel } from '../learning/train.js';
import { mergeTables, sliceTable } from '../learning/training-table.js';
import { trainingRows } from '../pipeline/training-rows.js';
import type { Classifier, FeatureKernel, ForestOptions, ForestTrainer } from '../ports/model.js';

/** What a retraining works on; plain data, so that another process can be told it. */
export interface RetrainRequest {
  /** All of one timeframe. */
  readonly streams: readonly { readonly candles: CandleColumns; readonly calendar: Calendar }[];
  readonly timeframe: string;
  readonly maxGapBars: number;
  readonly origin: TrainingOrigin;
  readonly forest: ForestOptions;
  readonly rules: Omit<ChallengeRules, 'rowsPerBar' | 'timeframeMs'>;
  readonly nowMs: number;
}

export interface RetrainAnswer {
  readonly challenge: ChallengeResult;
  /** The challenger that would ship, with its challenge in the manifest; null where nothing could be compared. */
  readonly trained: Pick<TrainedModel, 'model' | 'manifest'> | null;
}

export interface RetrainParts {
  readonly trainer: ForestTrainer;
  readonly kernel: FeatureKernel;
  readonly champion: Classifier;
  /** Forests grown, of so many. */
  readonly onProgress?: (done: number, forests: number) => void;
  readonly signal?: AbortSignal;
}

/** Forests that {@link trainModel} grows. */
const FINAL_FORESTS = 2;

/**
 * Champion and challenger on the same folds, and then the challenger that would ship, fitted to the newest rows: won or
 * lost, since a refused challenger is kept with its figures too.
 */
export async function retrain(request: RetrainRequest, parts: RetrainParts): Promise<RetrainAnswer> {
  const { champion, signal, onProgress } = parts;
  const { horizonBars } = champion.manifest;
  const barMs = timeframeMs(request.timeframe);
  const { maxGapBars } = request;
  const table = mergeTables(
    request.streams.map(({ candles, calendar }) =>
      trainingRows(parts.kernel, candles, horizonBars, { timeframeMs: barMs, calendar, maxGapBars }),
    ),
  );
  const rules = {
    ...request.rules,
    timeframeMs: barMs,
    rowsPerBar: request.streams.length,
  };
  const forests = rules.folds + FINAL_FORESTS;
  const result = await challenge(parts.trainer, champion, table, request.forest, rules, {
    ...(signal ? { signal } : {}),
    onFold: (done) => onProgress?.(done, forests),
  });
  if (result.reason === 'too_few_rows') return { challenge: result, trained: null };
  const newest = sliceTable(table, Math.max(0, table.length - rules.trainRowsMax), table.length);
  const { model, manifest } = await trainModel(
    parts.trainer,
    newest,
    request.forest,
    request.origin,
    request.nowMs,
    {
      ...(signal ? { signal } : {}),
      onProgress: (done) => onProgress?.(rules.folds + Math.floor(done / request.forest.trees), forests),
    },
  );
  const described: ModelManifest = {
    ...manifest,
    challenge: { ...result, championSha256: champion.manifest.sha256 },
  };
  return { challenge: result, trained: { model, manifest: described } };
}
