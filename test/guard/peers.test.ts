// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { createControlServer } from '../../src/adapters/control-socket/control-server.js';
import { createDeclined } from '../../src/adapters/control-socket/declined.js';
import { isPerson } from '../../src/adapters/control-socket/person.js';
import { type Paths, pathsOf } from '../../src/config/paths.js';
import { guardRoutes } from '../../src/guard/control.js';
import type { GuardStatus } from '../../src/guard/status.js';
import { askAs } from '../support/ask-as.js';
import { type Compiled, compile } from '../support/compiled.js';
import { nodeForOthers } from '../support/node-for-others.js';
import { pressTwice } from '../support/press-twice.js';
import { type Bench, startBench } from './guard-bench.js';

const GUARD = 'test/guard/children/guard.ts';
const asRoot = process.getuid?.() === 0;
const SERVICE = 998;
const TRADER = 997;
const PERSON = 1000;

let compiled: Compiled;
let dir: string;
let paths: Paths;
let children: ChildProcess[];
beforeAll(() => {
  compiled = compile([GUARD]);
}, 60_000);
afterAll(() => compiled.remove());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rb-'));
  // Open folders, and sockets of the group: it is the rule that refuses, not a mode.
  chmodSync(dir, 0o755);
  paths = pathsOf({ name: 'box', stateDir: join(dir, 'state'), runDir: dir });
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
});

function run(program: string, args: readonly string[], uid?: number) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    ...(uid !== undefined && { uid, gid: process.getgid!() }),
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  return { child, output: () => output };
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await delay(10);
  }
}

const status = async () =>
  (await callControl(paths.guardSocket, 'the guard', 'GET', '/status')).body as GuardStatus;
const button = (pressed: boolean) =>
  callControl(paths.guardSocket, 'the guard', 'POST', '/sim/button', { pressed });

async function startGuard() {
  const guard = run(process.execPath, [
    compiled.file(GUARD),
    ...['--run-dir', dir, '--state-dir', join(dir, 'state'), '--gpio', 'simulated'],
  ]);
  await until('the guard', () => guard.output().includes('"ready"'));
  await until('a released contact', async () => (await status()).contact === 'released');
  return guard;
}

const resumeAs = (uid: number) => askAs(uid, paths.guardSocket, '/resume');

/** A trader in name: says hello as `named`, or as itself, and beats until it is stopped. */
const HELLO = `const line = require('net').connect(process.argv[1]);
  line.on('error', () => {}).on('close', () => process.exit(7));
  line.write(JSON.stringify({ type: 'hello', pid: Number(process.argv[2]) || process.pid }) + '\\n');
  setInterval(() => line.write('{"type":"beat"}\\n'), 100);`;
const hello = (named: number, uid?: number) =>
  run(
    uid === undefined ? process.execPath : nodeForOthers(),
    ['-e', HELLO, paths.guardLinkSocket, String(named)],
    uid,
  );

