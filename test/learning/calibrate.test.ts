import { describe, expect, it } from 'vitest';
import { applyCalibration } from '../../src/core/calibration.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { fitPlatt } from '../../src/learning/calibrate.js';
import { brierScore } from '../../src/learning/evaluate.js';

/** Outcomes drawn so that log-odds of up are slope·logit(p) + shift. */
function drawn(slope: number, shift: number, count = 20_000) {
  const random = seededRng(7).next;
  const probabilities = Float64Array.from({ length: count }, () => 0.2 + 0.6 * random());
  const labels = Uint8Array.from(probabilities, (p) => {
    const odds = slope * Math.log(p / (1 - p)) + shift;
    return random() < 1 / (1 + Math.exp(-odds)) ? 1 : 0;
  });
  return { probabilities, labels };
}

describe('Platt calibration', () => {
  it.each([
    [1, 0],
    [0.4, 0.3],
    [2.5, -1],
  ])('finds slope %f and shift %f again', (slope, shift) => {
    const { probabilities, labels } = drawn(slope, shift);
    const fitted = fitPlatt(probabilities, labels);
    if (fitted.kind !== 'platt') throw new Error('expected platt');
    expect(Math.abs(-fitted.a - slope)).toBeLessThan(0.12);
    expect(Math.abs(-fitted.b - shift)).toBeLessThan(0.06);
  });

  it('makes distorted probabilities honest', () => {
    const { probabilities, labels } = drawn(0.3, 0.8);
    const fitted = fitPlatt(probabilities, labels);
    const calibrated = probabilities.map((p) => applyCalibration(fitted, p));
    expect(brierScore(calibrated, labels)!).toBeLessThan(brierScore(probabilities, labels)! - 0.02);
    const mean = calibrated.reduce((sum, p) => sum + p, 0) / calibrated.length;
    const share = labels.reduce((sum, up) => sum + up, 0) / labels.length;
    expect(mean).toBeCloseTo(share, 3);
  });

  it('never turns an order round: it answers the base rate instead', () => {
    const { probabilities, labels } = drawn(-2, 0.5);
    const fitted = fitPlatt(probabilities, labels);
    expect(fitted).toMatchObject({ kind: 'platt', a: 0 });
    const share = labels.reduce((sum, up) => sum + up, 0) / labels.length;
    expect(applyCalibration(fitted, 0.2)).toBeCloseTo(share, 3);
    expect(applyCalibration(fitted, 0.8)).toBeCloseTo(share, 3);
  });

  it('stays finite where the probabilities part the outcomes perfectly', () => {
    const fitted = fitPlatt([0, 0, 0.1, 0.9, 1, 1], [0, 0, 0, 1, 1, 1]);
    expect(fitted).toMatchObject({ kind: 'platt', a: expect.any(Number), b: expect.any(Number) });
    for (const p of [0, 0.5, 1]) expect(Number.isFinite(applyCalibration(fitted, p))).toBe(true);
    expect(applyCalibration(fitted, 1)).toBeGreaterThan(0.7);
  });

  it('leaves rows without an answer out, and is the identity without two classes', () => {
    const { probabilities, labels } = drawn(1, 0, 2000);
    const more = Float64Array.from([...probabilities, Number.NaN, Number.NaN]);
    expect(fitPlatt(more, Uint8Array.from([...labels, 1, 0]))).toEqual(fitPlatt(probabilities, labels));
    expect(fitPlatt([0.4, 0.6], [1, 1])).toEqual({ kind: 'identity' });
    expect(fitPlatt([Number.NaN], [1])).toEqual({ kind: 'identity' });
  });
});
