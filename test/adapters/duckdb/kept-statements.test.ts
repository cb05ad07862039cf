import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, fillOf, orderEventOf } from '../../contract/store-rows.js';

test('given reads before anything is stored, when read again later, then kept statements tell what is there by then', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'redbutton-kept-'));
  const store = await openStore({ path: path.join(directory, 'redbutton.duckdb') });
  const readAll = async () => ({
    fills: await store.fills(),
    orders: await store.orderEvents(),
    decisions: await store.decisions(),
    restored: await store.restore(),
    last: await store.lastCandles(BTC, 3),
  });
  await readAll();
  const fills = [fillOf('1', BTC.symbol, {}), fillOf('2', 'A-VERY-LONG-SYMBOL/USDT:USDT', { atMs: 2 ** 52 })];
  const bars = [0, 1, 2].map((i) => barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' }));
  await store.recordOrder(orderEventOf('open', 'accepted', 0), fills);
  await store.recordFills(fills);
  for (const bar of bars) await store.commitBar(bar);
  const read = await readAll();
  expect(read.fills).toEqual(fills);
  expect(read.orders).toEqual([orderEventOf('open', 'accepted', 0)]);
  expect(read.decisions).toEqual(bars);
  expect(read.last).toEqual(bars.map(({ candle }) => candle));
  expect(read.restored.fills).toEqual(fills);
  expect(read.restored.openOrders).toEqual(read.orders);
  await store.close();
  rmSync(directory, { recursive: true });
});
