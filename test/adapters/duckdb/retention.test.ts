// @module-tag long

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DuckStore, openStore, type StoreOptions } from '../../../src/adapters/duckdb/index.js';
import { keptFromMs } from '../../../src/adapters/duckdb/write/retention.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BAR_MS, BTC, barOf, ETH, fillOf, T0 } from '../../contract/store-rows.js';

const DAY_MS = 86_400_000;
const COMPACTION = { freeShareMax: 0.5, freeBytesMin: 1_000_000, diskReserveBytes: 0 };

let dir: string;
let archive: string;
let store: DuckStore;
const open = (more: Partial<StoreOptions> = {}) =>
  openStore({
    path: path.join(dir, 'a.duckdb'),
    archiveDir: archive,
    journal: path.join(dir, 'a.journal'),
    ...more,
  });
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-retention-'));
  archive = path.join(dir, 'archive');
  store = await open();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true });
});

/** History of `count` bars from `T0` on, as columns. */
function history(count: number, seed: number) {
  const rng = seededRng(seed).next;
  const column = (of: (i: number) => number) => Float64Array.from({ length: count }, (_, i) => of(i));
  const close = column(() => 100 + rng() * 10);
  return {
    length: count,
    openMs: column((i) => T0 + i * BAR_MS),
    open: close,
    high: close.map((v) => v + 1),
    low: close.map((v) => v - 1),
    close,
    volume: column(() => rng()),
  };
}

