import { writeModelFolder } from '../../adapters/files/model-directory.js';
import { createForestTrainer } from '../../adapters/native/forest.js';
import type { ModelManifest } from '../../core/manifest.js';
import { manifestText } from '../../core/manifest-schema.js';
import { trainModel } from '../../learning/train.js';
import type { ForestOptions } from '../../ports/model.js';
import { readTrainingInput, type TrainingInput, type TrainingInputOptions } from './training-input.js';

export interface TrainingStudy {
  /** The candle file. */
  readonly candles: string;
  /** The folder that the model is written to. */
  readonly out: string;
  readonly rows: Omit<TrainingInputOptions, 'nowMs'>;
  readonly forest: ForestOptions;
  /** Noted in the manifest. */
  readonly exchange: string | undefined;
  readonly symbol: string | undefined;
  readonly onProgress: (treesDone: number, trees: number) => void;
  readonly signal: AbortSignal;
}

/** Trains a model on a candle file and writes it. */
export async function studyTraining(
  study: TrainingStudy,
): Promise<{ readonly input: TrainingInput; readonly manifest: ModelManifest }> {
  const input = await readTrainingInput(study.candles, { ...study.rows, nowMs: Date.now() });
  const origin = {
    exchange: study.exchange ?? null,
    symbol: study.symbol ?? null,
    timeframe: input.timeframe,
  };
  const trees = 2 * study.forest.trees;
  study.onProgress(0, trees);
  const { model, manifest } = await trainModel(
    createForestTrainer(),
    input.table,
    study.forest,
    origin,
    Date.now(),
    {
      onProgress: (done) => study.onProgress(done, trees),
      signal: study.signal,
    },
  );
  await writeModelFolder(study.out, model, manifestText(manifest));
  return { input, manifest };
}
