import { expect, it } from 'vitest';
import { seededRng } from '../../src/core/seeded-rng.js';

it('gives the numbers that findings of earlier versions were replayed with', () => {
  const draw = (seed: number) => {
    const rng = seededRng(seed);
    return [rng.next(), rng.next(), rng.next()].map((value) => value * 2 ** 32);
  };
  expect(draw(1)).toEqual([2693262067, 11749833, 2265367787]);
  expect(draw(-5)).toEqual(draw(2 ** 32 - 5));
});
