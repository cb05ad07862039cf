import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from '../../src/core/auc.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { estimateAuc } from '../../src/learning/delong.js';
import { reliability, resolvePredictions, rollingAucCurve } from '../../src/research/report/model-quality.js';
import { slippageFigures } from '../../src/research/report/slippage-figures.js';

describe("DeLong's interval", () => {
  it('is the hand-computed one', () => {
    // Ups 0.8, 0.4; downs 0.6, 0.2: wins 1 and 1/2, losses 1/2 and 1
    const found = estimateAuc([0.8, 0.4, 0.6, 0.2], [1, 1, 0, 0])!;
    expect(found.auc).toBe(0.75);
    // Each placement has a variance of 1/8 about its mean of 3/4; two rows each
    expect(found.interval!.standardError).toBeCloseTo(Math.sqrt(1 / 16 + 1 / 16), 15);
    expect(found.interval!.high).toBe(1);
  });

  it('has the AUC of the pairs, ties and all, and covers the truth in 95 of 100 draws', () => {
    const rng = seededRng(12);
    let covered = 0;
    const draws = 400;
    for (let draw = 0; draw < draws; draw++) {
      const up = Array.from({ length: 200 }, () => (rng.next() < 0.5 ? 1 : 0));
      const scores = up.map((u) => (rng.next() + rng.next() + (u ? 0.3 : 0)) / 2.3);
      const found = estimateAuc(scores, up)!;
      expect(found.auc).toBe(areaUnderCurve(scores, up));
      const rounded = scores.map((score) => Math.round(score * 8) / 8);
      expect(estimateAuc(rounded, up)!.auc).toBe(areaUnderCurve(rounded, up));
      if (found.interval!.low <= TRUE_AUC && TRUE_AUC <= found.interval!.high) covered++;
    }
    expect(covered / draws).toBeGreaterThan(0.92);
    expect(covered / draws).toBeLessThan(0.98);
  });

  it('does not exist with one class', () => {
    expect(estimateAuc([0.1, 0.2], [1, 1])).toBeNull();
  });
});

/** P(a − b + 0.3 > 0), a and b sums of two uniforms on [0, 1]: their difference is the Irwin-Hall of four, moved by 2. */
const TRUE_AUC = irwinHallOfFour(2.3);

function irwinHallOfFour(x: number): number {
  const choose = [1, 4, 6, 4, 1];
  let sum = 0;
  for (let k = 0; k <= Math.floor(x); k++) sum += (-1) ** k * choose[k]! * (x - k) ** 4;
  return sum / 24;
}

describe('the quality of a model', () => {
  const close = Float64Array.from([1, 2, 1, 3, 3, 4]);
  const p = Float64Array.from([0.9, 0.2, Number.NaN, 0.4, 0.95, 0.5]);

  it('resolves predictions when their horizon closes', () => {
    const resolved = resolvePredictions(p, close, 1);
    expect([...resolved.knownAt]).toEqual([1, 2, 4, 5]);
    expect([...resolved.up]).toEqual([1, 0, 0, 1]);
  });

  it('counts how often what was called likely came true', () => {
    const bins = reliability(resolvePredictions(p, close, 1));
    expect(bins.map(({ from, rows, upShare }) => [from, rows, upShare])).toEqual([
      [0.2, 1, 0],
      [0.4, 1, 0],
      [0.9, 2, 1],
    ]);
    // Wilson's interval of 2 hits in 2: 0.342 to 1
    expect(bins[2]!.low).toBeCloseTo(0.3424, 4);
    expect(bins[2]!.high).toBe(1);
  });

  it('gives the rolling AUC at the bars where it was known', () => {
    const { auc, low } = rollingAucCurve(resolvePredictions(p, close, 1), 6, 4);
    expect([...auc]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, 1]);
    expect(low[5]).toBe(1);
  });
});

describe('slippage', () => {
  it('is weighted by notional and positive when worse', () => {
    const fill = (side: 'buy' | 'sell', clientOrderId: string, price: string, amount: string) => ({
      fillId: clientOrderId,
      clientOrderId,
      exchange: 'x',
      symbol: 'BTC/USDT',
      side,
      price,
      amount,
      fee: '0',
      feeCurrency: 'USDT',
      atMs: 0,
    });
    const orders = new Map([
      ['a', { decisionPrice: 100 }],
      ['b', { decisionPrice: 100 }],
    ]);
    const found = slippageFigures(
      [fill('buy', 'a', '101', '1'), fill('sell', 'b', '100', '1'), fill('buy', 'unknown', '7', '1')],
      orders,
    )!;
    expect(found).toMatchObject({ fills: 2, medianBps: 50, worstBps: 100, cost: '1' });
    expect(found.meanBps).toBeCloseTo((100 * 101) / 201, 9);
    expect(slippageFigures([], orders)).toBeNull();
  });
});
