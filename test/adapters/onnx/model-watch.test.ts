import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeModelFolder } from '../../../src/adapters/files/model-directory.js';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { createModelWatch } from '../../../src/adapters/onnx/model-watch.js';
import { manifestText } from '../../../src/core/manifest-schema.js';
import { trainModel } from '../../../src/learning/train.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-watch-'));
afterAll(() => rmSync(dir, { recursive: true }));

async function make(seed: number) {
  const table = {
    length: 400,
    ...labelledRows(400, 1, 0.5),
    openMs: Float64Array.from({ length: 400 }, (_, i) => i),
    horizonBars: 1,
  };
  const origin = { exchange: null, symbol: null, timeframe: null };
  const made = await trainModel(createForestTrainer(), table, forestOptions({ trees: 5, seed }), origin, 0);
  await writeModelFolder(dir, made.model, manifestText(made.manifest));
  return made.manifest.sha256;
}

it('tells once of a damaged file and of a swapped model, and is quiet while all is well', async () => {
  const sha256 = await make(1);
  const told: string[] = [];
  let periodic: (() => void) | undefined;
  const watch = createModelWatch({
    dir,
    sha256,
    periodMs: 1000,
    scheduler: {
      every(_periodMs, task) {
        periodic = task;
        return () => {
          periodic = undefined;
        };
      },
      after: () => () => undefined,
    },
    onChanged: (code) => told.push(code),
  });
  watch.start();
  expect(periodic).toBeDefined();
  await watch.look();
  expect(told).toEqual([]);

  const file = path.join(dir, 'model.onnx');
  const whole = readFileSync(file);
  const damaged = Buffer.from(whole);
  damaged[100] = damaged[100]! ^ 1;
  writeFileSync(file, damaged);
  await watch.look();
  await watch.look();
  expect(told).toEqual(['E_MODEL_SHA256']);

  writeFileSync(file, whole);
  await watch.look();
  await make(2);
  await watch.look();
  expect(told).toEqual(['E_MODEL_SHA256', 'E_MODEL_SWAPPED']);
  rmSync(file);
  watch.stop();
  expect(periodic).toBeUndefined();
});
