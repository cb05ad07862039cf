import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { FEATURE_COLUMNS } from '../../src/core/feature-set.js';

/** The cells of a CSV of numbers, plain or gzip; NaN for what is no number. */
export function readNumbers(file: string): { readonly header: readonly string[]; readonly rows: number[][] } {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [header, ...lines] = text.trimEnd().split('\n');
  return { header: header!.split(','), rows: lines.map((line) => line.split(',').map(Number)) };
}

/**
 * Holds a written feature file against exact arithmetic: the same rows, every value within 1e-12·max(1, |exact|).
 * Returns the largest error found, in that measure.
 */
export function expectExactFeatures(written: string, exact: string): number {
  const ours = readNumbers(written);
  const wanted = readNumbers(exact);
  const at = FEATURE_COLUMNS.map((column) => ours.header.indexOf(column));
  expect(ours.header).toEqual(['timestamp_ms', 'open', 'high', 'low', 'close', 'volume', ...FEATURE_COLUMNS]);
  expect(wanted.header).toEqual(['timestamp_ms', ...FEATURE_COLUMNS]);
  expect(ours.rows.map((row) => row[0])).toEqual(wanted.rows.map((row) => row[0]));
  let worst = 0;
  wanted.rows.forEach((row, i) => {
    FEATURE_COLUMNS.forEach((column, c) => {
      const value = row[c + 1]!;
      const error = Math.abs(ours.rows[i]![at[c]!]! - value) / Math.max(1, Math.abs(value));
      if (!(error <= 1e-12)) expect.fail(`${column} of row ${row[0]}: off by ${error}`);
      worst = Math.max(worst, error);
    });
  });
  return worst;
}
