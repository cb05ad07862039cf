import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createModelDirectory } from '../../src/adapters/files/model-directory.js';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { loadClassifier } from '../../src/adapters/onnx/classifier.js';
import { createRegistry } from '../../src/learning/registry.js';
import { type TrainedModel, trainModel } from '../../src/learning/train.js';
import { forestOptions, labelledRows } from '../support/labelled-rows.js';

let root: string;
let trained: TrainedModel;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'redbutton-registry-'));
  const table = {
    length: 300,
    ...labelledRows(300, 71, 0.5),
    openMs: Float64Array.from({ length: 300 }, (_, i) => i * 60_000),
    horizonBars: 1,
  };
  const origin = { exchange: null, symbol: null, timeframe: null };
  trained = await trainModel(createForestTrainer(), table, forestOptions({ trees: 5 }), origin, 0);
});
afterAll(() => rm(root, { recursive: true }));

/** The model as if made on that day of January 2024. */
function madeOn(day: number): TrainedModel {
  return {
    ...trained,
    manifest: { ...trained.manifest, createdAt: new Date(Date.UTC(2024, 0, day)).toISOString() },
  };
}

it('keeps the newest models, and those in use, whole', async () => {
  const registry = createRegistry(createModelDirectory(path.join(root, 'models')));
  await mkdir(path.join(root, 'models'));
  expect(await registry.list()).toEqual({ models: [], damaged: [] });

  const first = await registry.add(madeOn(1), []);
  for (let day = 2; day <= 7; day++) await registry.add(madeOn(day), [first]);
  const { models } = await registry.list();
  expect(models.map(({ manifest }) => manifest.createdAt.slice(8, 10))).toEqual([
    '01',
    '03',
    '04',
    '05',
    '06',
    '07',
  ]);
  expect(await readdir(path.join(root, 'models'))).toHaveLength(6);
  await (await loadClassifier(path.join(root, 'models', first))).close();

  await expect(registry.add(madeOn(7), [])).rejects.toMatchObject({ code: 'E_WRITE' });
});

it('names what is no model, and does not mind work in progress', async () => {
  const models = path.join(root, 'others');
  await mkdir(path.join(models, 'empty'), { recursive: true });
  await mkdir(path.join(models, 'broken'));
  await mkdir(path.join(models, '.part-0123'));
  await writeFile(path.join(models, 'broken', 'manifest.json'), '{');
  await writeFile(path.join(models, 'README'), '');
  const registry = createRegistry(createModelDirectory(models));
  const name = await registry.add(madeOn(1), []);
  const list = await registry.list();
  expect(list.damaged).toEqual(['broken', 'empty']);
  expect(list.models.map((one) => one.name)).toEqual([name]);
  const manifest = await readFile(path.join(models, name, 'manifest.json'), 'utf8');
  expect(JSON.parse(manifest)).toEqual(madeOn(1).manifest);
});

it('is empty where there is no folder yet', async () => {
  const registry = createRegistry(createModelDirectory(path.join(root, 'nowhere')));
  expect(await registry.list()).toEqual({ models: [], damaged: [] });
  await registry.add(madeOn(1), []);
  expect((await registry.list()).models).toHaveLength(1);
});
