// @module-tag long

import { setImmediate } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import { allocateRows, createFeatureKernel } from '../../src/adapters/native/features.js';
import { candleAt } from '../../src/core/candle.js';
import { FEATURE_COLUMNS } from '../../src/core/feature-set.js';
import { OWN_GOLDEN, readSet } from './golden-vectors.js';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

async function collectAll(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    collect();
    await setImmediate();
  }
}

/** Resident memory in MB after everything collectable, finalizers included, is gone. */
async function residentMb(): Promise<number> {
  await collectAll();
  return process.memoryUsage.rss() / 2 ** 20;
}

const { candles } = readSet(OWN_GOLDEN, 'daily_btcusdt');
const kernel = createFeatureKernel();

async function growthMb(
  warmUp: number,
  calls: number,
  call: (i: number) => void,
  dropsObjects = false,
): Promise<number> {
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) {
      call(i);
      // Finalizers run between turns of the event loop; collected often, what is dropped cannot pile up and pass for a leak.
      if (i % 2_000 === 1_999 && dropsObjects) await collectAll();
    }
  };
  await run(warmUp);
  const before = await residentMb();
  await run(calls);
  return (await residentMb()) - before;
}

describe('memory stays where it is', () => {
  it('over a million candles of one stream', { timeout: 60_000 }, async () => {
    const stream = kernel.stream();
    const row = new Float64Array(FEATURE_COLUMNS.length);
    const candle = candleAt(candles, 100);
    const grown = await growthMb(100_000, 1_000_000, () => stream.push(candle, row));
    expect(grown).toBeLessThan(8);
  });

  it('over a million batches of 20 candles', { timeout: 60_000 }, async () => {
    const some = {
      ...candles,
      length: 20,
      close: candles.close.slice(0, 20),
      volume: candles.volume.slice(0, 20),
    };
    const rows = allocateRows(20);
    const grown = await growthMb(100_000, 1_000_000, () => kernel.batchInto(some, rows));
    expect(rows.valid[19]).toBe(1);
    expect(grown).toBeLessThan(8);
  });

  it('over 60 000 streams made and dropped, each of which holds 1 KB and more', {
    timeout: 240_000,
  }, async () => {
    const row = new Float64Array(FEATURE_COLUMNS.length);
    const candle = candleAt(candles, 100);
    const make = (i: number) => {
      const stream = kernel.stream();
      if (i % 100 === 0) stream.push(candle, row);
    };
    const grown = await growthMb(20_000, 60_000, make, true);
    expect(grown).toBeLessThan(8);
  });
});