async function archived(table: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const answer = await connection.runAndReadAll(
    `SELECT exchange, symbol, timeframe, open_ms, close, month FROM read_parquet('${archive}/${table}/**/*.parquet', hive_partitioning = true)
     ORDER BY symbol, open_ms`,
  );
  const rows = answer.getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

describe('what is kept', () => {
  it('of bars is whole months, of the rest whole days', () => {
    const now = Date.UTC(2026, 5, 17, 13);
    expect(new Date(keptFromMs('bars', 30, now)).toISOString()).toBe('2026-05-01T00:00:00.000Z');
    expect(new Date(keptFromMs('quarantine', 30, now)).toISOString()).toBe('2026-05-18T00:00:00.000Z');
  });

  it('bars that have expired are in the archive and nowhere else; the rest, and all money, stays', async () => {
    const bars = Math.ceil((100 * DAY_MS) / BAR_MS);
    for (const [i, stream] of [BTC, ETH].entries()) await store.addCandles(stream, history(bars, i + 1), T0);
    for (let i = 0; i < 3; i++)
      await store.commitBar(barOf(BTC, bars + i, { rng: seededRng(i).next, decided: true, predicted: true }));
    await store.recordFills([fillOf('f1', BTC.symbol, {})]);
    await store.quarantine([{ stream: BTC, openMs: T0, reason: 'duplicate', raw: 'x', atMs: T0 } as never]);
    const all = await Promise.all([store.candles(BTC), store.candles(ETH)]);
    const nowMs = T0 + 101 * DAY_MS;
    const fromMs = keptFromMs('bars', 30, nowMs);

    const retired = await store.retire({ bars: 30, quarantine: 10 }, nowMs);

    const old = all.flatMap((columns) => [...columns.openMs].filter((ms) => ms < fromMs)).length;
    expect(old).toBeGreaterThan(1000);
    expect(retired).toContainEqual({ kind: 'bars', beforeMs: fromMs, rows: old });
    expect(retired).toContainEqual(expect.objectContaining({ kind: 'quarantine', rows: 1 }));
    for (const [i, stream] of [BTC, ETH].entries()) {
      const kept = await store.candles(stream);
      expect(kept.length).toBe([...all[i]!.openMs].filter((ms) => ms >= fromMs).length);
      expect(kept.openMs[0]).toBeGreaterThanOrEqual(fromMs);
    }
    expect((await store.fills()).length).toBe(1);
    expect(await store.quarantined()).toEqual([]);

    const rows = await archived('candles');
    expect(rows.length).toBe(old);
    const btc = rows.filter(({ exchange }) => exchange === BTC.exchange);
    expect(btc.map(({ close }) => close)).toEqual([...all[0]!.close].slice(0, btc.length));
    expect(
      readdirSync(path.join(archive, 'candles', `exchange=${BTC.exchange}`, 'symbol=BTC%2FUSDT')).length,
    ).toBe(2);
    expect(readdirSync(archive)).toEqual(['candles']);

    expect(await store.retire({ bars: 30, quarantine: 10 }, nowMs)).toEqual([]);
    // Bars go on, also after a restart.
    await store.close();
    store = await open();
    await store.commitBar(barOf(BTC, bars + 3, { rng: seededRng(9).next, decided: true, predicted: true }));
    expect((await store.lastCandles(BTC, 1))[0]!.openMs).toBe(T0 + (bars + 3) * BAR_MS);
  });

  it('a round that was cut off before the rows were taken out is done again, and leaves each row once', async () => {
    const bars = Math.ceil((70 * DAY_MS) / BAR_MS);
    await store.addCandles(BTC, history(bars, 1), T0);
    const nowMs = T0 + 71 * DAY_MS;
    await store.close();
    // The state after the archive was written: a copy of the database from before, beside the finished files.
    const before = path.join(dir, 'before');
    mkdirSync(before);
    for (const name of ['a.duckdb', 'a.journal'])
      writeFileSync(path.join(before, name), readFileSync(path.join(dir, name)));
    store = await open();
    const [first] = await store.retire({ bars: 30 }, nowMs);
    await store.close();
    for (const name of ['a.duckdb', 'a.journal'])
      writeFileSync(path.join(dir, name), readFileSync(path.join(before, name)));
    mkdirSync(path.join(archive, '.candles.new'));
    writeFileSync(path.join(archive, '.candles.new', 'half.parquet'), 'half');
    store = await open();
    expect(await store.retire({ bars: 30 }, nowMs)).toEqual([first]);
    expect((await archived('candles')).length).toBe(first!.rows);
    expect(existsSync(path.join(archive, '.candles.new'))).toBe(false);
  });

  it('forever is what is not named, or 0', async () => {
    await store.addCandles(BTC, history(100, 1), T0);
    expect(await store.retire({ bars: 0 }, T0 + 4000 * DAY_MS)).toEqual([]);
    expect(await store.retire({}, T0 + 4000 * DAY_MS)).toEqual([]);
    expect((await store.candles(BTC)).length).toBe(100);
  });
});

describe('a database that is mostly empty', () => {
  it('is written again when it is opened, with every row; what a cut left behind is no hindrance', async () => {
    await store.close();
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    store = await openStore({ path: path.join(dir, 'a.duckdb') });
    const bars = 400_000;
    await store.addCandles(BTC, history(bars, 1), T0);
    await store.recordFills([fillOf('f1', BTC.symbol, {})]);
    await store.checkpoint();
    const nowMs = T0 + bars * BAR_MS;
    await store.retire({ bars: 20 }, nowMs);
    await store.checkpoint();
    const kept = await store.candles(BTC);
    await store.close();
    const file = path.join(dir, 'a.duckdb');
    const bytes = statSync(file).size;
    writeFileSync(`${file}.compacted`, 'half of a copy');

    store = await open({ compaction: COMPACTION });

    expect(store.compacted).toEqual({ bytesBefore: bytes, bytesAfter: statSync(file).size });
    expect(statSync(file).size).toBeLessThan(bytes / 2);
    expect(await store.candles(BTC)).toEqual(kept);
    expect((await store.fills()).length).toBe(1);
    expect(existsSync(`${file}.compacted`)).toBe(false);
    await store.commitBar(barOf(BTC, bars, { rng: seededRng(1).next, decided: true, predicted: true }));
    await store.close();
    store = await open({ compaction: COMPACTION });
    expect(store.compacted).toBe(null);
    expect((await store.candles(BTC)).length).toBe(kept.length + 1);
  });
});
