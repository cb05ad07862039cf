import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from '../../src/core/auc.js';

describe('area under the curve', () => {
  it('is one, one half and nought where it should be', () => {
    expect(areaUnderCurve([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])).toBe(1);
    expect(areaUnderCurve([0.5, 0.5, 0.5], [0, 1, 1])).toBe(0.5);
    expect(areaUnderCurve([0.9, 0.1], [0, 1])).toBe(0);
    expect(areaUnderCurve([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75);
  });

  it('is unknown without a row or with one class', () => {
    expect(areaUnderCurve([], [])).toBeNull();
    expect(areaUnderCurve([0.1, 0.9], [1, 1])).toBeNull();
    expect(areaUnderCurve([0.1, 0.9], [0, 0])).toBeNull();
  });

  it('counts pairs, ties one half', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 1 }));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        let won = 0;
        let pairs = 0;
        for (const [a, up] of rows) {
          for (const [b, other] of rows) {
            if (up !== 1 || other !== 0) continue;
            pairs++;
            won += a > b ? 1 : a === b ? 0.5 : 0;
          }
        }
        const auc = areaUnderCurve(
          rows.map(([score]) => score),
          rows.map(([, up]) => up),
        );
        if (pairs === 0) expect(auc).toBeNull();
        else expect(auc).toBeCloseTo(won / pairs, 12);
      }),
      { seed: 5 },
    );
  });
});
