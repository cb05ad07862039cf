import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createControlServer } from '../../src/adapters/control-socket/control-server.js';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { command as backup } from '../../src/cli/backup.js';
import { command as restore } from '../../src/cli/restore.js';
import { compiled } from '../adapters/duckdb/compiled.js';
import { barNumber } from '../adapters/duckdb/power-cuts.js';
import { seededRng } from '../contract/store-rows.js';
import { captureIo } from '../support/command-io.js';

/** Printed; set REDBUTTON_TEST_SEED to replay one, and RESTORE_ROUNDS=20 for the full proof. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.RESTORE_ROUNDS ?? 4);

let child: { readonly directory: string; readonly script: string };
beforeAll(() => {
  child = compiled('test/adapters/duckdb/journal-writer.ts');
}, 120_000);
afterAll(() => rmSync(child.directory, { recursive: true, force: true }));

let dir: string;
let database: string;
let journal: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-restore-'));
  for (const name of ['state', 'run', 'run/guard', 'state-guard'])
    mkdirSync(path.join(dir, name), { recursive: true });
  [database, journal] = [path.join(dir, 'state/redbutton.duckdb'), path.join(dir, 'state/redbutton.journal')];
  settings('paper');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function settings(mode: 'paper' | 'testnet', name = 'kitchen'): void {
  writeFileSync(
    path.join(dir, 'redbutton.toml'),
    `mode = "${mode === 'paper' ? 'paper' : 'live'}"
[device]
name = "${name}"
stateDir = "${dir}/state"
runDir = "${dir}/run"
[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
sandbox = ${mode === 'testnet'}
`,
  );
}

async function call(command: typeof restore, ...args: string[]): Promise<string> {
  const io = captureIo();
  expect(await command.run([...args, '--config', path.join(dir, 'redbutton.toml')], io)).toBe(0);
  return io.out();
}

/** Lets a process write on from bar `first` until it is killed at a random moment. Resolves to the number of told fills. */
async function writeAndKill(rng: () => number, round: number, first: number): Promise<number> {
  const writer = spawn(
    process.execPath,
    [child.script, database, journal, String(first), String([16, 0.01][round % 2])],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = new Promise((resolve) => writer.once('close', resolve));
  const lines = 30 + Math.floor(rng() * 150);
  const waitMs = rng() * 25;
  let [told, seen] = [first, 0];
  for await (const line of createInterface({ input: writer.stdout! })) {
    const [what, index] = line.split(' ');
    if (what === 'fill') told = Number(index) + 1;
    seen += 1;
    if (seen === lines) void sleep(waitMs).then(() => writer.kill('SIGKILL'));
  }
  await closed;
  return told;
}

/** A store of this box with `bars` bars and orders, and a backup of it. */
async function livedBox(bars: number, copy: string): Promise<void> {
  const store = await openStore({ path: database, journal, owner: { box: 'kitchen', account: 'paper' } });
  for (let i = 0; i < bars; i++) await store.commitBar(barNumber(i));
  await store.close();
  await call(backup, '--out', copy);
}

async function withSocket(
  socket: string,
  routes: Parameters<typeof createControlServer>[2],
  work: () => Promise<void>,
): Promise<void> {
  const server = createControlServer(path.join(dir, 'run', socket), 'peer', routes);
  await server.start();
  try {
    await work();
  } finally {
    await server.stop();
  }
}

describe('restore', () => {
  it('given unclean stops at random moments, then no fill is doubled and none that was told is lost', async () => {
    const rng = seededRng(SEED);
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(5, copy);
    let [next, doubled, lost, changed, fillsSeen, missing] = [5, 0, 0, 0, 0, 0];
    const before: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const told = await writeAndKill(rng, round, next);
      const said = await call(restore, copy);
      missing += Number(/missing since: (\d+)/.exec(said)?.[1] ?? 0);
      const store = await openStore({ path: database, journal });
      const fills = (await store.fills()).map(({ fillId }) => fillId);
      doubled += fills.length - new Set(fills).size;
      for (let i = 5; i < told; i++) if (!fills.includes(`f${i}`)) lost += 1;
      const orders = (await store.orderEvents()).map(({ order }) => order.clientOrderId);
      for (let i = 5; i < told; i++) if (!orders.includes(`o${i}`)) lost += 1;
      for (const record of await store.decisions()) {
        const i = Math.round((record.candle.openMs - barNumber(0).candle.openMs) / 3_600_000);
        if (!isDeepStrictEqual(record, barNumber(i))) changed += 1;
      }
      expect(existsSync(`${database}.wal`)).toBe(false);
      await store.close();
      // A newer copy now and then; else the restore goes further and further back.
      if (rng() < 0.5) {
        rmSync(copy);
        await call(backup, '--out', copy);
      }
      fillsSeen = fills.length;
      before.push(told - next);
      next = told;
      await sleep(1000);
    }
    console.log(
      `seed ${SEED}: restored after ${ROUNDS} unclean stops, ${fillsSeen} fills in the end: doubled ${doubled}, lost since the journal ${lost}, decisions changed ${changed}, said to be missing ${missing}`,
    );
    expect({ doubled, lost, changed }).toEqual({ doubled: 0, lost: 0, changed: 0 });
    expect(before.filter((bars) => bars > 0).length).toBeGreaterThan(0);
  }, 600_000);

  it('keeps the old files with their log, halts an armed box, and says what is missing since', async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    await writeAndKill(seededRng(1), 0, 4);
    writeFileSync(path.join(dir, 'state-guard/armed'), 'armed');
    await expect(call(restore, copy)).rejects.toMatchObject({ code: 'E_RESTORE_HALT' });
    let halts = 0;
    const halted = () => {
      halts += 1;
      return { status: 200, body: { state: 'HALTED' } };
    };
    await withSocket('guard/control.sock', { 'POST /halt': halted }, async () => {
      const said = await call(restore, copy);
      expect(said).toContain('restored ');
      expect(said).toMatch(/missing since: \d+ decisions that became no order, from \S+Z to \S+Z/);
      expect(said).toContain('the box is halted');
    });
    expect(halts).toBe(1);
    const aside = readdirSync(path.join(dir, 'state')).find((name) => name.includes('.before-restore-'))!;
    expect(readdirSync(path.join(dir, 'state', aside)).sort()).toEqual([
      'redbutton.duckdb',
      'redbutton.duckdb.wal',
      'redbutton.journal',
    ]);
    expect(readdirSync(path.join(dir, 'state')).sort()).toEqual(
      ['redbutton.duckdb', aside, 'redbutton.journal'].sort(),
    );
  }, 120_000);

  it("refuses another box's copy and one that says nothing, and takes them where the box is named", async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    settings('paper', 'cellar');
    const files = readdirSync(path.join(dir, 'state')).sort();
    await expect(call(restore, copy)).rejects.toMatchObject({
      code: 'E_RESTORE_OTHER',
      message: expect.stringContaining('it is of the box kitchen, and this one is cellar'),
    });
    await expect(call(restore, copy, '--from-box', 'attic')).rejects.toMatchObject({
      code: 'E_RESTORE_OTHER',
    });
    expect(readdirSync(path.join(dir, 'state')).sort()).toEqual(files);
    await call(restore, copy, '--from-box', 'kitchen');
    const store = await openStore({ path: database, readOnly: true });
    const { rows } = await store.desk.query('SELECT box FROM owners ORDER BY at_ms', 9);
    await store.close();
    expect(rows).toEqual([['kitchen'], ['cellar']]);
  });

  it("refuses another account's copy, whatever box is named", async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    settings('testnet');
    for (const more of [[], ['--from-box', 'kitchen']])
      await expect(call(restore, copy, ...more)).rejects.toMatchObject({
        code: 'E_RESTORE_OTHER',
        message: expect.stringContaining('it is of the account paper, and this box is set to testnet'),
      });
    expect(existsSync(path.join(dir, 'state/redbutton-testnet.duckdb'))).toBe(false);
  });

  it('refuses while the trader runs, and a copy that is damaged, and leaves all as it was', async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    const files = readdirSync(path.join(dir, 'state')).sort();
    await withSocket('trader.sock', {}, async () => {
      await expect(call(restore, copy)).rejects.toMatchObject({ code: 'E_RESTORE_RUNNING' });
    });
    writeFileSync(copy, 'no database');
    await expect(call(restore, copy)).rejects.toMatchObject({ name: 'RedbuttonError' });
    expect(readdirSync(path.join(dir, 'state')).sort()).toEqual(files);
  });
});
