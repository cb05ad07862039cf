// A Debian root booted by systemd-nspawn, looked into from outside: commands by nsenter, the box's sockets by /proc.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { callControl } from '../../dist/adapters/control-socket/control-client.js';

/** Node has no name for it; systemd's PID 1 powers off on SIGRTMIN+4 (systemd(1)). */
const SIGRTMIN = 34;
const run = promisify(execFile);

/** Boots `root`. Resolves once its systemd runs; `bootedMs` is the moment before it was started (performance.now). */
export async function boot(root) {
  const bootedMs = performance.now();
  const nspawn = spawn(
    'systemd-nspawn',
    [
      '-q',
      '--boot',
      '--register=no',
      '--keep-unit',
      '--capability=CAP_NET_ADMIN',
      '--console=pipe',
      '-D',
      root,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [nspawn.stdout, nspawn.stderr]) stream.on('data', (chunk) => (said += chunk));
  let ended = false;
  const gone = new Promise((resolve) => {
    nspawn.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  // systemd-nspawn forks once before: the one meant is systemd itself.
  const systemdOf = () =>
    readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8')
      .split(' ')
      .filter((pid) => pid !== '')
      .find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd');
  let init;
  while (init === undefined) {
    if (ended) throw new Error(`the container did not start:\n${said}`);
    try {
      init = systemdOf();
    } catch {
      // A process between looking and reading is gone.
    }
    await delay(2);
  }
  init = Number(init);

  /** Runs a command inside; resolves to what it printed, also where it failed. */
  const inside = async (...command) => {
    try {
      const { stdout } = await run(
        'nsenter',
        ['-t', String(init), '-m', '-u', '-i', '-p', '-C', ...command],
        {
          maxBuffer: 64 << 20,
        },
      );
      return { code: 0, output: stdout };
    } catch (error) {
      return { code: error.code, output: `${error.stdout}${error.stderr}` };
    }
  };
  const socket = (name) => path.join(`/proc/${init}/root/run/redbutton`, name);
  const guard = async (method, route, body) =>
    (await callControl(socket('guard/control.sock'), 'the guard', method, route, body)).body;

  return {
    bootedMs,
    inside,
    guard,
    property: async (unit, name) =>
      (await inside('systemctl', 'show', unit, '-p', name, '--value')).output.trim(),
    pidOf: async (unit) =>
      Number((await inside('systemctl', 'show', unit, '-p', 'MainPID', '--value')).output.trim()),
    armed: async () => {
      const status = await guard('GET', '/status').catch(() => null);
      return status?.armed === true && status.trader.present;
    },
    journal: async (...args) => (await inside('journalctl', '--no-pager', '-o', 'cat', ...args)).output,
    /** What could not be repaired by waiting is told with the journal's end. */
    async until(what, condition, msMax) {
      const startMs = performance.now();
      while (!(await condition())) {
        if (performance.now() - startMs > msMax) {
          const { output } = await inside('journalctl', '--no-pager', '-n', '60', '-o', 'short-monotonic');
          throw new Error(`${what} did not happen in ${msMax} ms\n${output}`);
        }
        await delay(10);
      }
      return performance.now() - startMs;
    },
    /** Ends it as a power button does. */
    async stop() {
      process.kill(init, SIGRTMIN + 4);
      await gone;
    },
    async kill() {
      nspawn.kill('SIGKILL');
      try {
        process.kill(init, 'SIGKILL');
      } catch {
        // It is gone already.
      }
      await gone;
    },
  };
}
