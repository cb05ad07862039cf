// @module-tag long

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DuckStore, openStore } from '../../../src/adapters/duckdb/index.js';
import { openRecoveryMarker } from '../../../src/adapters/files/recovery-mark.js';
import { Journal } from '../../../src/adapters/journal/index.js';
import { toColumns } from '../../../src/core/candle.js';
import type { OrderEvent } from '../../../src/core/records.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BAR_MS, BTC, barOf, fillOf, orderEventOf, T0 } from '../../contract/store-rows.js';
import { EARLIER_ENDS } from './earlier-ends.js';

let directory: string;
let file: string;
let journal: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'redbutton-replay-'));
  file = path.join(directory, 'redbutton.duckdb');
  journal = path.join(directory, 'redbutton.journal');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (more: Partial<Parameters<typeof openStore>[0]> = {}) =>
  openStore({ path: file, journal, onDamaged: 'put-aside', ...more });
const bar = (i: number) => barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' });
const FLOW = {
  exchange: 'binance',
  flowId: 'd1',
  kind: 'deposit',
  currency: 'USDT',
  amount: '12.5',
  atMs: T0,
} as const;

async function trade(store: DuckStore): Promise<void> {
  await store.recordFlows([FLOW]);
  for (let i = 0; i < 5; i++) {
    await store.commitBar(bar(i));
    await store.recordOrder(orderEventOf(`o${i}`, 'intended', i));
    await store.recordOrder(orderEventOf(`o${i}`, i < 4 ? 'filled' : 'accepted', i), [
      fillOf(`f${i}`, BTC.symbol, {}),
    ]);
  }
  await store.recordRebase({
    atMs: T0 + 99 * BAR_MS,
    by: 'anna',
    peakBefore: 9,
    drawdownBefore: 0.3,
    equity: 6.3,
  });
  await store.recordFills([fillOf('late', BTC.symbol, { fee: '-0.000000000000000001' })]);
  await store.recordReported([fillOf('f0', BTC.symbol, {}), fillOf('f2', BTC.symbol, {})]);
}

/** What must never be lost, whatever becomes of the database. */
const moneyOf = async (store: DuckStore) => {
  const { account, fills, unreportedFills, flows, lastActedBarMs, openOrders } = await store.restore();
  return {
    account,
    fills,
    unreportedFills,
    flows,
    lastActedBarMs,
    openOrders,
    rebases: await store.rebases(),
  };
};

/** The files as they are on the disk at this moment, under another name. */
function powerCut(name: string): { path: string; journal: string } {
  const copy = {
    path: path.join(directory, `${name}.duckdb`),
    journal: path.join(directory, `${name}.journal`),
  };
  if (existsSync(`${file}.wal`)) copyFileSync(`${file}.wal`, `${copy.path}.wal`);
  copyFileSync(file, copy.path);
  copyFileSync(journal, copy.journal);
  return copy;
}

