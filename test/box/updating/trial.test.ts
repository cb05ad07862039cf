// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { callControl } from '../../../src/adapters/control-socket/control-client.js';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import {
  type BoxState,
  finishTrial,
  readTrial,
  type Services,
  switchOnTrial,
  type TrialOptions,
} from '../../../src/box/updating/trial.js';
import type { RedbuttonError } from '../../../src/core/errors.js';
import { watchSyncs } from '../../support/syncs.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const duckdb = path.join(root, 'node_modules/@duckdb/node-api/lib/index.js');

/** What a version's box says on its socket; `null` is one that never says READY, `bumps` one that migrates the store. */
interface Behaviour {
  readonly state: Partial<BoxState> | null;
  readonly bumps?: boolean;
}

/**
 * Versions as real processes behind the link `current`, on a real store; only the service manager is a small one of ours,
 * and what a version's program does is written for the case at hand.
 */
describe('a version on trial', () => {
  let home: string;
  let options: TrialOptions;
  let child: ChildProcess | null;
  let steps: string[];
  const socket = () => path.join(home, 'box.sock');
  const current = () => readlinkSync(path.join(home, 'current'));

  function addVersion(version: string, { state, bumps = false }: Behaviour): void {
    const dir = path.join(home, 'versions', version);
    mkdirSync(path.join(dir, 'dist'), { recursive: true });
    writeFileSync(
      path.join(dir, 'dist/main.mjs'),
      `import { createServer } from 'node:http';
import { rmSync } from 'node:fs';
const [socket, database] = process.argv.slice(2);
if (${bumps}) {
  const { DuckDBInstance } = await import(${JSON.stringify(duckdb)});
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  await connection.run("INSERT INTO schema_migrations VALUES (9999, 'later', 0)");
  connection.closeSync();
  instance.closeSync();
}
rmSync(socket, { force: true });
const state = ${JSON.stringify(state)};
const server = createServer((request, response) => response.end(JSON.stringify({ version: ${JSON.stringify(version)}, ...state })));
if (state !== null) server.listen(socket);
else setInterval(() => {}, 1000);
`,
    );
  }

  const services: Services = {
    async stop() {
      const ending = child;
      child = null;
      if (ending === null || ending.exitCode !== null) return;
      const gone = new Promise((resolve) => ending.once('exit', resolve));
      ending.kill('SIGKILL');
      await gone;
      rmSync(socket(), { force: true });
    },
    async start() {
      const main = path.join(home, 'current/dist/main.mjs');
      child = spawn(process.execPath, [main, socket(), path.join(home, 'state/redbutton.duckdb')], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    },
    async ready() {
      return existsSync(socket());
    },
  };

  beforeEach(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'rb-trial-'));
    child = null;
    steps = [];
    const stateDir = path.join(home, 'state');
    mkdirSync(stateDir);
    const database = path.join(stateDir, 'redbutton.duckdb');
    const store = await openStore({ path: database });
    await store.close();
    addVersion('1.0.0', { state: { connected: true, armed: true } });
    symlinkSync('versions/1.0.0', path.join(home, 'current'));
    options = {
      home,
      stateDir,
      storeFiles: [database, `${database}.wal`, path.join(stateDir, 'redbutton.journal')],
      services,
      clock: createSystemClock(),
      async state() {
        const none: BoxState = { version: null, connected: false, armed: false, haltedByHand: false };
        const answer = await callControl(socket(), 'the box', 'GET', '/').catch(() => null);
        return { ...none, ...(answer?.body as Partial<BoxState>) };
      },
      async activate(version) {
        rmSync(path.join(home, 'current'));
        symlinkSync(`versions/${version}`, path.join(home, 'current'));
      },
      async storeReadable() {
        try {
          await (await openStore({ path: database, readOnly: true })).close();
          return true;
        } catch (error) {
          expect((error as RedbuttonError).code).toBe('E_STORE_NEWER');
          return false;
        }
      },
      readyMsMax: 3000,
      onStep: (sentence) => steps.push(sentence),
    };
    await services.start();
  });
  afterEach(async () => {
    await services.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const sound = { state: { connected: true, armed: true } };

  it('is kept when it is READY, connected and armed as the box was', async () => {
    addVersion('2.0.0', { ...sound, bumps: true });
    const patient = { ...options, readyMsMax: 30_000 };
    expect(await switchOnTrial(patient, '1.0.0', '2.0.0', true)).toMatchObject({ outcome: 'kept' });
    expect(current()).toBe('versions/2.0.0');
    expect(await readTrial(home)).toBeNull();
    expect(existsSync(path.join(home, 'state/before-update'))).toBe(false);
    expect((await options.state()).version).toBe('2.0.0');
  }, 40_000);

  it.each<[string, Behaviour, RegExp]>([
    ['never says READY', { state: null }, /not READY within 3 s/],
    ['does not reach its guard', { state: { connected: false, armed: true } }, /did not reach the guard/],
    ['does not reconcile', { state: { connected: true, armed: false } }, /did not reconcile/],
    [
      'is another version than it says',
      { state: { ...sound.state, version: '1.9.9' } },
      /no trader of version 2/,
    ],
  ])(
    'that %s is given up for the one before it, by itself',
    async (_what, behaviour, why) => {
      addVersion('2.0.0', behaviour);
      const result = await switchOnTrial(options, '1.0.0', '2.0.0', true);
      expect(result).toMatchObject({ outcome: 'fallen_back', soundAgain: true });
      expect(result.outcome === 'fallen_back' && result.detail).toMatch(why);
      expect(current()).toBe('versions/1.0.0');
      expect((await options.state()).version).toBe('1.0.0');
      expect(await readTrial(home)).toBeNull();
    },
    30_000,
  );

  it('that has migrated the store is given up together with what it made of the store', async () => {
    const journal = path.join(home, 'state/redbutton.journal');
    writeFileSync(journal, 'what money depends on', { mode: 0o640 });
    addVersion('2.0.0', { state: { connected: false }, bumps: true });
    const longer = { ...options, readyMsMax: 8000 };
    const result = await switchOnTrial(longer, '1.0.0', '2.0.0', true);
    expect(result).toMatchObject({ outcome: 'fallen_back', soundAgain: true });
    expect(steps.join('\n')).toContain('the store is put back');
    expect(await options.storeReadable()).toBe(true);
    expect(readFileSync(journal, 'utf8')).toBe('what money depends on');
  }, 30_000);

  it('leaves the store that it made where the one of before cannot be put in its place', async () => {
    addVersion('2.0.0', { state: { connected: false }, bumps: true });
    await watchSyncs((name) => name.includes('/state/.redbutton.duckdb.'));
    const result = await switchOnTrial({ ...options, readyMsMax: 8000 }, '1.0.0', '2.0.0', true);
    vi.restoreAllMocks();
    expect(result).toMatchObject({ outcome: 'fallen_back' });
    expect(steps.join('\n')).toContain('the store could not be put back');
    expect(await options.storeReadable()).toBe(false);
    expect(readdirSync(options.stateDir).filter((name) => name.startsWith('.'))).toEqual([]);
  }, 30_000);

  it('whose box was halted before need not be armed, nor one that somebody halts meanwhile', async () => {
    addVersion('2.0.0', { state: { connected: true, armed: false } });
    expect(await switchOnTrial(options, '1.0.0', '2.0.0', false)).toMatchObject({ outcome: 'kept' });
    addVersion('3.0.0', { state: { connected: true, armed: false, haltedByHand: true } });
    expect(await switchOnTrial(options, '2.0.0', '3.0.0', true)).toMatchObject({ outcome: 'kept' });
  }, 30_000);

  it('is settled after a power cut in the middle: kept when sound, given up when not', async () => {
    for (const [version, behaviour, outcome] of [
      ['2.0.0', sound, 'kept'],
      ['3.0.0', { state: null }, 'fallen_back'],
    ] as const) {
      const from = current().slice('versions/'.length);
      addVersion(version, behaviour);
      // The power fails right after the switch: nothing waits any more, and the box starts again.
      const cut = { ...options, services: { ...services, start: () => Promise.reject(new Error('power')) } };
      await expect(switchOnTrial(cut, from, version, true)).rejects.toThrow('power');
      const note = await readTrial(home);
      expect(note).toMatchObject({ from, to: version, armed: true });
      await services.start();
      expect(await finishTrial(options, note!)).toMatchObject({ outcome });
      expect(current()).toBe(`versions/${outcome === 'kept' ? version : from}`);
      expect(await readTrial(home)).toBeNull();
    }
  }, 30_000);

  it('whose switch fails half-way leaves the old one running', async () => {
    addVersion('2.0.0', sound);
    let calls = 0;
    const failing = {
      ...options,
      activate: (version: string) => {
        calls += 1;
        return calls === 1 ? Promise.reject(new Error('no space left')) : options.activate(version);
      },
    };
    expect(await switchOnTrial(failing, '1.0.0', '2.0.0', true)).toMatchObject({
      outcome: 'fallen_back',
      soundAgain: true,
    });
    expect((await options.state()).version).toBe('1.0.0');
  }, 30_000);
});
