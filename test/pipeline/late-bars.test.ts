import { describe, expect, it } from 'vitest';
import type { Candle } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createFeatureLayer } from '../../src/pipeline/features/index.js';
import { Ingestion } from '../../src/pipeline/ingestion/index.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { paperWorld } from '../support/paper-world.js';
import { createPlainFeatureKernel } from '../support/plain-feature-kernel.js';
import { KEY, randomWalk } from '../support/tiny-stream.js';

const WALK = randomWalk(seededRng(5), 90);

async function world() {
  const store = new MemoryStore();
  const trader = await paperWorld({
    store,
    setup: (tiny, clock) => ({
      ...tiny,
      ingestion: new Ingestion({ stream: KEY, rules: 'strict', calendar: '24x7', maxGapBars: 3, clock }),
      features: createFeatureLayer({
        kernel: createPlainFeatureKernel(),
        stream: KEY,
        calendar: '24x7',
        maxGapBars: 3,
      }),
    }),
  });
  return { store, ...trader };
}

const featuresOf = async (store: MemoryStore, candle: Candle) =>
  (await store.decisions()).find((record) => record.candle.openMs === candle.openMs)?.features;

describe('bars that come late', () => {
  it('as a correction are kept beside what was decided on, which stays', async () => {
    const { bar, store } = await world();
    for (const candle of WALK.slice(0, 30)) await bar(candle);
    const before = await store.decisions();
    const corrected = { ...WALK[27]!, close: WALK[27]!.open };
    expect(await bar(corrected)).toMatchObject({ kind: 'corrected' });
    expect(await bar(corrected)).toMatchObject({ kind: 'corrected' });
    expect((await store.corrections()).map(({ stored, corrected: c }) => [stored, c])).toEqual([
      [WALK[27], corrected],
    ]);
    expect(await store.decisions()).toEqual(before);
    expect(await store.quarantined()).toEqual([]);
    expect(await bar(WALK[30]!)).toMatchObject({ kind: 'decided' });
  });

  it('as the missing ones of a gap make the next windows those of a market without it', async () => {
    const whole = await world();
    for (const candle of WALK.slice(0, 60)) await whole.bar(candle);
    const torn = await world();
    for (const candle of WALK.slice(0, 30)) await torn.bar(candle);
    // Six bars are missing: a gap longer than maxGapBars blocks every window over it.
    expect(await torn.bar(WALK[36]!)).toMatchObject({ kind: 'decided', missingBars: 6 });
    expect(await featuresOf(torn.store, WALK[36]!)).toBeNull();
    const late = [...WALK.slice(30, 36), { ...WALK[33]!, high: -1 }];
    expect(await torn.pipeline.fillGap(KEY, late)).toBe(6);
    expect((await torn.store.quarantined()).map((row) => row.reason)).toEqual(['non_positive_price']);
    expect((await torn.store.candles(KEY)).length).toBe(37);
    expect(await torn.bar(WALK[37]!)).toMatchObject({ kind: 'decided', missingBars: 0 });
    const features = await featuresOf(torn.store, WALK[37]!);
    expect(features).not.toBeNull();
    expect(features).toEqual(await featuresOf(whole.store, WALK[37]!));
    // The same bars again change nothing.
    expect(await torn.pipeline.fillGap(KEY, WALK.slice(30, 36))).toBe(0);
  });
});