describe('money that is in the journal', () => {
  test('given the database behind it or gone, damaged or torn, when opened, then no fill, flow, order, peak or interval is lost', async () => {
    const store = await open();
    await trade(store);
    const truth = await moneyOf(store);
    expect(truth.account).toMatchObject({ peakEquity: 6.3, drawdown: 0, breakerTripped: false });
    expect([truth.fills.length, truth.flows.length, truth.openOrders.length]).toEqual([6, 1, 1]);
    expect(truth.unreportedFills.map(({ fillId }) => fillId)).toEqual(['f1', 'f3', 'f4', 'late']);
    const harms: Record<string, (copy: string) => void> = {
      whole: () => undefined,
      behind: (copy) => rmSync(`${copy}.wal`),
      torn: (copy) => truncateSync(`${copy}.wal`, statSync(`${copy}.wal`).size - 100),
      gone: (copy) => {
        rmSync(copy);
        rmSync(`${copy}.wal`);
      },
      noise: (copy) => writeFileSync(copy, Buffer.alloc(300_000, 0x5a)),
      'log broken': (copy) => writeFileSync(`${copy}.wal`, readFileSync(`${copy}.wal`).fill(0xff, 200, 260)),
    };
    for (const [name, harm] of Object.entries(harms)) {
      const copy = powerCut(name);
      harm(copy.path);
      const losses: string[] = [];
      // Twice: what was replayed once must pass as known.
      for (const round of [1, 2]) {
        const again = await openStore({
          ...copy,
          onDamaged: 'put-aside',
          onLoss: async (loss) => void losses.push(loss),
        });
        const note = `${name}, round ${round}`;
        expect(await moneyOf(again), note).toEqual(truth);
        expect((await again.orderEvents()).length, note).toBe(10);
        expect((await again.decisions()).length, note).toBe(5);
        await again.close();
      }
      expect(losses.length, name).toBe(['whole', 'behind', 'torn'].includes(name) ? 0 : 1);
    }
    await store.close();
  }, 120_000);

  test('given a journal cut after a checkpoint, when the database is lost, then the truth is still whole', async () => {
    const store = await open();
    await trade(store);
    await store.checkpoint();
    await store.recordOrder(orderEventOf('after', 'intended', 1));
    const truth = await moneyOf(store);
    const copy = powerCut('cut');
    await store.close();
    rmSync(copy.path);
    if (existsSync(`${copy.path}.wal`)) rmSync(`${copy.path}.wal`);
    const again = await openStore({ ...copy });
    expect(again.recovery).toEqual({ kind: 'missing' });
    expect(await moneyOf(again)).toEqual(truth);
    // Settled orders are history, which may be lost; their fills are not.
    expect((await again.orderEvents()).map(({ order }) => order.clientOrderId)).toEqual([
      'o4',
      'o4',
      'after',
    ]);
    await again.close();
  });

  test('given a store that had no journal, when it gets one, then the journal begins with all its money', async () => {
    const before = await openStore({ path: file });
    await trade(before);
    const truth = await moneyOf(before);
    await before.close();
    const upgraded = await open();
    expect(upgraded.recovery).toBeNull();
    await upgraded.close();
    rmSync(file);
    const rebuilt = await open();
    expect(await moneyOf(rebuilt)).toEqual(truth);
    await rebuilt.close();
  });

  test('given the journal of a version that knew only rejected, when replayed, then each order has the state its message tells of', async () => {
    const { journal: written } = await Journal.open(journal);
    for (const [i, [status, message]] of EARLIER_ENDS.entries()) {
      const { reason: _, ...event } = { ...orderEventOf(`o${i}`, status, i), message };
      await written.append({ kind: 'order', event: event as OrderEvent, fills: [] }).durable;
    }
    await written.close();
    const found = async (store: DuckStore) =>
      (await store.orderEvents()).map(({ status, message, reason }) => [status, message, reason]);
    const expected = EARLIER_ENDS.map(([, message, status, reason]) => [status, message, reason]);
    // Twice: the second time the database knows all of it.
    for (const _ of [1, 2]) {
      const store = await open();
      expect(await found(store)).toEqual(expected);
      expect((await store.restore()).openOrders.map(({ status }) => status)).toEqual(['unknown']);
      await store.checkpoint();
      await store.close();
    }
  });

  test('given the journal damaged, when opened, then it is told and begun again from the database', async () => {
    const store = await open();
    await trade(store);
    const truth = await moneyOf(store);
    await store.close();
    const bytes = readFileSync(journal);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(journal, bytes);
    const losses: string[] = [];
    const again = await open({ onLoss: async (loss) => void losses.push(loss) });
    expect(again.recovery).toEqual({ kind: 'journal_damaged', keptAs: `${journal}.damaged-1` });
    expect(losses).toHaveLength(1);
    expect(await moneyOf(again)).toEqual(truth);
    await again.close();
    rmSync(file);
    const rebuilt = await open();
    expect(await moneyOf(rebuilt)).toEqual(truth);
    await rebuilt.close();
  });

  test('given a loss, when the power fails before the repair is done, then the mark is there before anything was moved', async () => {
    await (await open()).close();
    writeFileSync(file, Buffer.alloc(300_000, 0x5a));
    const marker = openRecoveryMarker(path.join(directory, 'mark.json'));
    await expect(
      open({
        onLoss: async (loss) => {
          await marker.set(loss, T0);
          expect(existsSync(`${file}.damaged-1`)).toBe(false);
          throw new Error('the power fails');
        },
      }),
    ).rejects.toThrow('the power fails');
    expect(readFileSync(file).equals(Buffer.alloc(300_000, 0x5a))).toBe(true);
    expect(openRecoveryMarker(path.join(directory, 'mark.json')).current()?.loss).toMatch(/damaged-1/);
  });
});

