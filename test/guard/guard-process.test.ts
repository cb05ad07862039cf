// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { command as halt } from '../../src/cli/run/halt.js';
import { command as resume } from '../../src/cli/run/resume.js';
import { command as status } from '../../src/cli/run/status.js';
import { type Paths, pathsOf } from '../../src/config/paths.js';
import type { GuardStatus } from '../../src/guard/status.js';
import { captureIo } from '../support/command-io.js';
import { type Compiled, compile } from '../support/compiled.js';
import { nodeForOthers } from '../support/node-for-others.js';
import { pressTwice } from '../support/press-twice.js';

const GUARD = 'test/guard/children/guard.ts';
const TRADER = 'test/guard/children/redbutton-trader.ts';

let compiled: Compiled;
beforeAll(() => {
  compiled = compile([GUARD, TRADER]);
}, 60_000);
afterAll(() => compiled.remove());

let dir: string;
let paths: Paths;
let children: ChildProcess[];
const clock = createSystemClock();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rb-'));
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

interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Resolves once the output holds `text`. */
  says(text: string): Promise<void>;
}

function run(source: string, args: readonly string[]): Running {
  const child = spawn(process.execPath, [compiled.file(source), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  return {
    child,
    output: () => output,
    says: (text) => until(`"${text}" in: ${output}`, () => output.includes(text)),
  };
}

async function until(what: string, isSo: () => boolean | Promise<boolean>, forMs = 60_000): Promise<void> {
  const endMs = clock.monotonicMs() + forMs;
  while (!(await isSo())) {
    if (clock.monotonicMs() > endMs) throw new Error(`waited ${forMs} ms in vain for ${what}`);
    await delay(5);
  }
}

const args = () => ['--run-dir', dir, '--state-dir', join(dir, 'state'), '--gpio', 'simulated'];
const ask = async (method: 'GET' | 'POST', path: string, body?: unknown) =>
  (await callControl(paths.guardSocket, 'the guard', method, path, body)).body as GuardStatus;
const button = (pressed: boolean) => ask('POST', '/sim/button', { pressed });
const permit = () => createPermitReader(paths.permit, clock).read();

async function startGuard(): Promise<Running> {
  const guard = run(GUARD, args());
  await guard.says('"ready"');
  return guard;
}

async function arm(): Promise<void> {
  await until('a released contact', async () => (await ask('GET', '/status')).contact === 'released');
  expect(await ask('POST', '/resume')).toMatchObject({ opened: true });
  await pressTwice(button, async () => (await ask('GET', '/status')).contact);
  await until('the arming', async () => (await ask('GET', '/status')).state !== 'HALTED');
}

async function startArmed(): Promise<{ guard: Running; trader: Running }> {
  const guard = await startGuard();
  const trader = run(TRADER, [paths.guardLinkSocket]);
  await until('the trader', async () => (await ask('GET', '/status')).trader.present);
  await arm();
  await until('a permit to enter', () => {
    const reading = permit();
    return reading.ok && reading.state === 'ACTIVE';
  });
  return { guard, trader };
}

describe('the guard’s own process', { timeout: 120_000 }, () => {
  it('starts a new box halted, arms it by hand, halts it at a press, and confirms', async () => {
    const { trader } = await startArmed();
    await trader.says('reconcile');
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const fromMs = clock.monotonicMs();
      const pressing = button(true);
      while (permit().ok) await new Promise<void>((resolve) => setImmediate(resolve));
      times.push(clock.monotonicMs() - fromMs);
      await pressing;
      await until('the confirmation', async () => (await ask('GET', '/status')).halt?.confirmed === true);
      await button(false);
      await arm();
      await until('a permit to enter', () => permit().ok);
    }
    await until('the cancels', () => /cancel \d+ button/.test(trader.output()));
    const worst = Math.max(...times);
    console.log(
      `press over the socket → permit revoked, another process looking: worst of 5 ${worst.toFixed(1)} ms`,
    );
    expect(worst).toBeLessThan(500);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)('lets the permit lapse within 500 ms of %s', async (signal) => {
    const { guard } = await startArmed();
    expect(permit().ok).toBe(true);
    guard.child.kill(signal);
    const fromMs = clock.monotonicMs();
    const last = permit();
    expect(last.ok && last.expiresMonotonicMs - fromMs).toBeLessThanOrEqual(500);
    await until('the lapse', () => !permit().ok);
    const lapsedMs = clock.monotonicMs() - fromMs;
    console.log(`permit lapsed ${lapsedMs.toFixed(0)} ms after ${signal}`);
    expect(permit()).toEqual({ ok: false, reason: 'lapsed' });
    expect(lapsedMs).toBeLessThan(600);
    if (signal === 'SIGSTOP') {
      // It wakes with a look at the button before any permit; the trader's line is still there.
      guard.child.kill('SIGCONT');
      await until('a permit again', () => permit().ok);
    }
  });

  it('comes back REDUCING and then ACTIVE after a kill, and halted when the contact was opened meanwhile', async () => {
    const { guard } = await startArmed();
    guard.child.kill('SIGKILL');
    await once(guard.child, 'exit');
    const again = await startGuard();
    await until('ACTIVE', async () => (await ask('GET', '/status')).state === 'ACTIVE');
    await again.says('reconciled');
    await button(true);
    await until('the record', async () => (await ask('GET', '/status')).halt?.recorded === true);
    again.child.kill('SIGKILL');
    await once(again.child, 'exit');
    await startGuard();
    expect(await ask('GET', '/status')).toMatchObject({ state: 'HALTED', halt: { cause: 'recorded' } });
  });

  it('kills a trader that is stopped at the press, and says that nothing is open in paper mode', async () => {
    const { guard, trader } = await startArmed();
    trader.child.kill('SIGSTOP');
    await button(true);
    const fromMs = clock.monotonicMs();
    await once(trader.child, 'exit');
    expect(trader.child.signalCode).toBe('SIGKILL');
    console.log(`stopped trader killed ${(clock.monotonicMs() - fromMs).toFixed(0)} ms after the press`);
    await guard.says('trader_killed');
    await until('the confirmation', async () => (await ask('GET', '/status')).halt?.confirmed === true);
  });

  it('halts at the trader’s wish', async () => {
    const { trader } = await startArmed();
    trader.child.stdin!.write('halt\n');
    await until('the halt', () => !permit().ok);
    expect(await ask('GET', '/status')).toMatchObject({
      halt: { cause: 'trader', detail: 'drawdown limit reached' },
    });
  });

  it('refuses to run beside another guard', async () => {
    await startGuard();
    const second = run(GUARD, args());
    await once(second.child, 'close');
    expect(second.output()).toContain('E_LOCKED');
    expect(second.child.exitCode).not.toBe(0);
    expect(await ask('GET', '/status')).toMatchObject({ state: 'HALTED' });
  });

  it.each([
    ['was removed', () => rmSync(dirname(paths.permit), { recursive: true })],
    ['was moved', () => renameSync(dirname(paths.permit), join(dir, 'moved'))],
  ])('makes permit and sockets again, without a restart, where the run folder %s', async (_loss, lose) => {
    await startArmed();
    lose();
    await until('a permit', () => permit().ok);
    await until('an answer', async () => (await ask('GET', '/status').catch(() => null)) !== null);
    await button(true);
    expect(permit()).toEqual({ ok: false, reason: 'revoked' });
    rmSync(join(dir, 'moved'), { recursive: true, force: true });
    lose();
    await until('an answer', async () => (await ask('GET', '/status').catch(() => null)) !== null);
    expect(await ask('GET', '/status')).toMatchObject({ state: 'HALTED', halt: { cause: 'button' } });
  });

  it('ends cleanly on SIGTERM: permit revoked, sockets gone, record kept', async () => {
    const { guard } = await startArmed();
    guard.child.kill('SIGTERM');
    await once(guard.child, 'exit');
    expect(guard.child.exitCode).toBe(0);
    expect(permit()).toEqual({ ok: false, reason: 'revoked' });
    for (const path of [paths.guardSocket, paths.guardLinkSocket]) {
      expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    }
    await startGuard();
    await until('REDUCING', async () => (await ask('GET', '/status')).state === 'REDUCING');
  });

  it('lets nobody in but owner and group', async () => {
    await startGuard();
    for (const path of [paths.guardSocket, paths.guardLinkSocket])
      expect(statSync(path).mode & 0o777).toBe(0o660);
    if (process.getuid?.() !== 0) return;
    // The directories are open, so that it is the socket's own mode that refuses.
    chmodSync(dir, 0o755);
    const probe = `require('net').connect(process.argv[1]).on('error', (e) => process.exit(e.code === 'EACCES' ? 13 : 1)).on('connect', () => process.exit(0))`;
    const codeAs = async (id: number) => {
      const child = spawn(nodeForOthers(), ['-e', probe, paths.guardSocket], { uid: id, gid: id, cwd: '/' });
      const [code] = await once(child, 'exit');
      return code;
    };
    expect(await codeAs(0)).toBe(0);
    expect(await codeAs(65_534)).toBe(13);
  });
});

describe('the commands', { timeout: 120_000 }, () => {
  const call = async (command: typeof halt, more: readonly string[] = []) => {
    const io = captureIo();
    const code = await command.run(['--run-dir', dir, ...more], io);
    return { code, out: io.out(), err: io.err() };
  };

  it('halt prints what was confirmed; resume and status tell the rest', async () => {
    await startArmed();
    const halted = await call(halt);
    expect(halted).toMatchObject({ code: 0 });
    expect(halted.out).toMatch(/halted: halt command[^\n]*\nrecorded: yes[^\n]*\ncancels: confirmed/);
    expect((await call(halt, ['--json'])).code).toBe(0);
    const told = await call(status);
    expect(told.out).toMatch(/state\s+HALTED/);
    expect(told.out).toContain('the trader is not running: there is no answer at');
    expect(told.code).toBe(1);
    await button(true);
    const refused = await call(resume);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toContain('contact open');
    await button(false);
    await until('a released contact', async () => (await ask('GET', '/status')).contact === 'released');
    const opened = await call(resume, ['--json']);
    expect(opened.code).toBe(0);
    expect(JSON.parse(opened.out)).toMatchObject({ opened: true, windowMs: 120_000 });
  });

  it('say plainly when nobody answers', async () => {
    await expect(call(halt)).rejects.toMatchObject({
      code: 'E_SOCKET_NOBODY',
      exitCode: 1,
      message: expect.stringContaining('the guard is not running'),
    });
    const told = await call(status, ['--json']);
    expect(told.code).toBe(1);
    expect(JSON.parse(told.out)).toEqual({ guard: null, trader: null, gate: null });
  });
});
