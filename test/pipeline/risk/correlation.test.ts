import { describe, expect, it } from 'vitest';
import { seededRng } from '../../../src/core/seeded-rng.js';
import {
  CORRELATION_STEP_BARS,
  correlationOf,
  createCloseHistory,
  createCorrelations,
  historyBars,
} from '../../../src/pipeline/risk/correlation.js';

const BAR_MS = 60_000;
const BARS = 50;

/** Closes of two streams that share that much of their steps. */
function pair(seed: number, bars: number, shared: number) {
  const rng = seededRng(seed);
  const closes = [100, 7];
  return Array.from({ length: bars }, (_, i) => {
    const common = rng.next() - 0.5;
    closes.forEach((close, k) => {
      closes[k] = close * (1 + 0.02 * (shared * common + (1 - shared) * (rng.next() - 0.5)));
    });
    return [i * BAR_MS, closes[0]!, closes[1]!] as const;
  });
}

function histories(rows: readonly (readonly [number, number, number])[]) {
  const [a, b] = [createCloseHistory(BARS), createCloseHistory(BARS)];
  for (const [openMs, x, y] of rows) {
    a.push(openMs, x);
    b.push(openMs, y);
  }
  return [a, b] as const;
}

describe('the correlation of two streams', () => {
  it('is that of their returns, one with itself, and none where nothing moves', () => {
    const rows = pair(1, 80, 0.95);
    const [a, b] = histories(rows);
    const end = 80 * BAR_MS;
    expect(correlationOf(a, a, end, BARS)).toBeCloseTo(1, 12);
    expect(correlationOf(a, b, end, BARS)!).toBeGreaterThan(0.9);
    const [c, d] = histories(pair(2, 80, 0));
    expect(Math.abs(correlationOf(c, d, end, BARS)!)).toBeLessThan(0.4);
    const mirrored = createCloseHistory(BARS);
    for (const [openMs, x] of rows) mirrored.push(openMs, 1e4 / x);
    expect(correlationOf(a, mirrored, end, BARS)!).toBeLessThan(-0.99);
    const still = createCloseHistory(BARS);
    for (const [openMs] of rows) still.push(openMs, 5);
    expect(correlationOf(a, still, end, BARS)).toBeNull();
  });

  it('equals the textbook formula', () => {
    const rows = pair(3, 60, 0.5);
    const returns = (k: 1 | 2) =>
      rows
        .slice(1)
        .map((row, i) => row[k] / rows[i]![k] - 1)
        .slice(-BARS);
    const [x, y] = [returns(1), returns(2)];
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const sum = (u: number[], v: number[]) =>
      u.reduce((total, value, i) => total + (value - mean(u)) * (v[i]! - mean(v)), 0);
    expect(correlationOf(...histories(rows), 60 * BAR_MS, BARS)).toBeCloseTo(
      sum(x, y) / Math.sqrt(sum(x, x) * sum(y, y)),
      12,
    );
  });

  it('is not known from too few common bars, and takes only times that both have', () => {
    expect(correlationOf(...histories(pair(4, 20, 0.9)), 20 * BAR_MS, BARS)).toBeNull();
    expect(correlationOf(...histories(pair(4, 21, 0.9)), 21 * BAR_MS, BARS)).not.toBeNull();
    const rows = pair(5, 70, 0.9);
    const [a] = histories(rows);
    const gapped = createCloseHistory(BARS);
    for (const [i, [openMs, , y]] of rows.entries()) if (i % 5 !== 0) gapped.push(openMs, y);
    expect(correlationOf(a, gapped, 70 * BAR_MS, BARS)!).toBeGreaterThan(0.8);
  });

  it('does not depend on whose bar of the same time comes first, nor on what lies before the window', () => {
    const rows = pair(6, 400, 0.7);
    const long = histories([]);
    const correlations = createCorrelations(BARS, BAR_MS);
    for (const [i, [openMs, x, y]] of rows.entries()) {
      // When one stream is asked before the other's bar is there
      long[0].push(openMs, x);
      const early = i < 200 ? null : createCorrelations(BARS, BAR_MS).between(long[0], long[1], openMs);
      long[1].push(openMs, y);
      if (i < 200) continue;
      const late = correlations.between(long[0], long[1], openMs);
      expect(late).toBe(early);
      // And after a restart that reads back just the window
      const fresh = histories(rows.slice(i + 1 - historyBars(BARS), i + 1));
      expect(createCorrelations(BARS, BAR_MS).between(...fresh, openMs)).toBe(late);
    }
    expect(historyBars(BARS)).toBeGreaterThan(BARS + CORRELATION_STEP_BARS);
  });
});