const RUN = (n: number) => ({ atMs: T0 + n, settings: `{"n":${n}}` });
const at = (i: number) => ({ stream: BTC, openMs: T0 + i * BAR_MS });
const ETH = { ...BTC, symbol: 'ETH/USDT' };

describe('a bar that is in the journal', () => {
  const quiet = (i: number) => barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'denial' });

  /** The same life in each test; `late` comes beside it, before bar 2. */
  async function lived(late?: (store: DuckStore) => Promise<unknown>): Promise<void> {
    const store = await open();
    await store.recordRun(RUN(1));
    for (const stream of [BTC, ETH]) await store.lastCandles(stream, 1);
    await store.commitBar(bar(0));
    await store.commitBar(bar(1));
    if (late === undefined) await store.commitBar(quiet(2));
    else await late(store);
    await store.recordRun(RUN(2));
    await store.commitBar(bar(3));
    await store.commitBar(bar(4));
    await store.commitBar(barOf(ETH, 0, { rng: seededRng(9).next, decided: true, risk: 'order' }));
    await store.commitBar(barOf(ETH, 3, { rng: seededRng(9).next, decided: true, risk: 'order' }));
    await store.close();
  }

  test('given all that came before it there, when it comes back, then it is like any other', async () => {
    const store = await open();
    await store.lastCandles(BTC, 1);
    await store.commitBar(bar(0));
    await store.commitBar(quiet(1));
    await store.checkpoint();
    // All at once: DuckDB is behind the journal
    await Promise.all([bar(2), bar(3), bar(4)].map((each) => store.commitBar(each)));
    const cut = powerCut('whole');
    const behind = powerCut('behind');
    rmSync(`${behind.path}.wal`, { force: true });
    await store.close();
    for (const copy of [cut, behind]) {
      const again = await openStore(copy);
      expect((await again.decisions()).length).toBe(5);
      expect(await again.replayedBars()).toEqual([]);
      await again.close();
    }
  });

  test.each([
    ['a bar that became no order', undefined],
    [
      'a candle that came late into a gap',
      (store: DuckStore) =>
        store.addCandles(BTC, toColumns([{ ...bar(0).candle, openMs: T0 - BAR_MS }]), T0 + 2 * BAR_MS),
    ],
  ])(
    'given %s lost before it, when it comes back, then it and those after it in its stream are marked',
    async (_, late) => {
      await lived(late);
      rmSync(file);
      // Twice: it stays so.
      for (const _ of [1, 2]) {
        const again = await open();
        expect(await again.replayedBars()).toEqual([at(3), at(4)]);
        expect((await again.runs()).slice(0, 2)).toEqual([RUN(1), RUN(2)]);
        expect((await again.decisions({ stream: ETH })).length).toBe(2);
        await again.close();
      }
    },
  );

  test('given a journal cut since, when the database is lost, then it is known which bars were acted on, and by which settings', async () => {
    await lived();
    const before = await open();
    const { lastActedBarMs } = await before.restore();
    await before.checkpoint();
    await before.close();
    rmSync(file);
    await (await open()).close();
    // Then the journal too: the database has it of itself by now.
    rmSync(journal);
    const again = await open();
    expect(await again.decisions()).toEqual([]);
    expect(await again.replayedBars()).toEqual([at(4), { stream: ETH, openMs: T0 + 3 * BAR_MS }]);
    expect((await again.restore()).lastActedBarMs).toEqual(lastActedBarMs);
    expect(await again.runs()).toEqual([RUN(2)]);
    await again.close();
  });
});

describe('a loss that nobody has confirmed', () => {
  test('given the mark, when asked over restarts, then the box is at most REDUCING until it is cleared', async () => {
    const name = path.join(directory, 'mark.json');
    let state: 'ACTIVE' | 'HALTED' = 'ACTIVE';
    const limited = () =>
      openRecoveryMarker(name)
        .limit({ state: () => state })
        .state();
    expect(limited()).toBe('ACTIVE');
    await openRecoveryMarker(name).set('the database was gone', T0);
    expect(limited()).toBe('REDUCING');
    state = 'HALTED';
    expect(limited()).toBe('HALTED');
    state = 'ACTIVE';
    writeFileSync(name, '{"loss": 1');
    expect(limited()).toBe('REDUCING');
    const marker = openRecoveryMarker(name);
    await marker.clear();
    expect([marker.current(), limited()]).toEqual([null, 'ACTIVE']);
  });
});
