import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { openSession } from '../../../src/adapters/onnx/session.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { readFields } from '../../../src/learning/onnx/wire.js';
import { withoutZipMap } from '../../../src/learning/onnx/zip-map.js';
import { externalModel } from '../../support/external-models.js';
import { labelledRows } from '../../support/labelled-rows.js';

describe('taking ZipMap out', () => {
  it('leaves the tensor that went into it, with the same figures', async () => {
    const { rows } = labelledRows(20, 81, 0);
    const feed = { input: new Tensor('float32', Float32Array.from(rows), [20, 9]) };
    const { bytes, changes } = withoutZipMap(externalModel({ output: 'maps' }));
    expect(changes).toEqual([
      'ZipMap removed: the tensor probabilities takes the place of the maps output_probability',
    ]);
    const session = await openSession(bytes, 'm.onnx');
    expect(session.outputNames).toEqual(['output_label', 'probabilities']);
    const plain = await openSession(externalModel(), 'm.onnx');
    expect((await session.run(feed)).probabilities!.data).toEqual(
      (await plain.run(feed)).probabilities!.data,
    );
    await session.release();
    await plain.release();
  });

  it('leaves every other model as it is', () => {
    const file = externalModel();
    expect(withoutZipMap(file)).toEqual({ bytes: file, changes: [] });
  });

  it('refuses damaged bytes instead of guessing', () => {
    const file = externalModel({ output: 'maps' });
    expect(() => withoutZipMap(file.subarray(0, file.length - 20))).toThrow(
      expect.objectContaining({ code: 'E_MODEL_FILE' }),
    );
    expect(() => withoutZipMap(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'E_MODEL_FILE' }));
    // Any flipped byte is either read or refused, never a crash of another kind.
    const random = seededRng(82).next;
    for (let i = 0; i < 2000; i++) {
      const damaged = file.slice();
      damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      try {
        readFields(withoutZipMap(damaged).bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_MODEL_FILE' });
      }
    }
  });
});
