// @module-tag processes

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** As a newcomer runs it: on a machine that is no Pi, without root, with nothing installed and nothing running. */
describe('redbutton doctor', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-doctor-'));
  const config = path.join(dir, 'redbutton.toml');
  beforeAll(() => {
    mkdirSync(path.join(dir, 'credentials'), { mode: 0o700 });
    writeFileSync(
      config,
      `modelDir = "${path.join(root, 'models/sp500-daily')}"
[device]
stateDir = "${path.join(dir, 'state')}"
runDir = "${path.join(dir, 'run')}"
[[exchange]]
id = "binance"
symbols = ["BTC/USDT"]
restUrl = "http://127.0.0.1:9"
wsUrl = "ws://127.0.0.1:9"
`,
    );
    // Another user must be able to read it.
    spawnSync('chmod', ['755', dir]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const run = (...args: string[]) => {
    const program = [process.execPath, path.join(root, 'dist/main.js'), 'doctor', ...args];
    const command =
      process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--clear-groups', ...program] : program;
    return spawnSync(command[0]!, command.slice(1), { cwd: root, encoding: 'utf8' });
  };

  it('says what is wrong and what could not be checked, in 80 columns, and ends with 1', () => {
    const { status, stdout, stderr } = run('--config', config);
    expect(status, stdout + stderr).toBe(1);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^ok +button wiring +GPIO 5, NC to ground/m);
    expect(stdout).toMatch(/^FAILED +exchange +binance cannot be reached/m);
    expect(stdout).toMatch(/^warning +guard +the guard is not running/m);
    if (process.getuid?.() === 0) expect(stdout).toMatch(/^unchecked +credentials +EACCES/m);
    expect(stdout).toContain('→ ');
    expect(stdout).toMatch(/\d+ ok, \d+ warnings, \d+ failed/);
  }, 60_000);

  it('prints the same as JSON', () => {
    const { stdout } = run('--config', config, '--quick', '--json');
    const findings = JSON.parse(stdout) as { check: string; verdict: string; remedy: string | null }[];
    expect(findings.length).toBeGreaterThan(15);
    for (const { verdict, remedy } of findings) {
      expect(['ok', 'warning', 'failed', 'unchecked']).toContain(verdict);
      expect(remedy === null).toBe(verdict === 'ok');
    }
  }, 60_000);

  it('tells a bad configuration as every command does', () => {
    writeFileSync(path.join(dir, 'bad.toml'), 'mode = "papre"\n');
    expect(run('--config', path.join(dir, 'bad.toml'))).toMatchObject({ status: 2, stdout: '' });
  }, 60_000);
});
