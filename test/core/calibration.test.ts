import { describe, expect, it } from 'vitest';
import { applyCalibration } from '../../src/core/calibration.js';

describe('applyCalibration', () => {
  it('leaves a probability as it is', () => {
    expect(applyCalibration({ kind: 'identity' }, 0.123456789)).toBe(0.123456789);
  });

  it('is the identity for a = −1, b = 0, and mirrors for a = 1', () => {
    for (const p of [0.01, 0.3, 0.5, 0.77]) {
      expect(applyCalibration({ kind: 'platt', a: -1, b: 0 }, p)).toBeCloseTo(p, 14);
      expect(applyCalibration({ kind: 'platt', a: 1, b: 0 }, p)).toBeCloseTo(1 - p, 14);
    }
  });

  it('matches a case worked out by hand', () => {
    // logit(0.8) = ln 4; −0.5·ln 4 + ln 3 = ln(3/2); 1/(1 + 1.5) = 0.4.
    expect(applyCalibration({ kind: 'platt', a: -0.5, b: Math.log(3) }, 0.8)).toBeCloseTo(0.4, 14);
  });

  it('stays finite at 0 and 1, and NaN stays NaN', () => {
    expect(applyCalibration({ kind: 'platt', a: -1, b: 0 }, 0)).toBeCloseTo(1e-6, 12);
    expect(applyCalibration({ kind: 'platt', a: -1, b: 0 }, 1)).toBeCloseTo(1 - 1e-6, 12);
    expect(applyCalibration({ kind: 'platt', a: -1, b: 0 }, Number.NaN)).toBeNaN();
  });
});
