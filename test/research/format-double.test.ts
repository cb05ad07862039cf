// @module-tag processes

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDouble17 } from '../../src/research/candles/format-double.js';

/** What awk's printf, which is C's, writes for the doubles; undefined on a machine without awk. */
function printed(values: readonly number[]): string[] | undefined {
  const run = spawnSync('awk', ['{ printf "%.17g\\n", $1 }'], {
    input: `${values.map((value) => value.toPrecision(30)).join('\n')}\n`,
    encoding: 'utf8',
  });
  return run.status === 0 ? run.stdout.trimEnd().split('\n') : undefined;
}

describe('formatDouble17', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1567900800000, '1567900800000'],
    [30029.19, '30029.189999999999'],
    [0.1, '0.10000000000000001'],
    [1e-300, '1e-300'],
    [Number('9.4374835144460211e-07'), '9.4374835144460211e-07'],
    [-3.3041389063002116e-5, '-3.3041389063002116e-05'],
    [0.0001, '0.0001'],
    [0.5, '0.5'],
    [1e17, '1e+17'],
    [123456789012345680000, '1.2345678901234568e+20'],
    [5e-324, '4.9406564584124654e-324'],
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    // Exact halves at digit 18 go to the even neighbour.
    [1e15 + 0.25, '1000000000000000.2'],
    [1e15 + 0.75, '1000000000000000.8'],
    [12345678 + 1 / 1024, '12345678.000976562'],
    [-12345678 - 1 / 1024, '-12345678.000976562'],
  ])('%d is %s', (value, text) => {
    expect(formatDouble17(value)).toBe(text);
  });

  it('writes what printf writes, and parses back to the same double', () => {
    const magnitudes = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), {
      numRuns: 3000,
      seed: 42,
    });
    const near = fc.sample(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), { numRuns: 3000, seed: 43 });
    const dyadic = Array.from({ length: 1000 }, (_, i) => 12345678 + i * 1009 + (2 * i + 1) / 1024);
    const values = [...magnitudes, ...near, ...dyadic];
    for (const value of values) expect(Number(formatDouble17(value))).toBe(value);
    // Not every awk reads 30 digits exactly: those values are compared that it reads back as they were.
    const expected = printed(values);
    if (expected === undefined) return;
    const compared = values.filter((value, i) => Number(expected[i]) === value && value !== 0);
    expect(compared.length).toBeGreaterThan(5000);
    values.forEach((value, i) => {
      if (Number(expected[i]) === value && value !== 0) expect(formatDouble17(value)).toBe(expected[i]);
    });
  });
});
