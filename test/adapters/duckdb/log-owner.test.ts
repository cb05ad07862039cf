// @module-tag long

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { isBeforeOwnedLogs, logHead } from '../../../src/adapters/duckdb/open/log-owner.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, fillOf, orderEventOf } from '../../contract/store-rows.js';

let dir: string;
let file: string;
let journal: string;
let backup: string;
let older: string;
beforeEach(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'redbutton-owner-'));
  [file, journal] = [path.join(dir, 'a.duckdb'), path.join(dir, 'a.journal')];
  [backup, older] = [path.join(dir, 'backup.duckdb'), path.join(dir, 'older.duckdb')];
  await lifeOfABox();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ORDERS = 12;
/** Twelve orders and fills: a copy of the file after four, a backup after eight, and an unclean stop at the end. */
async function lifeOfABox(): Promise<void> {
  const live = path.join(dir, 'live.duckdb');
  const store = await openStore({ path: live, journal: path.join(dir, 'live.journal'), handoverDir: dir });
  for (let i = 0; i < ORDERS; i++) {
    await store.commitBar(barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' }));
    await store.recordOrder(orderEventOf(`o${i}`, 'intended', i));
    await store.recordFills([fillOf(`f${i}`, BTC.symbol, { atMs: i })]);
    if (i === 3) {
      await store.checkpoint();
      copyFileSync(live, older);
    }
    if (i === 7) {
      await store.checkpoint();
      await store.queries.backup(backup);
    }
  }
  // The journal is ahead of the database, which has to have a log here.
  while ((await store.fills()).length < ORDERS) await setTimeout(5);
  // As a process leaves them that is killed.
  for (const [from, to] of [
    [live, file],
    [`${live}.wal`, `${file}.wal`],
    [path.join(dir, 'live.journal'), journal],
  ] as const)
    copyFileSync(from, to);
  await store.close();
}

async function money(onDamaged: 'put-aside' | 'refuse' = 'put-aside') {
  const losses: string[] = [];
  const store = await openStore({
    path: file,
    journal,
    onDamaged,
    onLoss: async (loss) => {
      losses.push(loss);
    },
  });
  const fills = (await store.fills()).map(({ fillId }) => fillId).sort();
  const orders = (await store.orderEvents()).length;
  await store.close();
  return { fills, orders, losses, kind: store.recovery?.kind ?? null };
}
const ALL = Array.from({ length: ORDERS }, (_, i) => `f${i}`).sort();

/** A database as DuckDB made them before logs said whose they are, and a log of such a one. */
async function beforeOwnedLogs(): Promise<{ readonly database: string; readonly log: Buffer }> {
  const database = path.join(dir, 'before.duckdb');
  const instance = await DuckDBInstance.create(database, { storage_compatibility_version: 'v1.0.0' });
  const connection = await instance.connect();
  await connection.run('CREATE TABLE others (a INTEGER)');
  const log = readFileSync(`${database}.wal`);
  connection.closeSync();
  instance.closeSync();
  return { database, log };
}

describe('a database under the log of an unclean stop', () => {
  test('given its own log, when opened, then every fill is there once and nothing is said', async () => {
    expect(await money()).toEqual({ fills: ALL, orders: ORDERS, losses: [], kind: null });
  });

  test.each([
    ['a backup', () => copyFileSync(backup, file)],
    ['an older copy of its own file', () => copyFileSync(older, file)],
    [
      'a backup and a log with a break in its middle',
      () => {
        copyFileSync(backup, file);
        const log = readFileSync(`${file}.wal`);
        writeFileSync(`${file}.wal`, log.fill(0xff, 60, 64));
      },
    ],
  ])(
    'given %s in its place, when opened, then no fill is doubled or lost and the log is kept',
    async (_, replace) => {
      replace();
      const log = readFileSync(`${file}.wal`);
      const found = await money();
      expect(found).toMatchObject({ fills: ALL, orders: ORDERS, kind: 'foreign_log' });
      expect(found.losses).toEqual([
        `the database was replaced, and the log of the one before is kept as ${file}.foreign-1.wal`,
      ]);
      expect(readFileSync(`${file}.foreign-1.wal`).equals(log)).toBe(true);
      expect(await money()).toMatchObject({ fills: ALL, losses: [], kind: null });
    },
  );

  test('given a log that does not say whose it is, when opened, then it is not worked in', async () => {
    writeFileSync(`${file}.wal`, (await beforeOwnedLogs()).log);
    expect(await money()).toMatchObject({ fills: ALL, kind: 'foreign_log' });
  });

  test('given a backup in its place, when it may not be repaired, then it is refused and nothing is touched', async () => {
    copyFileSync(backup, file);
    const before = readdirSync(dir).sort();
    for (const opening of [
      () => openStore({ path: file, readOnly: true }),
      () => openStore({ path: file, journal }),
    ]) {
      await expect(opening()).rejects.toMatchObject({ code: 'E_STORE_FOREIGN_LOG', exitCode: 1 });
      expect(readdirSync(dir).sort()).toEqual(before);
      expect(readFileSync(file).equals(readFileSync(backup))).toBe(true);
    }
  });
});

describe('whose a log is', () => {
  test('given databases and logs of this DuckDB, when read, then the layout is the one known here', async () => {
    const own = logHead(readFileSync(`${file}.wal`))!;
    expect(readFileSync(file).subarray(124, 140).equals(own.id!)).toBe(true);
    expect(readFileSync(backup).subarray(124, 140).equals(own.id!)).toBe(false);
    expect([file, backup].map(isBeforeOwnedLogs)).toEqual([false, false]);
    const before = await beforeOwnedLogs();
    expect([isBeforeOwnedLogs(before.database), logHead(before.log)]).toEqual([
      true,
      { length: 8, id: null },
    ]);
  });

  test('given a database of before, when the trader opens it, then it is written again and keeps its rows', async () => {
    const instance = await DuckDBInstance.create(':memory:', { storage_compatibility_version: 'v1.0.0' });
    const connection = await instance.connect();
    const old = path.join(dir, 'old.duckdb');
    await connection.run(`ATTACH '${backup}' AS new_one`);
    await connection.run(`ATTACH '${old}' AS old_one (STORAGE_VERSION 'v1.0.0')`);
    await connection.run('COPY FROM DATABASE new_one TO old_one');
    connection.closeSync();
    instance.closeSync();
    expect(isBeforeOwnedLogs(old)).toBe(true);
    const compaction = { freeShareMax: 0.5, freeBytesMin: 1e9, diskReserveBytes: 0 };
    const store = await openStore({ path: old, compaction });
    expect(store.compacted).not.toBeNull();
    expect(await store.fills()).toHaveLength(8);
    await store.close();
    expect(isBeforeOwnedLogs(old)).toBe(false);
    expect(existsSync(`${old}.wal`)).toBe(false);
  });
});
