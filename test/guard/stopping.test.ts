// @module-tag processes

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { type Paths, pathsOf } from '../../src/config/paths.js';
import { createArmedRecordFile } from '../../src/guard/armed-record.js';
import type { GuardStatus } from '../../src/guard/status.js';
import { type Compiled, compile } from '../support/compiled.js';

const MAIN = 'src/main.ts';
const GUARD = 'test/guard/children/guard.ts';
const STOPPING = 'test/guard/children/stopping-guard.ts';
/** The unit's TimeoutStopSec. */
const STOP_MS_MAX = 5_000;
const clock = createSystemClock();

let compiled: Compiled;
beforeAll(() => {
  compiled = compile([MAIN, GUARD, STOPPING]);
}, 240_000);
afterAll(() => compiled.remove());

interface Box {
  readonly dir: string;
  readonly paths: Paths;
  permit(): ReturnType<ReturnType<typeof createPermitReader>['read']>;
}
const boxes: Box[] = [];
const children: ChildProcess[] = [];
/** A run directory of its own, and the record of an armed box: a guard that starts on it gives a permit. */
async function newBox(): Promise<Box> {
  const dir = mkdtempSync(join(tmpdir(), 'rb-'));
  const paths = pathsOf({ name: 'box', stateDir: join(dir, 'state'), runDir: dir });
  await createArmedRecordFile(paths.armedRecord).write({ armed: true, epoch: 3, atMs: 0, cause: 'test' });
  const box = { dir, paths, permit: () => createPermitReader(paths.permit, clock).read() };
  boxes.push(box);
  return box;
}
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const { dir } of boxes.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function run(source: string, args: readonly string[]) {
  const child = spawn(process.execPath, [compiled.file(source), ...args], { stdio: 'pipe' });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  return { child, output: () => output };
}
const optionsOf = ({ dir }: Box) => [
  ...['--run-dir', dir, '--state-dir', join(dir, 'state'), '--gpio', 'simulated'],
];
const runGuard = (box: Box) => run(GUARD, optionsOf(box));

async function until(what: string, isSo: () => boolean | Promise<boolean>, forMs = 60_000): Promise<void> {
  const endMs = clock.monotonicMs() + forMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > endMs) throw new Error(`waited ${forMs} ms in vain for ${what}`);
    await delay(5);
  }
}
/** Tells it to stop; how long that took, or Infinity where it had to be killed. */
async function stop(child: ChildProcess): Promise<number> {
  const fromMs = clock.monotonicMs();
  child.kill('SIGTERM');
  await until('its end', () => child.exitCode !== null || child.signalCode !== null, 15_000).catch(() => {});
  return child.exitCode === null ? Number.POSITIVE_INFINITY : clock.monotonicMs() - fromMs;
}
async function startGuard(box: Box) {
  const guard = runGuard(box);
  await until(`"ready" in: ${guard.output()}`, () => guard.output().includes('"ready"'));
  return guard;
}
async function startPermitting(box: Box) {
  const guard = await startGuard(box);
  await until('a permit', () => box.permit().ok);
  return guard;
}

