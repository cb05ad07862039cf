import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { OrderPriority } from '../../../src/adapters/duckdb/write/order-priority.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, ETH, orderEventOf } from '../../contract/store-rows.js';

/** A promise that is settled from outside. */
function pending() {
  let settle!: () => void;
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}

/** Whether it has settled once everything has run that could at once. */
async function isOver(work: Promise<unknown>): Promise<boolean> {
  let over = false;
  work.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  for (let i = 0; i < 5; i++) await setImmediate();
  return over;
}

describe('right of way', () => {
  test('work waits for the order, and for the one that begins with its end', async () => {
    const way = new OrderPriority();
    const [written, sent] = [pending(), pending()];
    way.give(written.promise);
    const waits = way.wait();
    expect(await isOver(waits)).toBe(false);
    written.promise.then(() => way.give(sent.promise));
    written.settle();
    expect(await isOver(waits)).toBe(false);
    sent.settle();
    expect(await isOver(waits)).toBe(true);
    expect(way.isFree).toBe(true);
  });

  test('an order that fails holds up nothing', async () => {
    const way = new OrderPriority();
    way.give(Promise.reject(new Error('no')));
    expect(await isOver(way.wait())).toBe(true);
  });

  test('an order without an end is waited for a quarter of a second', async () => {
    const way = new OrderPriority();
    way.give(new Promise(() => undefined));
    const from = performance.now();
    // The wait by itself keeps no process alive.
    await Promise.all([way.wait(), setTimeout(300)]);
    expect(performance.now() - from).toBeLessThan(900);
    expect(way.isFree).toBe(true);
  });
});

describe('a store with a journal', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'redbutton-way-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('money is durable while an order is on its way, and the database has all of it afterwards', async () => {
    const store = await openStore({
      path: path.join(directory, 'redbutton.duckdb'),
      journal: path.join(directory, 'redbutton.journal'),
    });
    const bar = (stream: typeof BTC, i: number, risk: 'order' | 'none') =>
      barOf(stream, i, { rng: seededRng(i).next, decided: true, risk });
    // The first bar of a stream is looked up; those after it are surely new.
    await store.commitBar(bar(BTC, 0, 'none'));
    await store.commitBar(bar(ETH, 0, 'none'));
    const sent = pending();
    await store.commitBar(bar(BTC, 1, 'order'));
    store.yieldTo(sent.promise);
    const other = store.commitBar(bar(ETH, 1, 'none'));
    await store.recordOrder(orderEventOf('o1', 'intended', 1));
    expect(await isOver(other)).toBe(false);
    sent.settle();
    await other;
    expect((await store.decisions()).map(({ stream, candle }) => [stream.symbol, candle.openMs])).toEqual([
      [BTC.symbol, bar(BTC, 0, 'none').candle.openMs],
      [ETH.symbol, bar(ETH, 0, 'none').candle.openMs],
      [BTC.symbol, bar(BTC, 1, 'order').candle.openMs],
      [ETH.symbol, bar(ETH, 1, 'none').candle.openMs],
    ]);
    expect(await store.orderEvents()).toHaveLength(1);
    await store.close();
  });
});
