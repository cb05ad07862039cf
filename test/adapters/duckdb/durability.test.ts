// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
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
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { chainEnd, commitsFrom } from '../../../src/adapters/duckdb/open/write-ahead-log.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf } from '../../contract/store-rows.js';
import { compiled } from './compiled.js';

const KILLS = 20;
/** Printed with every failure; set REDBUTTON_TEST_SEED to replay one. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);

let child: { readonly directory: string; readonly script: string };
let directory: string;
let file: string;
const running = new Set<ChildProcess>();
beforeAll(() => {
  child = compiled('test/adapters/duckdb/store-writer.ts');
}, 120_000);
afterAll(() => rmSync(child.directory, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'redbutton-durable-'));
  file = path.join(directory, 'redbutton.duckdb');
});
afterEach(() => {
  for (const process of running) process.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

interface Told {
  bars: number;
  orders: number;
  fills: number;
}

/** Lets a process write from bar `first` on, kills it after `lines` lines and `ms` more, and tells what it said was durable. */
async function writeAndKill(first: number, lines: number, ms: number, checkpointMb: number): Promise<Told> {
  const writer = spawn(process.execPath, [child.script, file, String(first), String(checkpointMb)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(writer);
  const exited = new Promise<void>((resolve) => writer.once('close', () => resolve()));
  const told: Told = { bars: first, orders: first, fills: first };
  let seen = 0;
  for await (const line of createInterface({ input: writer.stdout! })) {
    const [what, index] = line.split(' ');
    if (what === 'bar') told.bars = Number(index) + 1;
    if (what === 'order') told.orders = Number(index) + 1;
    if (what === 'fill') told.fills = Number(index) + 1;
    seen += 1;
    if (seen === lines) void sleep(ms).then(() => writer.kill('SIGKILL'));
  }
  await exited;
  running.delete(writer);
  return told;
}

describe('a store whose process is killed', () => {
  test(`given ${KILLS} kills at random moments, when reopened each time, then nothing committed is lost and nothing is there twice`, async () => {
    const rng = seededRng(SEED).next;
    let next = 0;
    for (let round = 0; round < KILLS; round++) {
      // Every third process checkpoints all the time, so that kills fall into checkpoints too.
      const checkpointMb = round % 3 === 2 ? 0.01 : 16;
      const note = `seed ${SEED}, round ${round}`;
      const told = await writeAndKill(next, 1 + Math.floor(rng() * 60), Math.floor(rng() * 20), checkpointMb);
      const store = await openStore({ path: file });
      expect(store.recovery, note).toBeNull();
      const orders = (await store.orderEvents()).map((event) => event.order.clientOrderId);
      const unique = new Set(orders);
      // An order after an untold commit is written again by the next process: events are a log.
      expect(orders.length - unique.size, note).toBeLessThanOrEqual(round + 1);
      const times = (await store.candles(BTC)).length;
      expect((await store.decisions()).length, note).toBe(times);
      expect(times - told.bars, note).toBeGreaterThanOrEqual(0);
      expect(times - told.bars, note).toBeLessThanOrEqual(1);
      for (let i = 0; i < told.orders; i++) expect(unique.has(`o${i}`), note).toBe(true);
      const fills = (await store.fills()).map((fill) => fill.fillId);
      expect(new Set(fills).size, note).toBe(fills.length);
      for (let i = 0; i < told.fills; i++) expect(fills.includes(`f${i}`), note).toBe(true);
      await store.close();
      // The next process starts over at the last told fill: bars that are there already must pass as equal.
      next = told.fills;
    }
    const store = await openStore({ path: file });
    const decisions = await store.decisions();
    expect(decisions.length).toBeGreaterThan(KILLS / 2);
    for (const [i, record] of decisions.entries())
      expect(record, `seed ${SEED}`).toEqual(
        barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' }),
      );
    await store.close();
  }, 180_000);
});

describe('a log that a power cut tore', () => {
  let told: Told;
  let log: Buffer;
  const copy = (number: number) => {
    const name = path.join(directory, `copy-${number}.duckdb`);
    copyFileSync(file, name);
    copyFileSync(`${file}.wal`, `${name}.wal`);
    return name;
  };
  beforeEach(async () => {
    told = await writeAndKill(0, 60, 0, 16);
    log = readFileSync(`${file}.wal`);
  }, 60_000);

  test('given the log of this DuckDB, when read, then its layout is the one known here', () => {
    expect(chainEnd(log)).toBe(log.length);
    expect(commitsFrom(log, 0)).toBeGreaterThanOrEqual(told.bars + told.orders + told.fills);
    expect(commitsFrom(log, 0)).toBeLessThanOrEqual(told.bars + told.orders + told.fills + 1);
  });

  test('given it cut short anywhere, when reopened, then a whole prefix is there', async () => {
    const rng = seededRng(SEED).next;
    for (let i = 0; i < 15; i++) {
      const name = copy(i);
      const length = Math.floor(rng() * log.length);
      truncateSync(`${name}.wal`, length);
      const commits = commitsFrom(log.subarray(0, length), 0);
      const store = await openStore({ path: name });
      const rows =
        (await store.decisions()).length + (await store.orderEvents()).length + (await store.fills()).length;
      expect(rows, `seed ${SEED}, cut at ${length} of ${log.length}`).toBe(commits);
      await store.close();
    }
  });

  test.each([
    ['zeros after the last entry', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(300)]), 0],
    ['the last 40 bytes zeroed', (bytes: Buffer) => Buffer.from(bytes).fill(0, bytes.length - 40), 1],
    ['the last 40 bytes garbled', (bytes: Buffer) => Buffer.from(bytes).fill(0xab, bytes.length - 40), 1],
  ])(
    'given %s, when reopened, then only the torn transaction is cut and the whole log is kept',
    async (_, tear, lost) => {
      writeFileSync(`${file}.wal`, tear(log));
      const store = await openStore({ path: file });
      const rows =
        (await store.decisions()).length + (await store.orderEvents()).length + (await store.fills()).length;
      expect(rows).toBe(commitsFrom(log, 0) - lost);
      if (store.recovery) {
        expect(store.recovery.kind).toBe('torn_log');
        expect(readFileSync(`${file}.wal.torn-1`).length).toBeGreaterThanOrEqual(log.length);
      }
      await store.close();
    },
  );

  test.each([
    ['garbled content', (bytes: Buffer, at: number) => bytes.fill(0xab, at, at + 40)],
    ['a length that runs past the end', (bytes: Buffer, at: number) => bytes.fill(0xff, at, at + 8)],
  ])('given %s in the middle, when reopened, then it is refused and nothing is touched', async (_, harm) => {
    const harmed = Buffer.from(log);
    // The head of the entry after the commit nearest to the middle.
    const at = harmed.indexOf('640064ffff', log.length >> 1, 'hex') + 5;
    harm(harmed, at);
    writeFileSync(`${file}.wal`, harmed);
    const before = statSync(file).size;
    await expect(openStore({ path: file })).rejects.toMatchObject({ code: 'E_STORE_DAMAGED', exitCode: 2 });
    expect(readFileSync(`${file}.wal`).equals(harmed)).toBe(true);
    expect(statSync(file).size).toBe(before);
    expect(existsSync(`${file}.wal.torn-1`)).toBe(false);
  });
});
