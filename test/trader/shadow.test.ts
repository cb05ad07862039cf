import { describe, expect, it } from 'vitest';
import { FEATURE_SET_VERSION, MODEL_COLUMNS } from '../../src/core/feature-set.js';
import type { ModelManifest } from '../../src/core/manifest.js';
import type { BarOutcome, DecidedBar } from '../../src/pipeline/bar-outcome.js';
import type { Classifier } from '../../src/ports/model.js';
import { createShadow } from '../../src/trader/shadow.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { HOUR_MS, KEY, START_MS } from '../support/tiny-stream.js';

function model(answer: (row: Float64Array) => number): Classifier {
  const manifest = {
    featureSet: FEATURE_SET_VERSION,
    columns: MODEL_COLUMNS,
    sha256: 'shadow',
    batchable: true,
    calibration: { kind: 'platt', a: -2, b: 0 },
  } as unknown as ModelManifest;
  return {
    manifest,
    predict: async (rows) => Float64Array.of(answer(rows)),
    close: async () => undefined,
  };
}

const bar = (i: number, features: Float64Array | null): DecidedBar =>
  ({
    kind: 'decided',
    stream: KEY,
    record: { stream: KEY, candle: { openMs: START_MS + i * HOUR_MS }, features },
  }) as DecidedBar;
const row = (x: number) => Float64Array.from({ length: MODEL_COLUMNS.length + 1 }, (_, i) => i + x);

describe('a shadow model', () => {
  it('is asked the rows of decided bars, in order, and recorded', async () => {
    const store = new MemoryStore();
    const asked: number[] = [];
    const shadow = createShadow({
      classifier: model((values) => {
        asked.push(values[0]!);
        return 0.75;
      }),
      store,
      onFault: (detail) => expect.unreachable(detail),
      onBack: () => expect.unreachable(),
    });
    shadow.onBar(bar(0, null));
    shadow.onBar({ kind: 'already_known', stream: KEY, openMs: START_MS } as BarOutcome);
    for (const i of [1, 2, 3]) shadow.onBar(bar(i, row(i)));
    await shadow.idle();
    // The first column is no input of a model.
    expect(asked).toEqual([2, 3, 4]);
    const stored = await store.shadowPredictions();
    expect(stored.map(({ openMs }) => (openMs - START_MS) / HOUR_MS)).toEqual([1, 2, 3]);
    expect(stored[0]).toMatchObject({ stream: KEY, probabilityUp: 0.75, modelHash: 'shadow' });
    expect(stored[0]!.probabilityUpCalibrated).toBeCloseTo(0.9, 12);
  });

  it('that fails is told once, and again when it is back', async () => {
    const store = new MemoryStore();
    const told: string[] = [];
    let well = true;
    const shadow = createShadow({
      classifier: model(() => (well ? 0.5 : Number.NaN)),
      store,
      onFault: (detail) => told.push(detail),
      onBack: () => told.push('back'),
    });
    for (const isWell of [true, false, false, true, true]) {
      well = isWell;
      shadow.onBar(bar(told.length + 1, row(0)));
      await shadow.idle();
    }
    expect(told).toEqual(['the model answered NaN, which is no probability', 'back']);
    expect(await store.shadowPredictions()).toHaveLength(3);
  });
});
