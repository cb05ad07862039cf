// @module-tag processes

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createControlServer } from '../../../src/adapters/control-socket/control-server.js';
import { type DuckStore, openStore } from '../../../src/adapters/duckdb/index.js';
import { command as backup } from '../../../src/cli/records/backup.js';
import { command as restore } from '../../../src/cli/records/restore.js';
import { manifestText, parseManifest } from '../../../src/core/manifest-schema.js';
import { familyOf } from '../../../src/core/model-family.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { runSettingsText } from '../../../src/pipeline/decision-settings.js';
import { paperDays } from '../../../src/research/report/paper-record.js';
import { compiled } from '../../adapters/duckdb/compiled.js';
import { barNumber } from '../../adapters/duckdb/power-cuts.js';
import { BAR_MS, BTC, barOf, T0 } from '../../contract/store-rows.js';
import { captureIo } from '../../support/command-io.js';
import { CONFIG, SPOT } from '../../support/tiny-stream.js';

/** Printed; set REDBUTTON_TEST_SEED to replay one, and RESTORE_ROUNDS=20 for the full proof. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.RESTORE_ROUNDS ?? 4);

const SHIPPED = path.resolve('models/sp500-daily/manifest.json');
const MODEL = parseManifest(readFileSync(SHIPPED, 'utf8'), SHIPPED);
const [HASH, FAMILY] = [MODEL.sha256, familyOf(MODEL)];
const MANIFEST = manifestText({ ...MODEL, training: { ...MODEL.training!, ...BTC } });

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
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

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

/** What a paper trader leaves behind of its decisions on so many days. */
async function paperDaysFrom(store: DuckStore, fromMs: number, days: number): Promise<void> {
  await store.recordModel({ modelHash: HASH, event: 'loaded', manifest: MANIFEST, atMs: fromMs });
  await store.recordRun({
    atMs: fromMs,
    settings: runSettingsText(CONFIG, 3, [{ key: BTC, calendar: '24x7', rules: SPOT }], {
      mode: 'paper',
      family: FAMILY,
      redirected: [],
    }),
  });
  for (let day = 0; day < days; day++) {
    const openMs = Math.ceil(fromMs / 86_400_000 + day) * 86_400_000;
    const bar = barOf(BTC, (openMs - T0) / BAR_MS, { rng: seededRng(day).next, decided: true, risk: 'none' });
    await store.commitBar({ ...bar, prediction: { ...bar.prediction!, modelHash: HASH } });
  }
}

const daysOf = (store: DuckStore) =>
  paperDays(async (sql) => (await store.queries.query(sql, 999)).rows, BTC, FAMILY);

async function withSocket<T>(
  socket: string,
  routes: Parameters<typeof createControlServer>[2],
  work: () => Promise<T>,
): Promise<T> {
  const server = createControlServer(path.join(dir, 'run', socket), 'peer', routes);
  await server.start();
  try {
    return await work();
  } finally {
    await server.stop();
  }
}

/**
 * A `systemctl` that says the service is in `state` and writes down what it was asked, with the folders that restore had set aside
 * by then. Stopping it takes the trader's socket away, unless it cannot be stopped.
 */
function withService(state: string, uid: number, stops = true): () => readonly string[] {
  const [bin, calls] = [path.join(dir, 'bin'), path.join(dir, 'calls')];
  mkdirSync(bin);
  writeFileSync(path.join(dir, 'service'), state);
  writeFileSync(
    path.join(bin, 'systemctl'),
    `#!/bin/sh
echo "$*, $(ls ${dir}/state | grep -c before-restore) aside" >> ${calls}
case $1 in
  is-active) cat ${dir}/service; grep -qx active ${dir}/service || exit 3 ;;
  stop) ${stops ? `echo inactive > ${dir}/service; rm -f ${dir}/run/trader.sock` : 'exit 1'} ;;
esac
`,
    { mode: 0o755 },
  );
  vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
  return () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []);
}
const ASKED = 'is-active redbutton.service, 0 aside';
const STOPPED = 'stop redbutton.service, 0 aside';

describe('restore', () => {
  it('given unclean stops at random moments, then no fill is doubled and none that was told is lost', async () => {
    const rng = seededRng(SEED).next;
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
    await writeAndKill(seededRng(1).next, 0, 4);
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
    const { rows } = await store.queries.query('SELECT box FROM owners ORDER BY at_ms', 9);
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

  it.each(['active', 'activating'])(
    'as root stops a service that is %s before it touches a file, and starts it again once all is done',
    async (state) => {
      const copy = path.join(dir, 'copy.duckdb');
      await livedBox(4, copy);
      const calls = withService(state, 0);
      const said = await withSocket('trader.sock', {}, () => call(restore, copy));
      expect(calls()).toEqual([ASKED, STOPPED, ASKED, 'start --no-block redbutton.service, 1 aside']);
      expect(said).toContain('redbutton.service starts again');
    },
  );

  it('as root starts the service again where the copy is refused, too', async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    settings('paper', 'cellar');
    const calls = withService('active', 0);
    await expect(withSocket('trader.sock', {}, () => call(restore, copy))).rejects.toMatchObject({
      code: 'E_RESTORE_OTHER',
    });
    expect(calls().at(-1)).toBe('start --no-block redbutton.service, 0 aside');
  });

  it.each([
    ['the service runs and the caller is not root', 'active', 1000, true, [ASKED]],
    ['systemd is about to start it and the caller is not root', 'activating', 1000, true, [ASKED]],
    ['it cannot be stopped', 'active', 0, false, [ASKED, STOPPED, ASKED]],
    ['the trader that runs is not the service', 'inactive', 0, true, [ASKED]],
  ] as const)('refuses, and stops or starts nothing else, where %s', async (_, state, uid, stops, asked) => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    const calls = withService(state, uid, stops);
    const restoring = () => call(restore, copy);
    const tried = state === 'activating' ? restoring() : withSocket('trader.sock', {}, restoring);
    await expect(tried).rejects.toMatchObject({
      code: 'E_RESTORE_RUNNING',
      remedy: expect.stringContaining('sudo systemctl stop redbutton.service'),
    });
    expect(calls()).toEqual(asked);
    expect(readdirSync(path.join(dir, 'state')).some((name) => name.includes('before-restore'))).toBe(false);
  });

  it('asks for no service where none runs', async () => {
    const copy = path.join(dir, 'copy.duckdb');
    await livedBox(4, copy);
    const calls = withService('inactive', 0);
    expect(await call(restore, copy)).not.toContain('starts again');
    expect(calls()).toEqual([ASKED]);
  });

  it.each([
    ['says whose it is', 'attic'],
    ['does not say whose it is', null],
  ] as const)(
    "counts no day on paper that came with another box's copy which %s, and counts those since",
    async (_, box) => {
      const copy = path.join(dir, 'attic.duckdb');
      const atAttic = await openStore({
        path: copy,
        ...(box !== null && { owner: { box, account: 'paper' } }),
      });
      await paperDaysFrom(atAttic, T0, 3);
      expect(await daysOf(atAttic)).toBe(3);
      await atAttic.close();
      if (box === null) await expect(call(restore, copy)).rejects.toMatchObject({ code: 'E_RESTORE_OTHER' });
      await call(restore, copy, '--from-box', 'attic');
      const here = await openStore({ path: database, journal });
      expect(await daysOf(here)).toBe(0);
      await paperDaysFrom(here, Date.now() + 86_400_000, 2);
      expect(await daysOf(here)).toBe(2);
      await here.close();
    },
  );

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
