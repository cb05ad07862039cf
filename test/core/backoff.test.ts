import { describe, expect, it } from 'vitest';
import { Backoff, waitMs, withJitter } from '../../src/core/backoff.js';

describe('waits between tries', () => {
  const fiveOf = (waits: Parameters<typeof waitMs>[0]) => [1, 2, 3, 4, 5].map((n) => waitMs(waits, n));

  it('are those of a list, of which the last repeats', () => {
    expect(fiveOf([100, 250, 500])).toEqual([100, 250, 500, 500, 500]);
    expect(fiveOf([7])).toEqual([7, 7, 7, 7, 7]);
    expect(() => waitMs([], 1)).toThrow('at least one');
  });

  it('double from the first to the greatest, and never beyond it', () => {
    expect(fiveOf({ firstMs: 1000, maxMs: 5000 })).toEqual([1000, 2000, 4000, 5000, 5000]);
    expect(fiveOf({ firstMs: 2000, maxMs: 500 })).toEqual([500, 500, 500, 500, 500]);
    expect(waitMs({ firstMs: 1000, maxMs: 60_000 }, 100_000)).toBe(60_000);
  });

  it('are none before a failure', () => {
    expect(() => waitMs([100], 0)).toThrow('no wait');
  });

  it('are between a half and the whole with jitter', () => {
    expect([0, 0.5, 1].map((next) => withJitter(1000, { next: () => next }))).toEqual([500, 750, 1000]);
  });

  it('begin again when told, and after what worked for longer than the steady time', () => {
    const backoff = new Backoff([100, 250, 500], 60_000);
    expect([0, 0, 60_000, 60_001, 0].map((workedMs) => backoff.failed(workedMs))).toEqual([
      100, 250, 500, 100, 250,
    ]);
    backoff.reset();
    expect(backoff.failed()).toBe(100);
    const forgetful = new Backoff({ firstMs: 1, maxMs: 8 });
    expect([1e9, 1e9, 1e9].map((workedMs) => forgetful.failed(workedMs))).toEqual([1, 2, 4]);
  });
});
