import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { openSession } from '../../../src/adapters/onnx/session.js';
import { MODEL_WIDTH } from '../../../src/core/feature-set.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { FOREST_GRAPH, forestToOnnx } from '../../../src/learning/onnx/forest-model.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

const trainer = createForestTrainer();

async function scores(session: InferenceSession, rows: Float64Array) {
  const count = rows.length / MODEL_WIDTH;
  const features = new Tensor('float32', Float32Array.from(rows), [count, MODEL_WIDTH]);
  const result = await session.run({ [FOREST_GRAPH.input]: features });
  return {
    probabilities: result[FOREST_GRAPH.probabilities]!.data as Float32Array,
    labels: result[FOREST_GRAPH.label]!.data as BigInt64Array,
  };
}

describe('a forest as an ONNX file', () => {
  it('answers 10 000 rows as the trainer does', async () => {
    const data = labelledRows(10_000, 21, 0.4);
    const { forest } = await trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions());
    // Rows never seen: of the same kind, far outside of it, and single features moved onto a threshold.
    const random = seededRng(22).next;
    const rows = labelledRows(10_000, 23, 0.4).rows;
    for (let i = 0; i < 1000; i++) {
      rows[i] = [1e30, -1e30, 0, -0, 5e-324, 1e-40][i % 6]!;
      const node = Math.floor(random() * forest.feature.length);
      const feature = forest.feature[node]!;
      if (feature < 0) continue;
      const onThreshold = forest.threshold[node]! * forest.std[feature]! + forest.mean[feature]!;
      rows[(1000 + i) * MODEL_WIDTH + feature] = onThreshold;
    }
    const own = await trainer.predict(forest, rows);
    const session = await openSession(forestToOnnx(forest), 'forest');
    const { probabilities, labels } = await scores(session, rows);

    let largest = 0;
    let wrong = 0;
    own.forEach((p, i) => {
      largest = Math.max(largest, Math.abs(p - probabilities[2 * i + 1]!));
      if (probabilities[2 * i]! + probabilities[2 * i + 1]! !== 1) wrong++;
      if (labels[i] !== (p > 0.5 ? 1n : 0n)) wrong++;
    });
    expect(wrong).toBe(0);
    process.stdout.write(`largest distance of ONNX and trainer over 10 000 rows: ${largest}\n`);
    expect(largest).toBe(0);
    await session.release();
  });

  it('answers the same bits in a batch, row by row, and with more threads', async () => {
    const data = labelledRows(2000, 24, 0.4);
    const { forest } = await trainer.train(data.rows, data.labels, MODEL_WIDTH, forestOptions());
    const file = forestToOnnx(forest);
    const session = await openSession(file, 'forest');
    const batch = (await scores(session, data.rows)).probabilities;
    const single = new Float32Array(batch.length);
    for (let i = 0; i < 2000; i++) {
      const row = data.rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH);
      single.set((await scores(session, row)).probabilities, 2 * i);
    }
    expect(single).toEqual(batch);
    const threaded = await InferenceSession.create(file, { intraOpNumThreads: 4 });
    expect((await scores(threaded, data.rows)).probabilities).toEqual(batch);
    await session.release();
    await threaded.release();
  });

  it('is the same file for the same forest', async () => {
    const data = labelledRows(500, 25, 0.4);
    const make = async (threads: number) => {
      const options = forestOptions({ threads, trees: 20 });
      return forestToOnnx((await trainer.train(data.rows, data.labels, MODEL_WIDTH, options)).forest);
    };
    expect(await make(1)).toEqual(await make(4));
  });

  it('holds a forest of single leaves too', async () => {
    const data = labelledRows(100, 26, 0);
    const options = forestOptions({ trees: 3, leafRowsMin: 90 });
    const { forest } = await trainer.train(data.rows, data.labels, MODEL_WIDTH, options);
    expect(forest.feature.length).toBe(3);
    const session = await openSession(forestToOnnx(forest), 'forest');
    const [p] = await trainer.predict(forest, data.rows.subarray(0, MODEL_WIDTH));
    const { probabilities } = await scores(session, data.rows.subarray(0, MODEL_WIDTH));
    expect(probabilities[1]).toBe(p);
    await session.release();
  });
});
