import { MODEL_WIDTH } from '../../src/core/feature-set.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { ForestOptions } from '../../src/ports/model.js';

/** Roughly normal. */
export function bell(random: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return sum;
}

/**
 * Rows as wide as a model's, on the scales of real features (RSI in the tens, returns in thousandths), and labels that
 * follow columns 0 and 4 with the given strength: 0 is pure noise.
 */
export function labelledRows(count: number, seed: number, strength: number) {
  const random = seededRng(seed).next;
  const scale = [15, 0.03, 0.2, 1.2, 0.008, 0.008, 0.008, 0.008, 0.008];
  const centre = [50, 0.06, 0.3, 0, 0, 0, 0, 0, 0];
  const rows = new Float64Array(count * MODEL_WIDTH);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const z = scale.map(() => bell(random));
    z.forEach((value, c) => {
      rows[i * MODEL_WIDTH + c] = centre[c]! + scale[c]! * value;
    });
    labels[i] = strength * (z[0]! - z[4]!) + bell(random) > 0 ? 1 : 0;
  }
  return { rows, labels };
}

/** The article's forest, but for what a test says. */
export function forestOptions(changed: Partial<ForestOptions> = {}): ForestOptions {
  return {
    trees: 300,
    depthMax: 6,
    leafRowsMin: 20,
    featuresPerSplit: 0,
    binsMax: 256,
    threads: 2,
    seed: 42,
    ...changed,
  };
}
