import { describe, expect, it } from 'vitest';
import { createForestTrainer } from '../../../src/adapters/native/forest.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { forestOptions } from '../../support/labelled-rows.js';
import { referenceOutOfBag } from './reference-forest.js';

describe('the native forest', () => {
  it.each([
    { count: 80, width: 4, levels: 9, leafRowsMin: 1, depthMax: 6, featuresPerSplit: 2 },
    { count: 61, width: 3, levels: 200, leafRowsMin: 3, depthMax: 4, featuresPerSplit: 1 },
    { count: 120, width: 9, levels: 40, leafRowsMin: 5, depthMax: 6, featuresPerSplit: 3 },
    { count: 90, width: 16, levels: 3, leafRowsMin: 2, depthMax: 8, featuresPerSplit: 4 },
  ])('answers out of bag as a forest grown the plain way: $count rows × $width', async (shape) => {
    const { count, width, levels, ...rest } = shape;
    const random = seededRng(count).next;
    const rows = Array.from({ length: count }, () =>
      Array.from({ length: width }, () => Math.floor(random() * levels) / 8),
    );
    const labels = rows.map((row) => (row[0]! - row[1]! + random() - 0.5 > 0 ? 1 : 0));
    const options = { trees: 20, seed: 7, ...rest };
    const { outOfBag } = await createForestTrainer().train(
      Float64Array.from(rows.flat()),
      Uint8Array.from(labels),
      width,
      forestOptions(options),
    );
    const expected = referenceOutOfBag(rows, labels, options);
    expect(expected.filter((p) => !Number.isNaN(p)).length).toBeGreaterThan(count / 2);
    const distance = expected.map((p, i) =>
      Number.isNaN(p) && Number.isNaN(outOfBag[i]!) ? 0 : Math.abs(p - outOfBag[i]!),
    );
    // The fast forest rounds a leaf's vote to 2^-24, that is its probability to trees·2^-24.
    expect(Math.max(...distance)).toBeLessThan(20 * 2 ** -24);
  });
});
