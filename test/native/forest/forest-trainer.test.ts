import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { areaUnderCurve } from '../../../src/core/auc.js';
import { MODEL_WIDTH } from '../../../src/core/feature-set.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import type { ForestOptions, TrainedForest } from '../../../src/ports/model.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

const trainer = createForestTrainer();

function train(data: { rows: Float64Array; labels: Uint8Array }, changed: Partial<ForestOptions> = {}) {
  return trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions(changed));
}

function hashOf(trained: TrainedForest): string {
  const hash = createHash('sha256');
  const { forest } = trained;
  for (const part of [
    forest.mean,
    forest.std,
    forest.treeStart,
    forest.feature,
    forest.threshold,
    forest.left,
    forest.weight,
    trained.outOfBag,
    trained.importance,
  ]) {
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}

describe('the forest', () => {
  it('is the same, bit for bit, at any number of threads, and another for another seed', async () => {
    const data = labelledRows(3000, 1, 0.3);
    const hashes = await Promise.all(
      [1, 2, 3, 4, 8].map(async (threads) => hashOf(await train(data, { threads }))),
    );
    expect(new Set(hashes).size).toBe(1);
    expect(hashOf(await train(data))).toBe(hashes[0]);
    expect(hashOf(await train(data, { seed: 43 }))).not.toBe(hashes[0]);
  });

  it('separates what can be separated, and finds nothing in noise', async () => {
    const clear = labelledRows(2000, 2, 50);
    const found = await train(clear);
    expect(areaUnderCurve(found.outOfBag, clear.labels)).toBeGreaterThan(0.98);
    const fresh = labelledRows(1000, 3, 50);
    const answers = await trainer.predict(found.forest, fresh.rows);
    expect(areaUnderCurve(answers, fresh.labels)).toBeGreaterThan(0.98);

    const noise = labelledRows(4000, 4, 0);
    const nothing = await train(noise);
    // Standard error of the AUC of 4000 rows is 0.009.
    expect(Math.abs(areaUnderCurve(nothing.outOfBag, noise.labels)! - 0.5)).toBeLessThan(0.03);
  });

  it('judges rows out of bag more modestly than rows it has learnt', async () => {
    const data = labelledRows(1500, 5, 0.3);
    const trained = await train(data, { depthMax: 10, leafRowsMin: 1 });
    const learnt = await trainer.predict(trained.forest, data.rows);
    const inBag = areaUnderCurve(learnt, data.labels)!;
    const outOfBag = areaUnderCurve(trained.outOfBag, data.labels)!;
    expect(inBag).toBeGreaterThan(0.95);
    expect(outOfBag).toBeLessThan(0.75);
    expect(outOfBag).toBeGreaterThan(0.55);
  });

  it('leaves a row without an out-of-bag answer where the only tree has seen it', async () => {
    const data = labelledRows(500, 6, 1);
    const { outOfBag } = await train(data, { trees: 1 });
    const without = outOfBag.filter((p) => Number.isNaN(p)).length / 500;
    // A row is drawn with probability 1 − 1/e.
    expect(without).toBeGreaterThan(0.57);
    expect(without).toBeLessThan(0.69);
  });

  it('tells which columns matter', async () => {
    const { importance } = await train(labelledRows(3000, 7, 1));
    expect(importance.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    const order = Array.from(importance.keys()).sort((a, b) => importance[b]! - importance[a]!);
    expect(order.slice(0, 2).sort()).toEqual([0, 4]);
  });

  it('keeps its leaves as large and its trees as shallow as asked', async () => {
    const data = labelledRows(2000, 8, 0.5);
    const { forest } = await train(data, { depthMax: 3, trees: 50 });
    for (let t = 0; t < 50; t++) {
      expect(forest.treeStart[t + 1]! - forest.treeStart[t]!).toBeLessThanOrEqual(15);
    }
    const stumps = await train(data, { leafRowsMin: 700, trees: 20 });
    // 63 % of 2000 rows are in a bag; no tree can part them into two leaves of 700.
    expect(stumps.forest.feature.every((feature) => feature === -1)).toBe(true);
  });

  it('weighs the classes equally, however rare one of them is', async () => {
    const data = labelledRows(4000, 9, 0);
    for (let i = 0; i < 4000; i++) data.labels[i] = i % 10 === 0 ? 1 : 0;
    const { outOfBag } = await train(data);
    const mean = outOfBag.reduce((sum, p) => sum + p, 0) / outOfBag.length;
    // Without weights it would be 0.1.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.1);
  });

  it('answers one half or the like where no column varies', async () => {
    const rows = new Float64Array(100 * MODEL_WIDTH).fill(7);
    const labels = Uint8Array.from({ length: 100 }, (_, i) => i % 2);
    const { forest, importance } = await train({ rows, labels });
    expect(forest.feature.every((feature) => feature === -1)).toBe(true);
    expect([...importance]).toEqual(new Array(MODEL_WIDTH).fill(0));
    const [p] = await trainer.predict(forest, rows.subarray(0, MODEL_WIDTH));
    expect(Math.abs(p! - 0.5)).toBeLessThan(0.05);
  });
});

describe('training', () => {
  it('reports its progress and ends at the number of trees', async () => {
    const data = labelledRows(2000, 10, 0.3);
    const seen: number[] = [];
    await trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions(), {
      onProgress: (done) => seen.push(done),
    });
    expect(seen.at(-1)).toBe(300);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('leaves the event loop free, and stops when aborted', async () => {
    const data = labelledRows(40_000, 11, 0.3);
    const stop = new AbortController();
    const reason = new Error('enough');
    let turns = 0;
    const run = trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions({ trees: 10_000 }), {
      signal: stop.signal,
      onProgress: (done) => {
        if (done >= 5) stop.abort(reason);
      },
    });
    const timer = setInterval(() => turns++, 1);
    await expect(run).rejects.toBe(reason);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('does not begin when already aborted', async () => {
    const data = labelledRows(100, 12, 0);
    const options = { signal: AbortSignal.abort(new Error('before')) };
    await expect(
      trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions(), options),
    ).rejects.toThrow('before');
  });

  it('refuses rows that will not do, and says where', async () => {
    const data = labelledRows(300, 13, 0.3);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1e308]) {
      const rows = data.rows.slice();
      rows[17 * MODEL_WIDTH + 4] = bad;
      const refused = await train({ rows, labels: data.labels }).catch((error) => error);
      expect(refused).toMatchObject({ code: 'E_TRAIN_VALUE', exitCode: 2 });
      expect(refused.message).toContain('row 17, column 4');
    }
    const oneClass = train({ rows: data.rows, labels: new Uint8Array(300) });
    await expect(oneClass).rejects.toMatchObject({ code: 'E_TRAIN_CLASSES' });
    const none = train({ rows: new Float64Array(0), labels: new Uint8Array(0) });
    await expect(none).rejects.toMatchObject({ code: 'E_TRAIN_ROWS' });
  });

  it('refuses arguments of the wrong shape or range', async () => {
    const data = labelledRows(50, 14, 0.3);
    await expect(train({ rows: data.rows.subarray(1), labels: data.labels })).rejects.toThrow(
      /rows must hold/,
    );
    for (const wrong of [{ trees: 0 }, { depthMax: 16 }, { binsMax: 1 }, { threads: 1.5 }, { seed: -1 }]) {
      await expect(train(data, wrong)).rejects.toThrow(/out of range/);
    }
  });

  it('copes with hostile values, few rows and many ties', async () => {
    const value = fc.oneof(
      fc.constantFrom(0, -0, 5e-324, -5e-324, 1e30, -1e30, 1e-30, 1),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 2, max: 60 })
          .chain((count) =>
            fc.tuple(
              fc.array(value, { minLength: count * 3, maxLength: count * 3 }),
              fc.array(fc.integer({ min: 0, max: 1 }), { minLength: count, maxLength: count }),
              fc.integer({ min: 1, max: 15 }),
              fc.integer({ min: 2, max: 256 }),
            ),
          ),
        async ([values, ups, depthMax, binsMax]) => {
          fc.pre(ups.includes(0) && ups.includes(1));
          const rows = Float64Array.from(values);
          const options = forestOptions({ trees: 5, leafRowsMin: 1, depthMax, binsMax });
          const trained = await trainer.train(rows, Uint8Array.from(ups), 3, options);
          for (const p of await trainer.predict(trained.forest, rows)) {
            expect(p >= 0 && p <= 1).toBe(true);
          }
        },
      ),
      { seed: 20, numRuns: 200 },
    );
  });

  it('refuses a forest whose nodes lead out of it', async () => {
    const data = labelledRows(300, 15, 0.5);
    const { forest } = await train(data, { trees: 3 });
    const broken = [
      { ...forest, left: forest.left.map(() => 60_000) },
      { ...forest, left: forest.left.map(() => 0) },
      { ...forest, feature: forest.feature.map(() => 9) },
      { ...forest, weight: forest.weight.subarray(1) },
      { ...forest, treeStart: Int32Array.of(0, 999_999) },
    ];
    for (const one of broken) {
      expect(() => trainer.predict(one, data.rows)).toThrow(/well-formed/);
    }
  });
});

describe('a row', () => {
  it('is scored as the mean of its leaves, whatever the number of trees', async () => {
    // 7, 11 and 13 do not divide 2^24: the votes are rounded so that they still sum to 1.
    for (const trees of [1, 7, 11, 13, 300]) {
      const data = labelledRows(600, trees, 50);
      const { forest } = await train(data, { trees, leafRowsMin: 1, depthMax: 15 });
      const random = seededRng(trees).next;
      const rows = Float64Array.from({ length: 50 * MODEL_WIDTH }, () => 200 * random() - 100);
      for (const p of await trainer.predict(forest, rows)) expect(p >= 0 && p <= 1).toBe(true);
    }
  });
});
