import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSpan, walkForwardFolds } from '../../src/learning/folds.js';

const DAY = 86_400_000;
const START = Date.UTC(2020, 0, 1);
const days = (count: number) => Float64Array.from({ length: count }, (_, i) => START + i * DAY);
const PLAN = {
  train: { months: 12, days: 0 },
  test: { months: 3, days: 0 },
  anchored: false,
  horizonBars: 1,
  embargoBars: 20,
  timeframeMs: DAY,
} as const;
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 10);

describe('spans', () => {
  it('follow the calendar, with month ends held', () => {
    const from = Date.UTC(2020, 0, 31, 5);
    expect(new Date(addSpan(from, { months: 1, days: 0 })).toISOString()).toBe('2020-02-29T05:00:00.000Z');
    expect(iso(addSpan(from, { months: 12, days: 0 }))).toBe('2021-01-31');
    expect(iso(addSpan(from, { months: 0, days: 7 }, 2))).toBe('2020-02-14');
  });
});

describe('walk-forward folds', () => {
  it('follow one another without a gap, each after its own training window', () => {
    const openMs = days(731);
    const folds = walkForwardFolds(openMs, PLAN);
    expect(folds.map((fold) => iso(fold.testFromMs))).toEqual([
      '2021-01-01',
      '2021-04-01',
      '2021-07-01',
      '2021-10-01',
    ]);
    folds.forEach((fold, k) => {
      if (k > 0) expect(fold.testFrom).toBe(folds[k - 1]!.testTo);
      // 20 bars of embargo, then one row whose label would be the first bar of the embargo.
      expect(fold.testFrom - fold.trainTo).toBe(21);
    });
    expect(folds.at(-1)!.testTo).toBe(731);
    expect(iso(openMs[folds[1]!.trainFrom]!)).toBe('2020-04-01');
    expect(walkForwardFolds(openMs, { ...PLAN, anchored: true }).every((fold) => fold.trainFrom === 0)).toBe(
      true,
    );
  });

  it('never let a training label or feature window reach into the test, whatever is missing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 300, maxLength: 500 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 0, max: 30 }),
        (steps, horizonBars, embargoBars) => {
          let at = START;
          const openMs = Float64Array.from(steps, (step) => {
            at += step * DAY;
            return at;
          });
          const plan = {
            ...PLAN,
            train: { months: 4, days: 0 },
            test: { months: 1, days: 0 },
            horizonBars,
            embargoBars,
          };
          for (const fold of walkForwardFolds(openMs, plan)) {
            const lastLabelMs = openMs[fold.trainTo - 1 + horizonBars]!;
            expect(lastLabelMs).toBeLessThan(fold.testFromMs - embargoBars * DAY);
            expect(openMs[fold.testFrom]!).toBeGreaterThanOrEqual(fold.testFromMs);
          }
        },
      ),
    );
  });

  it('refuse a history without room for a test', () => {
    expect(() => walkForwardFolds(days(300), PLAN)).toThrowError(
      expect.objectContaining({ code: 'E_FOLDS' }),
    );
  });
});
