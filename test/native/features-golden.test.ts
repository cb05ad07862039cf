import { describe, expect, it } from 'vitest';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { FEATURE_COLUMNS } from '../../src/core/feature-set.js';
import type { GoldenSet } from './golden-vectors.js';
import { hasSet, OWN_GOLDEN, readSet, SHARED_GOLDEN } from './golden-vectors.js';
import { kernelPaths } from './kernel-paths.js';

/** |computed − exact| ≤ 1e-12·max(1, |exact|), as the vectors' own README allows a double two-pass window. */
const TOLERANCE = 1e-12;

function expectGolden(set: GoldenSet, path: ReturnType<typeof kernelPaths>[number]): void {
  const { candles } = set;
  const rows = createFeatureKernel({ path }).batch(candles);

  const validRows = Array.from({ length: rows.length }, (_, i) => i).filter((i) => rows.valid[i] === 1);
  expect(validRows.map((i) => candles.openMs[i])).toEqual(set.keptMs);

  let worst = 0;
  set.exact.forEach((exact, k) => {
    FEATURE_COLUMNS.forEach((_, c) => {
      const computed = rows.values[c * rows.length + validRows[k]!]!;
      worst = Math.max(worst, Math.abs(computed - exact[c]!) / Math.max(1, Math.abs(exact[c]!)));
    });
  });
  expect(worst).toBeLessThanOrEqual(TOLERANCE);
}

describe.each(kernelPaths())('features on the %s path give what the article gives', (path) => {
  it.each(['daily_btcusdt', 'dirty_synth'])('for %s, carried along', (name) => {
    expectGolden(readSet(OWN_GOLDEN, name), path);
  });

  it.for(['daily_btcusdt', 'intraday_btcusdt_1h', 'thin_xbtusdt_1m', 'dirty_synth'])(
    'for the whole of %s, where ../shared/data is there',
    (name, context) => {
      if (!hasSet(SHARED_GOLDEN, name)) {
        context.skip(`no golden vectors at ${SHARED_GOLDEN}: only those in test/vectors were checked`);
      }
      expectGolden(readSet(SHARED_GOLDEN, name), path);
    },
  );
});
