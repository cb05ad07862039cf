import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Services } from './trial.js';

const run = promisify(execFile);
const GUARD = 'redbutton-guard.service';
const TRADER = 'redbutton.service';
/** The trader has 10 s to end and the guard 5. */
const STOP_MS_MAX = 30_000;

/** Guard and trader as systemd runs them. */
export const systemdServices: Services = {
  async stop() {
    await run('systemctl', ['stop', TRADER], { timeout: STOP_MS_MAX });
    await run('systemctl', ['stop', GUARD], { timeout: STOP_MS_MAX });
  },
  async start() {
    await run('systemctl', ['start', '--no-block', GUARD, TRADER]);
  },
  async ready() {
    // Type=notify: active means that READY was said.
    const { stdout } = await run('systemctl', ['show', '-p', 'ActiveState', '--value', GUARD, TRADER]);
    const states = stdout.split('\n').filter((line) => line !== '');
    return states.length === 2 && states.every((state) => state === 'active');
  },
};
