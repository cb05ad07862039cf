import { applyCalibration } from '../../core/calibration.js';
import { badInput, messageOf } from '../../core/errors.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS, MODEL_FROM, MODEL_WIDTH } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { NoPredictionReason, Prediction } from '../../core/signal.js';
import type { Classifier } from '../../ports/model.js';
import type { FeatureRow } from '../features/index.js';

/** Rows handed to a model at a time: enough to keep it busy, few enough to stay small. */
const BATCH_ROWS = 4096;

export interface InferenceLayer {
  /** The prediction for one bar, or why there is none. A failing model is a value here; see {@link lastFault}. */
  predict(row: FeatureRow): Promise<Prediction | NoPredictionReason>;
  /**
   * Many rows at once, for spans already complete: `inputs` is count × MODEL_WIDTH, row after row. Each answer equals
   * that of `predict` for the same row. Rejects when the model itself fails.
   */
  predictBatch(
    inputs: Float64Array,
    count: number,
    onRows?: (done: number) => void,
  ): Promise<PredictionBatch>;
  /** What went wrong at the last prediction; null when it went well. */
  lastFault(): string | null;
}

/** Element i is row i. */
export interface PredictionBatch {
  /** P(up), raw; NaN where the model's answer is no probability. */
  readonly probabilityUp: Float64Array;
  readonly probabilityUpCalibrated: Float64Array;
  /** 1 where the answer is no probability: an `inference_fault`. */
  readonly fault: Uint8Array;
}

/** The inference layer. Throws `E_MODEL_FEATURES` when the model was trained on other features than these. */
export function createInferenceLayer(options: { readonly classifier: Classifier }): InferenceLayer {
  const { classifier } = options;
  const { manifest } = classifier;
  checkFeatures(manifest);
  let fault: string | null = null;

  return {
    async predict(row) {
      if (row.status !== 'ok') return row.status;
      let p: number | undefined;
      try {
        [p] = await classifier.predict(row.values.slice(MODEL_FROM, MODEL_FROM + MODEL_WIDTH), 1);
      } catch (error) {
        fault = `the model failed: ${messageOf(error)}`;
        return 'inference_fault';
      }
      if (!isProbability(p)) {
        fault = `the model answered ${p}, which is no probability`;
        return 'inference_fault';
      }
      fault = null;
      return {
        openMs: row.openMs,
        probabilityUp: p,
        probabilityUpCalibrated: applyCalibration(manifest.calibration, p),
        modelHash: manifest.sha256,
      };
    },

    async predictBatch(inputs, count, onRows) {
      // A model whose batched and single answers differ is asked row by row, so that backtest equals live.
      const step = manifest.batchable ? BATCH_ROWS : 1;
      const probabilityUp = new Float64Array(count);
      for (let from = 0; from < count; from += step) {
        const rows = Math.min(step, count - from);
        const slice = inputs.subarray(from * MODEL_WIDTH, (from + rows) * MODEL_WIDTH);
        probabilityUp.set(await classifier.predict(slice, rows), from);
        onRows?.(from + rows);
      }
      const bad = new Uint8Array(count);
      const probabilityUpCalibrated = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        if (!isProbability(probabilityUp[i])) {
          bad[i] = 1;
          probabilityUp[i] = Number.NaN;
        }
        probabilityUpCalibrated[i] = applyCalibration(manifest.calibration, probabilityUp[i]!);
      }
      return { probabilityUp, probabilityUpCalibrated, fault: bad };
    },

    lastFault: () => fault,
  };
}

function isProbability(p: number | undefined): p is number {
  return p !== undefined && p >= 0 && p <= 1;
}

function checkFeatures(manifest: ModelManifest): void {
  const remedy = 'train a model with this version of redbutton, or name another model folder';
  if (manifest.featureSet !== FEATURE_SET_VERSION) {
    throw badInput(
      'E_MODEL_FEATURES',
      `the model was trained on feature set ${JSON.stringify(manifest.featureSet)}, this is ${FEATURE_SET_VERSION}`,
      remedy,
    );
  }
  if (manifest.columns.join() !== MODEL_COLUMNS.join()) {
    throw badInput(
      'E_MODEL_FEATURES',
      `the model's columns are ${manifest.columns.join()}, expected ${MODEL_COLUMNS.join()}`,
      remedy,
    );
  }
}
