import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createModelDirectory } from '../../../src/adapters/files/model-directory.js';
import { readPromotions } from '../../../src/adapters/files/promotion-file.js';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { command } from '../../../src/cli/model/model.js';
import { createRegistry } from '../../../src/learning/registry.js';
import { trainModel } from '../../../src/learning/train.js';
import { captureIo } from '../../support/command-io.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

const root = mkdtempSync(path.join(os.tmpdir(), 'redbutton-models-'));
afterAll(() => rmSync(root, { recursive: true }));
const names: string[] = [];
beforeAll(async () => {
  const table = {
    length: 400,
    ...labelledRows(400, 1, 0.5),
    openMs: Float64Array.from({ length: 400 }, (_, i) => i * 3_600_000),
    horizonBars: 1,
  };
  const registry = createRegistry(createModelDirectory(root));
  for (const seed of [1, 2]) {
    const origin = { exchange: null, symbol: null, timeframe: null };
    const options = forestOptions({ trees: 10, seed });
    const made = await trainModel(createForestTrainer(), table, options, origin, Date.UTC(2024, 0, seed));
    names.push(await registry.add(made, []));
  }
});

async function model(...args: string[]): Promise<string> {
  const io = captureIo();
  expect(await command.run([...args, '--models', root], io)).toBe(0);
  return io.out();
}

describe('the models of a box', () => {
  it('are listed and shown, promoted and rolled back', async () => {
    const [first, second] = names as [string, string];
    expect(await model('list')).toContain('the configured model decides');
    expect(JSON.parse(await model('list', '--json')).models.map((one: { name: string }) => one.name)).toEqual(
      names,
    );
    expect(await model('show', first)).toMatch(/^held-out AUC +0\.\d{4}$/m);

    expect(await model('promote', first)).toContain('decides from the next start on');
    await model('promote', second);
    expect(await readPromotions(root)).toEqual({ current: second, before: [null, first] });
    expect(await model('list')).toMatch(new RegExp(`^\\* +${second}`, 'm'));
    await model('rollback');
    expect((await readPromotions(root)).current).toBe(first);
    await model('rollback');
    expect((await readPromotions(root)).current).toBeNull();
    await expect(model('rollback')).rejects.toMatchObject({ code: 'E_ROLLBACK' });
  });

  it('are not promoted when damaged, unknown or outside the folder', async () => {
    writeFileSync(path.join(root, names[1]!, 'model.onnx'), 'damaged');
    await expect(model('promote', names[1]!)).rejects.toMatchObject({ code: 'E_MODEL_SHA256' });
    await expect(model('promote', 'nobody')).rejects.toMatchObject({ code: 'E_MODEL_MISSING' });
    await expect(model('promote', '../elsewhere')).rejects.toMatchObject({ code: 'E_USAGE' });
    expect((await readPromotions(root)).current).toBeNull();
    writeFileSync(path.join(root, 'promoted.json'), '{"current": "../x"}');
    await expect(model('list')).rejects.toMatchObject({ code: 'E_PROMOTED' });
  });
});
