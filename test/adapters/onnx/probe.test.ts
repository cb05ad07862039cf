import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { probeModel } from '../../../src/adapters/onnx/probe.js';
import { MODEL_WIDTH } from '../../../src/core/feature-set.js';
import { forestToOnnx } from '../../../src/learning/onnx/forest-model.js';
import { externalModel } from '../../support/external-models.js';
import { forestOptions, labelledRows } from '../../support/labelled-rows.js';

describe('probing a model', () => {
  it.each([
    { spec: {}, input: 'float32', name: 'probabilities', upIndex: 1 },
    { spec: { scaling: true }, input: 'float32', name: 'probabilities', upIndex: 1 },
    { spec: { element: 'float64' }, input: 'float64', name: 'probabilities', upIndex: 1 },
    { spec: { output: 'column' }, input: 'float32', name: 'p', upIndex: 0 },
    { spec: { element: 'float64', output: 'column' }, input: 'float64', name: 'p', upIndex: 0 },
  ] as const)('finds out how to feed and read it: $spec', async ({ spec, input, name, upIndex }) => {
    expect(await probeModel(externalModel(spec), 'm.onnx', undefined)).toMatchObject({
      input: { name: 'input', type: input },
      output: { name, form: 'tensor', upIndex },
    });
  });

  it('runs a model for one row at a time row by row', async () => {
    const probed = await probeModel(externalModel({ rows: 1 }), 'm.onnx', undefined);
    expect(probed.batchable).toBe(false);
  });

  it('finds our own forest batchable', async () => {
    const data = labelledRows(800, 31, 0.5);
    const { forest } = await createForestTrainer().train(
      data.rows,
      data.labels,
      MODEL_WIDTH,
      forestOptions({ trees: 100 }),
    );
    expect((await probeModel(forestToOnnx(forest), 'm.onnx', undefined)).batchable).toBe(true);
  });

  it('takes the column of P(up) from the caller', async () => {
    expect((await probeModel(externalModel(), 'm.onnx', 0)).output.upIndex).toBe(0);
    await expect(probeModel(externalModel({ output: 'column' }), 'm.onnx', 1)).rejects.toMatchObject({
      code: 'E_MODEL_NO_PROBABILITY',
    });
  });

  it.each([
    { spec: { width: 5 }, code: 'E_MODEL_WIDTH', says: /takes 5 columns, the feature set has 9/ },
    { spec: { rows: 4 }, code: 'E_MODEL_INPUT', says: /takes 4 rows at a time/ },
    { spec: { output: 'label' }, code: 'E_MODEL_NO_PROBABILITY', says: /output_label \(int64/ },
    { spec: { output: 'three' }, code: 'E_MODEL_NO_PROBABILITY', says: /probabilities/ },
    { spec: { output: 'scores' }, code: 'E_MODEL_NO_PROBABILITY', says: /outside of 0 to 1|sum to 1/ },
    { spec: { notFinite: true }, code: 'E_MODEL_NOT_FINITE', says: /NaN for row 0/ },
    { spec: { output: 'maps' }, code: 'E_MODEL_NO_PROBABILITY', says: /output_probability \(no tensor\)/ },
  ] as const)('refuses, with the reason: $spec', async ({ spec, code, says }) => {
    const refusal = await probeModel(externalModel(spec), 'm.onnx', undefined).catch((error) => error);
    expect(refusal).toMatchObject({ code, exitCode: 2 });
    expect(refusal.message).toMatch(says);
  });

  it('refuses bytes that are no model', async () => {
    const refused = probeModel(new TextEncoder().encode('no model'), 'm.onnx', undefined);
    await expect(refused).rejects.toMatchObject({ code: 'E_MODEL_LOAD', exitCode: 2 });
  });
});
