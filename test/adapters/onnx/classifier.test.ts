import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeModelFolder } from '../../../src/adapters/files/model-directory.js';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { createClassifier, loadClassifier } from '../../../src/adapters/onnx/classifier.js';
import { openSession } from '../../../src/adapters/onnx/session.js';
import { MODEL_WIDTH } from '../../../src/core/feature-set.js';
import type { ModelManifest } from '../../../src/core/manifest.js';
import { manifestText } from '../../../src/core/manifest-schema.js';
import { type TrainedModel, trainModel } from '../../../src/learning/train.js';
import { EXTERNAL_WEIGHTS, externalModel } from '../../support/external-models.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

const data = labelledRows(6000, 41, 0.4);
const table = {
  length: 6000,
  ...data,
  openMs: Float64Array.from({ length: 6000 }, (_, i) => i * 60_000),
  horizonBars: 1,
};
const origin = { exchange: null, symbol: null, timeframe: '1m' };
let dir: string;
let trained: TrainedModel;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'redbutton-classifier-'));
  trained = await trainModel(createForestTrainer(), table, forestOptions({ trees: 60 }), origin, 0);
});
afterAll(() => rm(dir, { recursive: true }));

async function folder(name: string, change: (manifest: ModelManifest) => object = (manifest) => manifest) {
  const target = path.join(dir, name);
  await writeModelFolder(target, trained.model, JSON.stringify(change(trained.manifest)));
  return target;
}

describe('a classifier', () => {
  it('gives the same bits for a batch, for single rows, and for rows asked at once', async () => {
    const classifier = await loadClassifier(await folder('good'));
    const batch = await classifier.predict(data.rows, 6000);
    const rowOf = (i: number) => data.rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH);
    for (let i = 0; i < 300; i++) expect((await classifier.predict(rowOf(i), 1))[0]).toBe(batch[i]);
    // Many callers share the one-row memory: none may see another's row.
    const atOnce = await Promise.all(
      Array.from({ length: 300 }, (_, i) => classifier.predict(rowOf(5999 - i), 1)),
    );
    atOnce.forEach((answer, i) => {
      expect(answer[0]).toBe(batch[5999 - i]);
    });
    expect(await classifier.predict(new Float64Array(0), 0)).toEqual(new Float64Array(0));
    await classifier.close();
  });

  it('takes double input, and one column of probability', async () => {
    const session = await openSession(externalModel({ element: 'float64', output: 'column' }), 'm.onnx');
    const classifier = createClassifier(session, {
      ...trained.manifest,
      input: { name: 'input', type: 'float64' },
      output: { name: 'p', form: 'tensor', upIndex: 0 },
      batchable: false,
    });
    const answers = await classifier.predict(data.rows.subarray(0, 5 * MODEL_WIDTH), 5);
    for (let i = 0; i < 5; i++) {
      const logit = EXTERNAL_WEIGHTS.reduce((sum, w, c) => sum + w * data.rows[i * MODEL_WIDTH + c]!, 0);
      expect(answers[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 12);
    }
    await classifier.close();
  });

  it('passes on what is not finite for the layer to refuse, and continues', async () => {
    const session = await openSession(externalModel({ notFinite: true }), 'm.onnx');
    const classifier = createClassifier(session, {
      ...trained.manifest,
      input: { name: 'input', type: 'float32' },
      output: { name: 'probabilities', form: 'tensor', upIndex: 1 },
    });
    expect(await classifier.predict(data.rows.subarray(0, MODEL_WIDTH), 1)).toEqual(
      Float64Array.of(Number.NaN),
    );
    await classifier.close();
  });

  it('rejects when its output does not hold what the manifest says', async () => {
    const session = await openSession(externalModel({ output: 'column' }), 'm.onnx');
    const classifier = createClassifier(session, {
      ...trained.manifest,
      input: { name: 'input', type: 'float32' },
      output: { name: 'p', form: 'tensor', upIndex: 1 },
    });
    await expect(classifier.predict(data.rows.subarray(0, MODEL_WIDTH), 1)).rejects.toMatchObject({
      code: 'E_MODEL_OUTPUT',
    });
    await classifier.close();
  });
});

describe('loading a model folder', () => {
  it.each([
    ['another feature set', { featureSet: 'v2' }, 'E_MODEL_FEATURES'],
    ['another order', { columns: ['bb_width', 'rsi', 'volatility'] }, 'E_MODEL_COLUMNS'],
    ['an unknown column', { columns: ['macd'] }, 'E_MODEL_MANIFEST'],
    ['another sha256', { sha256: '0'.repeat(64) }, 'E_MODEL_SHA256'],
    ['an unknown key', { owner: 'me' }, 'E_MODEL_MANIFEST'],
    ['a rising calibration', { calibration: { kind: 'platt', a: 0.5, b: 0 } }, 'E_MODEL_MANIFEST'],
    ['another output', { output: { name: 'q', form: 'tensor', upIndex: 1 } }, 'E_MODEL_GRAPH'],
    ['another version', { manifestVersion: 2 }, 'E_MODEL_MANIFEST'],
  ])('refuses %s', async (name, change, code) => {
    const target = await folder(name.replaceAll(' ', '-'), (manifest) => ({ ...manifest, ...change }));
    await expect(loadClassifier(target)).rejects.toMatchObject({ code, exitCode: 2 });
  });

  it('refuses missing and damaged files, naming them', async () => {
    const missing = await loadClassifier(path.join(dir, 'nowhere')).catch((error) => error);
    expect(missing).toMatchObject({ code: 'E_MODEL_MISSING' });
    expect(missing.message).toContain(path.join(dir, 'nowhere', 'manifest.json'));

    const cut = await folder('cut');
    const model = await readFile(path.join(cut, 'model.onnx'));
    await writeFile(path.join(cut, 'model.onnx'), model.subarray(0, model.length / 2));
    await expect(loadClassifier(cut)).rejects.toMatchObject({ code: 'E_MODEL_SHA256' });

    const flipped = await folder('flipped');
    model[1000]! ^= 1;
    await writeFile(path.join(flipped, 'model.onnx'), model);
    await expect(loadClassifier(flipped)).rejects.toMatchObject({ code: 'E_MODEL_SHA256' });

    await rm(path.join(flipped, 'model.onnx'));
    await expect(loadClassifier(flipped)).rejects.toMatchObject({ code: 'E_MODEL_MISSING' });

    const text = manifestText(trained.manifest);
    await writeFile(path.join(cut, 'manifest.json'), text.slice(0, 100));
    await expect(loadClassifier(cut)).rejects.toMatchObject({ code: 'E_MODEL_MANIFEST' });
  });
});
