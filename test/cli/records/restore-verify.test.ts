// @module-tag processes

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { command as backup } from '../../../src/cli/records/backup.js';
import { command as restore } from '../../../src/cli/records/restore.js';
import { command as verify } from '../../../src/cli/research/verify.js';
import type { Command } from '../../../src/console/command.js';
import type { BarRecord } from '../../../src/core/records.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import type { Verification } from '../../../src/research/backtest/verify.js';
import { captureIo } from '../../support/command-io.js';
import { type Compiled, compile } from '../../support/compiled.js';
import { pulledWalk, TRAINED, trainFolder } from '../../support/lived-store.js';

/** Printed; set REDBUTTON_TEST_SEED to replay one, and RESTORE_ROUNDS=20 for the full proof. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.RESTORE_ROUNDS ?? 4);

const dir = mkdtempSync(path.join(tmpdir(), 'rb-restore-verify-'));
const [database, journal] = [
  path.join(dir, 'state/redbutton.duckdb'),
  path.join(dir, 'state/redbutton.journal'),
];
const model = path.join(dir, 'model');
const [copy, kept] = [path.join(dir, 'copy.duckdb'), path.join(dir, 'kept.duckdb')];
let program: Compiled;
beforeAll(async () => {
  program = compile(['test/support/lived-writer.ts']);
  for (const name of ['state', 'run', 'run/guard', 'state-guard']) mkdirSync(path.join(dir, name));
  writeFileSync(
    path.join(dir, 'redbutton.toml'),
    `mode = "paper"
modelDir = "${model}"
[device]
name = "kitchen"
stateDir = "${dir}/state"
runDir = "${dir}/run"
[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
`,
  );
  await trainFolder(
    model,
    pulledWalk(TRAINED, 11, () => -0.5),
    1,
  );
}, 300_000);
afterAll(() => {
  program.remove();
  rmSync(dir, { recursive: true, force: true });
});

async function call(command: Command, ...args: string[]): Promise<string> {
  const io = captureIo();
  const code = await command.run([...args, '--config', path.join(dir, 'redbutton.toml')], io);
  expect(code, io.out()).toBe(0);
  return io.out();
}

/** Lets the trader decide from bar `first` on until it is killed at a random moment. */
async function liveAndKill(rng: () => number, life: number, first: number) {
  const trader = spawn(
    process.execPath,
    [program.file('test/support/lived-writer.ts'), database, journal, model, String(first), String(life)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = new Promise((resolve) => trader.once('close', resolve));
  const fills: string[] = [];
  const bars = 20 + Math.floor(rng() * 140);
  const waitMs = rng() * 25;
  let [next, seen] = [first, 0];
  for await (const line of createInterface({ input: trader.stdout! })) {
    const [what, id] = line.split(' ');
    if (what === 'fill') fills.push(id!);
    if (what !== 'bar') continue;
    next = Number(id) + 1;
    seen += 1;
    if (seen === bars) void sleep(waitMs).then(() => trader.kill('SIGKILL'));
  }
  await closed;
  return { next, fills };
}

async function verified(...more: string[]): Promise<Verification> {
  const io = captureIo();
  await verify.run(['--config', path.join(dir, 'redbutton.toml'), '--json', ...more], io);
  return JSON.parse(io.out())[0];
}

async function change(file: string, what: string, openMs: number): Promise<void> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const { rowsChanged } = await connection.run(`UPDATE decisions SET ${what} WHERE open_ms = ${openMs}`);
  expect(rowsChanged).toBe(1);
  connection.closeSync();
  instance.closeSync();
}

/** As the next start of the trader finds it: brought up to the journal. */
async function stored() {
  const store = await openStore({ path: database, journal });
  const found = {
    decisions: await store.decisions(),
    fills: (await store.fills()).map(({ fillId }) => fillId),
  };
  await store.close();
  return found;
}

const byTime = (records: readonly BarRecord[]) =>
  new Map(records.map((record) => [record.candle.openMs, record]));

describe('a restored store', () => {
  it('given unclean stops of a trader, then verify finds no difference before and after each restore, and names what came back', async () => {
    const rng = seededRng(SEED);
    const random = () => rng.next();
    const told = new Set<string>();
    const sum = { doubled: 0, lost: 0, changed: 0, differences: 0, markedByStop: 0 };
    let [bars, replayed, fillsSeen, keptBar] = [0, 0, 0, 0];
    let marked: readonly number[] = [];
    const check = async (fills: readonly string[]) => {
      sum.doubled += fills.length - new Set(fills).size;
      for (const fillId of told) if (!fills.includes(fillId)) sum.lost += 1;
      const found = await verified();
      for (const difference of found.differences.slice(0, 5)) console.log(difference);
      sum.differences += found.differences.length;
      bars += found.bars;
      return found.replayed;
    };
    let life = await liveAndKill(random, 0, 0);
    for (let round = 1; round <= ROUNDS; round++) {
      // A newer copy now and then; else the restore goes further and further back.
      if (round === 1 || random() < 0.4) {
        rmSync(copy, { force: true });
        await call(backup, '--out', copy);
      }
      for (const fillId of life.fills) told.add(fillId);
      life = await liveAndKill(random, round, life.next + Math.floor(random() * 4));
      for (const fillId of life.fills) told.add(fillId);
      // As the trader's next start would find it
      const lived = await stored();
      sum.markedByStop += (await check(lived.fills)).length - marked.length;

      await call(restore, copy);
      const restored = await stored();
      const known = byTime(lived.decisions);
      for (const record of restored.decisions)
        if (!isDeepStrictEqual(record, known.get(record.candle.openMs))) sum.changed += 1;
      marked = await check(restored.fills);
      replayed += marked.length;
      if (marked.length > 0) {
        copyFileSync(database, kept);
        keptBar = marked[0]!;
      }
      fillsSeen = restored.fills.length;
      // The name of what is kept has a second's precision
      await sleep(1000);
    }
    console.log(
      `seed ${SEED}: restored after ${ROUNDS} unclean stops, ${fillsSeen} fills in the end: doubled ${sum.doubled}, lost since the journal ${sum.lost}, decisions changed ${sum.changed}, verify differences ${sum.differences} on ${bars} bars, ${replayed} of them came back from the journal after a restore and are not recomputed (${sum.markedByStop} without one)`,
    );
    expect(sum).toEqual({ doubled: 0, lost: 0, changed: 0, differences: 0, markedByStop: 0 });
    expect(replayed).toBeGreaterThan(0);

    // In words, with its name
    const io = captureIo();
    expect(await verify.run(['--store', kept, '--models', model], io)).toBe(0);
    expect(io.out()).toMatch(/binance:BTC\/USDT:1h: \d+ bars? came back from the journal after a loss;/);
    expect(io.out()).toContain(new Date(keptBar).toISOString());

    // What follows from the features of a bar that came back is recomputed all the same
    await change(kept, 'risk_kelly_raw = risk_kelly_raw + 0.01', keptBar);
    const { differences } = await verified('--store', kept);
    expect(differences.map(({ openMs, layer }) => [openMs, layer])).toEqual([[keptBar, 'risk']]);
  }, 600_000);
});
