import { createHash } from 'node:crypto';
import { badInput } from '../core/errors.js';
import { FEATURE_SET_VERSION, type FeatureColumn, MODEL_COLUMNS, MODEL_WIDTH } from '../core/feature-set.js';
import type { ModelManifest } from '../core/manifest.js';
import type { ForestOptions, ForestTrainer, TrainedForest } from '../ports/model.js';
import { fitPlatt } from './calibrate.js';
import { evaluate, outOfBagAuc } from './evaluate.js';
import { FOREST_GRAPH, forestToOnnx } from './onnx/forest-model.js';
import { referenceHistograms } from './reference.js';
import { sliceTable, type TrainingTable } from './training-table.js';

/** The article's forest. */
export const FOREST_DEFAULTS = {
  trees: 300,
  depthMax: 6,
  leafRowsMin: 20,
  featuresPerSplit: 0,
  binsMax: 256,
  seed: 42,
} as const;

/** What the candles were; null where a file does not tell. */
export interface TrainingOrigin {
  readonly exchange: string | null;
  readonly symbol: string | null;
  readonly timeframe: string | null;
}

export interface TrainingHooks {
  /** Called as trees finish, over both forests that are grown. */
  readonly onProgress?: (treesDone: number, treesTotal: number) => void;
  readonly signal?: AbortSignal;
}

export interface TrainedModel {
  /** The bytes of `model.onnx`. */
  readonly model: Uint8Array;
  readonly manifest: ModelManifest;
  /** Raw P(up) of each training row by the trees that did not see it; NaN where every tree did. */
  readonly outOfBag: Float64Array;
}

/** Rows that are worth training on: below this the article's leaf of 20 rows leaves no room for a tree. */
const ROWS_MIN = 200;

/**
 * Trains the model that ships, and says honestly how good its like is: a first forest sees the first four fifths (less
 * the last `horizonBars` rows, whose labels look into the rest) and is judged on the last fifth; then a second is fitted to
 * all rows with the same settings. The manifest holds the figures of the first, and calibration, reference and out-of-bag
 * AUC of the second. Equal rows, labels and options give equal bytes of the model at any number of threads.
 */
export async function trainModel(
  trainer: ForestTrainer,
  table: TrainingTable,
  options: ForestOptions,
  origin: TrainingOrigin,
  nowMs: number,
  hooks: TrainingHooks = {},
): Promise<TrainedModel> {
  if (table.length < ROWS_MIN) {
    throw badInput(
      'E_TRAIN_ROWS',
      `${table.length} complete rows are too few to train on; ${ROWS_MIN} are needed`,
      'give a longer history',
    );
  }
  const cut = Math.floor((table.length * 4) / 5);
  const seen = sliceTable(table, 0, cut - table.horizonBars);
  const heldOut = sliceTable(table, cut, table.length);
  const grow = (part: TrainingTable, before: number) =>
    trainer.train(part.rows, part.labels, MODEL_WIDTH, options, {
      onProgress: (done) => hooks.onProgress?.(before + done, 2 * options.trees),
      ...(hooks.signal ? { signal: hooks.signal } : {}),
    });

  const judged = await grow(seen, 0);
  const figures = evaluate(
    await trainer.predict(judged.forest, heldOut.rows),
    heldOut.labels,
    fitPlatt(judged.outOfBag, seen.labels),
    seen.labels.reduce((sum, up) => sum + up, 0) / seen.length,
  );

  const shipped = await grow(table, options.trees);
  const grown = describeForest(shipped, table, options, origin, nowMs);
  const evaluation: ModelManifest['evaluation'] = {
    trainedRows: seen.length,
    heldOutRows: heldOut.length,
    heldOutFromMs: heldOut.openMs[0]!,
    heldOutToMs: heldOut.openMs[heldOut.length - 1]!,
    heldOutAuc: figures.auc,
    outOfBagAuc: outOfBagAuc(shipped.outOfBag, table.labels),
    brier: figures.brier,
    brierCalibrated: figures.brierCalibrated,
    brierBaseRate: figures.brierBaseRate,
  };
  return {
    model: grown.model,
    manifest: { ...grown.manifest, evaluation },
    outOfBag: shipped.outOfBag,
  };
}

/** The file of a grown forest and its manifest, not yet judged on anything (`evaluation` is null). */
export function describeForest(
  grown: TrainedForest,
  table: TrainingTable,
  options: ForestOptions,
  origin: TrainingOrigin,
  nowMs: number,
): { readonly model: Uint8Array; readonly manifest: ModelManifest } {
  const model = forestToOnnx(grown.forest);
  const { threads: _, seed, ...parameters } = options;
  const manifest: ModelManifest = {
    manifestVersion: 1,
    kind: 'forest',
    featureSet: FEATURE_SET_VERSION,
    columns: MODEL_COLUMNS,
    horizonBars: table.horizonBars,
    input: { name: FOREST_GRAPH.input, type: 'float32' },
    output: { name: FOREST_GRAPH.probabilities, form: 'tensor', upIndex: 1 },
    // By construction: every sum of leaf weights is exact, in any order.
    batchable: true,
    sha256: createHash('sha256').update(model).digest('hex'),
    calibration: fitPlatt(grown.outOfBag, table.labels),
    training: {
      ...origin,
      fromMs: table.openMs[0]!,
      toMs: table.openMs[table.length - 1]!,
      rows: table.length,
      seed,
      parameters: { ...parameters, classWeight: 'balanced' },
    },
    evaluation: null,
    reference: referenceHistograms(table.rows, table.length),
    featureImportance: Object.fromEntries(
      MODEL_COLUMNS.map((column, c) => [column, grown.importance[c]!]),
    ) as Record<FeatureColumn, number>,
    imported: null,
    createdAt: new Date(nowMs).toISOString(),
  };
  return { model, manifest };
}
