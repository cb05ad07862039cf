import { describe, expect, it } from 'vitest';
import {
  REGIME_DEFAULTS,
  REGIME_WORDS,
  type RegimeConfig,
  regimeWindowBars,
} from '../../../src/core/regime.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { createRegimeTracker } from '../../../src/pipeline/signals/index.js';

const SMALL: RegimeConfig = { ...REGIME_DEFAULTS, lookBackBars: 30, volatilityBars: 6, trendBars: 12 };

/** Closes whose steps have the given size, up or down by chance. */
function walk(seed: number, bars: number, sizeOf: (i: number) => number, drift = 0): number[] {
  const rng = seededRng(seed);
  let close = 100;
  return Array.from({ length: bars }, (_, i) => {
    close *= 1 + drift + (rng.next() - 0.5) * sizeOf(i);
    return close;
  });
}

function labels(closes: readonly number[], config = SMALL) {
  const tracker = createRegimeTracker(config);
  return closes.map((close) => {
    tracker.push(close);
    return tracker.label();
  });
}

describe('regimes', () => {
  it('are unknown until the window is full, then known for good', () => {
    const found = labels(walk(1, 200, () => 0.02));
    const window = regimeWindowBars(SMALL);
    expect(window).toBe(37);
    expect(found.slice(0, window - 1).every((label) => label === null)).toBe(true);
    expect(found.slice(window - 1).every((label) => label !== null && REGIME_WORDS.includes(label))).toBe(
      true,
    );
  });

  it('are a pure function of the window: what lies before changes no label', () => {
    const window = regimeWindowBars(SMALL);
    for (const seed of [1, 2, 3]) {
      const closes = walk(seed, 300, (i) => 0.002 + 0.03 * Math.abs(Math.sin(i / 40)));
      const whole = labels(closes);
      for (let end = window; end <= closes.length; end += 7) {
        expect(labels(closes.slice(end - window, end)).at(-1), `seed ${seed}, bar ${end}`).toBe(
          whole[end - 1],
        );
        const one = createRegimeTracker(SMALL);
        for (const close of closes.slice(0, 50)) one.push(close);
        one.reset();
        for (const close of closes.slice(end - window, end)) one.push(close);
        expect(one.label()).toBe(whole[end - 1]);
      }
    }
  });

  it('know nothing of the future: later closes change no label', () => {
    const closes = walk(4, 200, () => 0.02);
    const changed = closes.map((close, i) => (i < 120 ? close : close * 3));
    expect(labels(changed).slice(0, 120)).toEqual(labels(closes).slice(0, 120));
  });

  it('tell calm from turbulent by the rank among earlier bars', () => {
    const rising = labels(walk(5, 90, (i) => (i < 60 ? 0.01 : 0.08)));
    expect(rising.slice(66, 72).every((label) => label?.startsWith('turbulent'))).toBe(true);
    const falling = labels(walk(6, 90, (i) => (i < 60 ? 0.08 : 0.01)));
    expect(falling.slice(66, 72).every((label) => label?.startsWith('calm'))).toBe(true);
    // A market that does not move at all has no bar below it and none above.
    expect(labels(Array.from({ length: 60 }, () => 5)).at(-1)).toBe('normal-flat');
  });

  it('tell a trend from noise', () => {
    const trend = (drift: number) =>
      labels(walk(7, 80, () => 0.004, drift))
        .at(-1)!
        .split('-')[1];
    expect(trend(0.004)).toBe('up');
    expect(trend(-0.004)).toBe('down');
    // On a random walk about a third of the bars are stronger than one standard deviation.
    const noise = labels(walk(8, 5000, () => 0.02)).slice(40);
    const flat = noise.filter((label) => label!.endsWith('flat')).length / noise.length;
    expect(flat).toBeGreaterThan(0.55);
    expect(flat).toBeLessThan(0.8);
  });
});
