import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { manifestText, parseManifest } from '../../src/core/manifest-schema.js';
import { trainModel } from '../../src/learning/train.js';
import type { ForestTrainer } from '../../src/ports/model.js';
import { forestOptions, labelledRows } from '../support/labelled-rows.js';

const trainer = createForestTrainer();
const origin = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1m' };

function table(count: number, seed: number, strength: number, horizonBars = 1) {
  return {
    length: count,
    ...labelledRows(count, seed, strength),
    openMs: Float64Array.from({ length: count }, (_, i) => i * 60_000),
    horizonBars,
  };
}

describe('training a model', () => {
  it('writes a manifest that reads back and tells what was done', async () => {
    const { model, manifest } = await trainModel(
      trainer,
      table(3000, 61, 0.4),
      forestOptions({ trees: 60 }),
      origin,
      1_700_000_000_000,
    );
    expect(parseManifest(manifestText(manifest), 'manifest.json')).toEqual(manifest);
    expect(manifest.sha256).toBe(createHash('sha256').update(model).digest('hex'));
    expect(manifest.training).toMatchObject({
      ...origin,
      rows: 3000,
      seed: 42,
      fromMs: 0,
      toMs: 2999 * 60_000,
    });
    expect(manifest.evaluation).toMatchObject({
      trainedRows: 2399,
      heldOutRows: 600,
      heldOutFromMs: 2400 * 60_000,
      heldOutToMs: 2999 * 60_000,
    });
    expect(manifest.evaluation!.heldOutAuc).toBeGreaterThan(0.6);
    expect(manifest.evaluation!.outOfBagAuc).toBeGreaterThan(0.6);
    expect(manifest.evaluation!.brierCalibrated).toBeLessThan(manifest.evaluation!.brierBaseRate!);
    expect(manifest.createdAt).toBe('2023-11-14T22:13:20.000Z');
  });

  it('judges on rows that neither the forest nor its labels have seen', async () => {
    const asked: number[] = [];
    const watched: ForestTrainer = {
      train(rows, labels, width, options, hooks) {
        asked.push(labels.length);
        return trainer.train(rows, labels, width, options, hooks);
      },
      predict: (forest, rows) => trainer.predict(forest, rows),
    };
    await trainModel(watched, table(1000, 62, 0.2, 7), forestOptions({ trees: 10 }), origin, 0);
    // 800 less the horizon, whose labels look into the last fifth; then all.
    expect(asked).toEqual([793, 1000]);
  });

  it('gives the same model for the same rows at any number of threads, and counts its progress through', async () => {
    const seen: number[] = [];
    const make = (threads: number) =>
      trainModel(trainer, table(1000, 63, 0.2), forestOptions({ trees: 40, threads }), origin, 0, {
        onProgress: (done, total) => seen.push(done / total),
      });
    const [one, four] = [await make(1), await make(4)];
    expect(four).toEqual(one);
    expect(seen.filter((share) => share === 1)).toHaveLength(2);
  });

  it('stops when aborted', async () => {
    const stop = AbortSignal.abort(new Error('stop'));
    const run = trainModel(trainer, table(1000, 64, 0.2), forestOptions(), origin, 0, { signal: stop });
    await expect(run).rejects.toThrow('stop');
  });

  it('refuses too short a history', async () => {
    const run = trainModel(trainer, table(199, 65, 0.2), forestOptions(), origin, 0);
    await expect(run).rejects.toMatchObject({ code: 'E_TRAIN_ROWS', exitCode: 2 });
  });
});
