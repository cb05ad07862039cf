import { afterEach, expect } from 'vitest';
import { ARMED, attachTrader, type Bench, type BenchOptions, startBench } from './guard-bench.js';

/** The bench of the test that runs; disposed of after it. */
export let bench: Bench;

export async function start(options?: BenchOptions): Promise<Bench> {
  bench = await startBench(options);
  return bench;
}

/** An armed box with a reconciled trader. */
export async function startActive(options: BenchOptions = {}) {
  await start({ record: ARMED, ...options });
  const trader = await attachTrader(bench);
  await bench.time.advance(100);
  expect(bench.guard.status()).toMatchObject({ state: 'ACTIVE', armed: true });
  return trader;
}

export const kinds = () => bench.notices.map(({ kind }) => kind);
export const state = () => bench.guard.status().state;

afterEach(async () => {
  await bench.dispose();
});