describe('asking for the window', { timeout: 120_000 }, () => {
  it.runIf(asRoot)(
    'is refused to the user of a service, and heard of; a person and root get it',
    async () => {
      const guard = await startGuard();
      for (const uid of [SERVICE, 1, 999, 65_534, 61_184, 65_519]) {
        const { code, body } = await resumeAs(uid);
        expect(code).toBe(403);
        expect(body).toMatchObject({ opened: false, reason: 'not_a_person', error: 'E_NOT_A_PERSON' });
        expect(body.detail).toMatch(
          /uid \d+.*is the user of a service: run redbutton resume as yourself or as root$/,
        );
        expect((await status()).resumeLeftMs).toBeNull();
      }
      await until('the report', () => guard.output().includes('"declined"'));
      const reports = guard
        .output()
        .split('\n')
        .filter((line) => line.includes('"declined"'));
      expect(reports).toHaveLength(1);
      expect(reports[0]).toMatch(/process \d+ of .*uid 998.*asked for the box to be armed/);
      // The box is not armed by what comes next: the window was never open.
      await pressTwice(button, async () => (await status()).contact);
      expect((await status()).state).toBe('HALTED');

      expect(await resumeAs(PERSON)).toMatchObject({ code: 200, body: { opened: true } });
      expect(guard.output()).toMatch(/resume_opened.*asked for by .*uid 1000/);
      expect(await status()).toMatchObject({ led: 'resume_open' });
      expect(await resumeAs(0)).toMatchObject({ code: 200, body: { opened: true } });
    },
  );

  it.runIf(asRoot)('a service moves no simulated button, so that it can press nobody’s arming', async () => {
    const guard = await startGuard();
    await callControl(paths.guardSocket, 'the guard', 'POST', '/resume');
    const pressed = await askAs(SERVICE, paths.guardSocket, '/sim/button', '{"pressed":true}');
    expect(pressed).toMatchObject({ code: 403, body: { error: 'E_NOT_A_PERSON' } });
    await until('the report', () => guard.output().includes('asked for the simulated button to move'));
    await delay(100);
    expect(await status()).toMatchObject({ contact: 'released', state: 'HALTED' });
    expect(await askAs(PERSON, paths.guardSocket, '/sim/button', '{"pressed":true}')).toMatchObject({
      code: 200,
    });
    await until('the press', async () => (await status()).contact === 'pressed');
  });

  it('is for root and people alone', () => {
    const people = [0, 1000, 1001, 60_000, 61_183, 65_520, 100_000];
    const services = [1, 33, 999, 61_184, 63_000, 65_519, 65_534, 65_535, 0xffff_ffff];
    expect(people.filter((uid) => !isPerson(uid))).toEqual([]);
    expect(services.filter(isPerson)).toEqual([]);
  });

  it('is refused where the guard cannot tell who asks, and all else works on', async () => {
    const bench: Bench = await startBench();
    await bench.time.advance(100);
    const declined = createDeclined(bench.time.clock, () => {});
    mkdirSync(join(dir, 'guard'));
    const routes = guardRoutes(() => bench.guard, null, declined);
    const control = createControlServer(paths.guardSocket, 'guard', routes, undefined, () => null);
    await control.start();
    try {
      const answer = await callControl(paths.guardSocket, 'the guard', 'POST', '/resume');
      expect(answer).toMatchObject({ status: 403, body: { opened: false, reason: 'not_a_person' } });
      expect((answer.body as { detail: string }).detail).toContain('run npm ci');
      expect((await status()).resumeLeftMs).toBeNull();
      expect((await callControl(paths.guardSocket, 'the guard', 'POST', '/halt')).status).toBe(200);
    } finally {
      await control.stop();
      await bench.dispose();
    }
  });

  it('reports refusals once a minute, and how many came between', () => {
    let nowMs = 0;
    const reports: string[] = [];
    const declined = createDeclined({ monotonicMs: () => nowMs }, (detail) => reports.push(detail));
    for (nowMs = 0; nowMs <= 120_000; nowMs += 1_000) declined.report('resume', 'asked');
    declined.report('trader', 'came');
    expect(reports).toEqual([
      'asked',
      'asked (and 59 more since the last report)',
      'asked (and 59 more since the last report)',
      'came',
    ]);
  });
});

describe('who the trader is', { timeout: 120_000 }, () => {
  it('is what the kernel says: a liar names another process, which lives, and is ended itself when silent', async () => {
    const guard = await startGuard();
    const other = run(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'redbutton']);
    const liar = hello(other.child.pid!);
    await until('the liar', async () => (await status()).trader.present);
    expect((await status()).trader.pid).toBe(liar.child.pid);
    await callControl(paths.guardSocket, 'the guard', 'POST', '/resume');
    await pressTwice(button, async () => (await status()).contact);
    await until('the arming', async () => (await status()).state !== 'HALTED');
    liar.child.kill('SIGSTOP');
    await button(true);
    await until('the end of the liar', () => liar.child.signalCode === 'SIGKILL');
    expect([other.child.exitCode, other.child.signalCode]).toEqual([null, null]);
    expect(guard.output().match(/called itself process/g)).toHaveLength(1);
  });

  it('is never the guard itself, whatever is said', async () => {
    const guard = await startGuard();
    const liar = hello(guard.child.pid!);
    await until('the liar', async () => (await status()).trader.present);
    expect((await status()).trader.pid).toBe(liar.child.pid);
  });

  it.runIf(asRoot)(
    'is of the user whose folder the trader’s is; any other is turned away, and heard of',
    async () => {
      mkdirSync(join(dir, 'state'));
      chownSync(join(dir, 'state'), TRADER, process.getgid!());
      const guard = await startGuard();
      const stranger = hello(0, SERVICE);
      await once(stranger.child, 'exit');
      expect(stranger.child.exitCode).toBe(7);
      expect((await status()).trader).toMatchObject({ present: false, everSeen: false });
      expect(guard.output()).toMatch(/"declined".*uid 998.*may not be the trader/);
      const trader = hello(0, TRADER);
      await until('the trader', async () => (await status()).trader.present);
      expect((await status()).trader.pid).toBe(trader.child.pid);
    },
  );
});
