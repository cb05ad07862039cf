// @module-tag sockets

import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtFeed } from '../../src/adapters/ccxt/index.js';
import { candleAt } from '../../src/core/candle.js';
import { collect, plain, stepThrough } from './bar-collector.js';
import { startWorld, type World, walk } from './world.js';

/** Counted in seconds of processor time, so that a machine busy with other things fails no test. */
const BARS_PER_CPU_SECOND_MIN = 300;
const BARS = 1000;
let world: World;
afterEach(() => world.simulator.stop());

describe('a thousand bars in lockstep through ccxt in one process', () => {
  it(`take no more than a processor second for ${BARS_PER_CPU_SECOND_MIN} of them, none lost`, async () => {
    const candles = walk(BARS + 110);
    world = await startWorld({ candles });
    const feed = createCcxtFeed(await world.connect(), { graceMs: 0 });
    const collector = await collect(feed, world.simulator);
    await stepThrough(world.simulator, collector, 10);
    const startedMs = performance.now();
    const cpuBefore = process.cpuUsage();
    await stepThrough(world.simulator, collector, BARS);
    const cpu = process.cpuUsage(cpuBefore);
    const perSecond = BARS / ((performance.now() - startedMs) / 1000);
    const perCpuSecond = BARS / ((cpu.user + cpu.system) / 1e6);
    await collector.stop();
    console.log(
      `lockstep through ccxt: ${Math.round(perSecond)} bars/s, ${Math.round(perCpuSecond)} bars per processor second`,
    );
    expect(collector.bars.map(plain)).toEqual(
      Array.from({ length: BARS + 10 }, (_, i) => candleAt(candles, 100 + i)),
    );
    expect(perCpuSecond).toBeGreaterThan(BARS_PER_CPU_SECOND_MIN);
  });
});
