import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chartPlaces, thinOut } from '../../src/research/report/downsample.js';

describe('chartPlaces', () => {
  it('keeps everything that fits', () => {
    expect([...chartPlaces(3, [[1, 2, 3]], 10)]).toEqual([0, 1, 2]);
    expect([...chartPlaces(0, [[]], 10)]).toEqual([]);
  });

  it('keeps the ends and the extremes of every series, in order, within bounds', () => {
    const series = fc.array(
      fc.oneof(
        { weight: 9, arbitrary: fc.double({ noNaN: true, min: -1e6, max: 1e6 }) },
        fc.constant(Number.NaN),
      ),
      {
        minLength: 60,
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(series, series, (a, b) => {
        const length = Math.min(a.length, b.length);
        const both = [a.slice(0, length), b.slice(0, length)];
        const places = [...chartPlaces(length, both, 50)];
        expect(places[0]).toBe(0);
        expect(places.at(-1)).toBe(length - 1);
        expect(places.length).toBeLessThanOrEqual(52);
        expect(places).toEqual([...new Set(places)].sort((x, y) => x - y));
        for (const values of both) {
          const known = values.filter((value) => !Number.isNaN(value));
          if (known.length === 0) continue;
          const kept = places.map((i) => values[i]!).filter((value) => !Number.isNaN(value));
          expect(Math.max(...kept)).toBe(Math.max(...known));
          expect(Math.min(...kept)).toBe(Math.min(...known));
        }
      }),
      { seed: 42, numRuns: 300 },
    );
  });
});

describe('thinOut', () => {
  it('takes every n-th and says n', () => {
    expect(thinOut([1, 2, 3], 3)).toEqual({ items: [1, 2, 3], step: 1 });
    expect(thinOut([1, 2, 3, 4, 5, 6, 7], 3)).toEqual({ items: [1, 4, 7], step: 3 });
  });
});