describe('a guard that is told to stop', { timeout: 240_000 }, () => {
  const stopOne = async (step: string, how: string, addon = '') => {
    const box = await newBox();
    const { child, output } = run(STOPPING, [box.dir, step, how, addon]);
    await until('the steps', () => output().includes('"steps"'));
    await until('a permit', () => box.permit().ok);
    const ms = await stop(child);
    const { steps } = JSON.parse(output().split('\n')[0]!) as { steps: string[] };
    return { box, child, ms, steps, said: output().split('\n').slice(1).join('\n') };
  };
  /** Assignments, which cannot fail: without the second there would be no stop to speak of. */
  const CANNOT_FAIL = ['the start', 'the renewal'];

  it.each(['throws', 'never ends', 'never gives the loop back', 'hangs on the disk'])(
    'revokes, ends within 5 s and says why, whichever step %s',
    async (how) => {
      const { steps } = await stopOne('', '');
      expect(steps.slice(0, 3)).toEqual([...CANNOT_FAIL, 'the permit']);
      expect(steps.length).toBeGreaterThan(8);
      const all = steps.filter((step) => !CANNOT_FAIL.includes(step));
      let worst = 0;
      while (all.length > 0) {
        await Promise.all(
          all.splice(0, 3).map(async (step) => {
            const { box, child, ms, said } = await stopOne(step, how);
            worst = Math.max(worst, ms);
            expect([step, child.exitCode, ms < STOP_MS_MAX]).toEqual([step, 1, true]);
            expect(said).toContain(step);
            // What can be given up is, so that the steps after it have their turn.
            expect(said).toContain(how.includes('loop') ? 'hung while it stopped' : 'could not stop cleanly');
            expect(said).not.toMatch(/EBADF|should not/);
            const reading = box.permit();
            const hungFirst = step === 'the permit';
            expect([step, reading]).toEqual([step, { ok: false, reason: hungFirst ? 'lapsed' : 'revoked' }]);
          }),
        );
      }
      console.log(`a step of the stop that ${how}: ended after ${worst.toFixed(0)} ms at worst`);
    },
  );

  it('ends with 0 and without a word where every step holds', async () => {
    const { child, ms, said } = await stopOne('', '');
    expect(child.exitCode).toBe(0);
    expect(ms).toBeLessThan(STOP_MS_MAX);
    expect(said).toBe('');
  });

  it('ends where the native addon does not fit, too', async () => {
    const hangs = await stopOne('the record of the armed state', 'hangs on the disk', 'no addon');
    // By its own hand, long before those who wait for it in vain give up.
    expect(hangs.child.signalCode).toBe('SIGKILL');
    expect(hangs.box.permit()).toEqual({ ok: false, reason: 'revoked' });
  });

  it('does so where its sockets cannot be removed any more, and says which', async () => {
    const box = await newBox();
    const { child, output } = await startPermitting(box);
    rmSync(box.paths.guardLinkSocket);
    mkdirSync(box.paths.guardLinkSocket);
    expect(await stop(child)).toBeLessThan(STOP_MS_MAX);
    expect(child.exitCode).toBe(1);
    expect(output()).toContain(box.paths.guardLinkSocket);
    expect(box.permit()).toEqual({ ok: false, reason: 'revoked' });
    expect(existsSync(box.paths.guardSocket)).toBe(false);
  });

  it('ends in the middle of a start that hangs', async () => {
    const box = await newBox();
    rmSync(box.paths.armedRecord);
    execFileSync('mkfifo', [box.paths.armedRecord]);
    const { child, output } = runGuard(box);
    await until('its socket', () => existsSync(box.paths.guardSocket));
    expect(await stop(child), output()).toBeLessThan(STOP_MS_MAX);
    expect(box.permit().ok).toBe(false);
  });

  it('takes the permit back where it ends because nobody reads what it prints', async () => {
    const box = await newBox();
    const { child } = run(MAIN, ['guard', ...optionsOf(box)]);
    await until('a permit', () => box.permit().ok);
    child.stdout.destroy();
    // The window is told of, which cannot be printed.
    const link = spawn(process.execPath, [
      '-e',
      `require('net').connect(${JSON.stringify(box.paths.guardLinkSocket)}).write('{"type":"hello","pid":${process.pid}}\\n')`,
    ]);
    children.push(link);
    await until('its end', () => child.exitCode !== null);
    expect(box.permit()).toEqual({ ok: false, reason: 'revoked' });
  });
});

describe('a second guard', { timeout: 120_000 }, () => {
  const lock = (box: Box) => `${box.paths.guardSocket}.lock`;
  it.each([
    ['the lock', (box: Box) => rmSync(lock(box))],
    [
      'the lock and the control socket',
      (box: Box) => {
        rmSync(lock(box));
        rmSync(box.paths.guardSocket);
      },
    ],
    ['nothing', () => {}],
  ])('is refused in one sentence, with %s removed, and leaves the first as it is', async (_, remove) => {
    const box = await newBox();
    const first = await startPermitting(box);
    const before = (await callControl(box.paths.guardSocket, 'the guard', 'GET', '/status', undefined))
      .body as GuardStatus;
    remove(box);
    const second = runGuard(box);
    await once(second.child, 'close');
    expect(second.child.exitCode).toBe(1);
    expect(second.output()).toMatch(/another guard (answers at|holds) /);
    expect(second.output()).not.toContain('EBADF');
    const permit = box.permit();
    expect(permit).toMatchObject({ ok: true, epoch: before.epoch });
    expect(first.child.exitCode).toBeNull();
  });

  it('says in one sentence what is wrong with its run directory', async () => {
    const box = await newBox();
    const inTheWay = join(box.dir, 'file');
    writeFileSync(inTheWay, '');
    const guard = run(GUARD, ['--run-dir', inTheWay, '--state-dir', box.dir, '--gpio', 'simulated']);
    await once(guard.child, 'close');
    expect(guard.output()).toContain(`cannot make the run directory ${inTheWay}`);
    mkdirSync(lock(box), { recursive: true });
    const locked = runGuard(box);
    await once(locked.child, 'close');
    expect(locked.output()).toContain(`cannot open the lock file ${lock(box)}`);
    expect(readdirSync(dirname(box.paths.guardSocket)).length).toBeGreaterThan(0);
  });
});
