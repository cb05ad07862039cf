import { describe, expect, it } from 'vitest';
import { RedbuttonError } from '../../../src/core/errors.js';
import { FEATURE_SET_VERSION, MODEL_COLUMNS, MODEL_WIDTH } from '../../../src/core/feature-set.js';
import type { ModelManifest } from '../../../src/core/manifest.js';
import type { FeatureRow } from '../../../src/pipeline/features/index.js';
import { createInferenceLayer } from '../../../src/pipeline/inference/index.js';
import type { Classifier } from '../../../src/ports/model.js';

const MANIFEST: ModelManifest = {
  manifestVersion: 1,
  kind: 'external',
  featureSet: FEATURE_SET_VERSION,
  columns: MODEL_COLUMNS,
  horizonBars: 1,
  input: { name: 'x', type: 'float32' },
  output: { name: 'p', form: 'tensor', upIndex: 1 },
  batchable: true,
  sha256: 'a'.repeat(64),
  calibration: { kind: 'identity' },
  training: null,
  evaluation: null,
  reference: [],
  featureImportance: {},
  imported: null,
  createdAt: '2024-01-01T00:00:00Z',
};

/** A classifier in plain words: its answer for a row, and how large the batches were that it was asked. */
function classifier(answer: (row: Float64Array) => number, manifest: Partial<ModelManifest> = {}) {
  const batches: number[] = [];
  const port: Classifier = {
    manifest: { ...MANIFEST, ...manifest },
    async predict(rows, count) {
      batches.push(count);
      expect(rows.length).toBe(count * MODEL_WIDTH);
      return Float64Array.from({ length: count }, (_, i) =>
        answer(rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH)),
      );
    },
    close: async () => undefined,
  };
  return { port, batches };
}

const row = (change: Partial<FeatureRow> = {}): FeatureRow => ({
  openMs: 60_000,
  values: Float64Array.from([99, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
  status: 'ok',
  ...change,
});

describe('the inference layer', () => {
  it('gives the model its nine columns and passes the answer on unrounded', async () => {
    const { port } = classifier((inputs) => inputs[0]! + inputs[8]! / 3);
    const layer = createInferenceLayer({ classifier: port });
    expect(await layer.predict(row())).toEqual({
      openMs: 60_000,
      probabilityUp: 0.1 + 0.9 / 3,
      probabilityUpCalibrated: 0.1 + 0.9 / 3,
      modelHash: 'a'.repeat(64),
    });
    expect(layer.lastFault()).toBeNull();
  });

  it('calibrates what Kelly sizes with, and leaves the raw probability alone', async () => {
    const { port } = classifier(() => 0.8, { calibration: { kind: 'platt', a: -0.5, b: 0 } });
    const prediction = await createInferenceLayer({ classifier: port }).predict(row());
    // logit(0.8) = ln 4, halved is ln 2, which is the logit of 2/3.
    expect(prediction).toMatchObject({ probabilityUp: 0.8 });
    if (typeof prediction !== 'string') expect(prediction.probabilityUpCalibrated).toBeCloseTo(2 / 3, 14);
  });

  it.each(['warming_up', 'no_value', 'hole'] as const)(
    'predicts nothing from a row that is %s',
    async (status) => {
      const { port, batches } = classifier(() => 0.7);
      expect(await createInferenceLayer({ classifier: port }).predict(row({ status }))).toBe(status);
      expect(batches).toEqual([]);
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.001, 1.001])(
    'takes %d for a fault, never for a signal',
    async (p) => {
      const { port } = classifier(() => p);
      const layer = createInferenceLayer({ classifier: port });
      expect(await layer.predict(row())).toBe('inference_fault');
      expect(layer.lastFault()).toContain(String(p));
      const batch = await layer.predictBatch(new Float64Array(MODEL_WIDTH), 1);
      expect(batch.fault[0]).toBe(1);
      expect(batch.probabilityUp[0]).toBeNaN();
      expect(batch.probabilityUpCalibrated[0]).toBeNaN();
    },
  );

  it('says why the model failed, and forgets it when it works again', async () => {
    let broken = true;
    const { port } = classifier(() => {
      if (broken) throw new Error('session lost');
      return 0.5;
    });
    const layer = createInferenceLayer({ classifier: port });
    expect(await layer.predict(row())).toBe('inference_fault');
    expect(layer.lastFault()).toBe('the model failed: session lost');
    broken = false;
    expect(await layer.predict(row())).toMatchObject({ probabilityUp: 0.5 });
    expect(layer.lastFault()).toBeNull();
  });

  it.each([true, false])('predicts spans as bar by bar (batchable: %s)', async (batchable) => {
    const { port, batches } = classifier((inputs) => inputs.reduce((sum, x) => sum + x, 0) / 9, {
      batchable,
      calibration: { kind: 'platt', a: -0.9, b: 0.1 },
    });
    const layer = createInferenceLayer({ classifier: port });
    const count = 5000;
    const inputs = Float64Array.from({ length: count * MODEL_WIDTH }, (_, i) => (i % 97) / 97);
    const done: number[] = [];
    const batch = await layer.predictBatch(inputs, count, (rows) => done.push(rows));
    expect(batches).toEqual(batchable ? [4096, 904] : Array(count).fill(1));
    expect(done.at(-1)).toBe(count);
    for (const i of [0, 1, 4095, 4096, 4999]) {
      const values = new Float64Array(10);
      values.set(inputs.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH), 1);
      const single = await layer.predict(row({ values }));
      expect(single).toMatchObject({
        probabilityUp: batch.probabilityUp[i],
        probabilityUpCalibrated: batch.probabilityUpCalibrated[i],
      });
    }
  });

  it('refuses a model of other features', () => {
    const refuse = (manifest: Partial<ModelManifest>) => {
      const { port } = classifier(() => 0.5, manifest);
      return () => createInferenceLayer({ classifier: port });
    };
    expect(refuse({ featureSet: 'v2' })).toThrow(RedbuttonError);
    expect(refuse({ featureSet: 'v2' })).toThrow(/feature set "v2"/);
    expect(refuse({ columns: [...MODEL_COLUMNS].reverse() })).toThrow(/columns are lag_10/);
  });
});
