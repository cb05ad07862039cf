// @module-tag processes

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
/** A clone in which nothing has been installed or built, and a machine on which next to nothing can be started. */
const clone = mkdtempSync(path.join(tmpdir(), 'redbutton-help-'));
const bin = path.join(clone, 'bin');
afterAll(() => rmSync(clone, { recursive: true, force: true }));
cpSync(scripts, path.join(clone, 'scripts'), { recursive: true });
for (const name of ['native', 'home', 'bin']) mkdirSync(path.join(clone, name));
cpSync(path.join(scripts, '../package-lock.json'), path.join(clone, 'package-lock.json'));
for (const name of ['bash', 'cat', 'dirname', 'env', 'hostname', 'sed']) {
  const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  symlinkSync(stdout.trim(), path.join(bin, name));
}
symlinkSync(process.execPath, path.join(bin, 'node'));

const contents = () => readdirSync(clone, { recursive: true, encoding: 'utf8' }).sort();
const before = contents();
const run = (name: string, option: string) =>
  spawnSync(name.endsWith('.mjs') ? 'node' : 'bash', [path.join(clone, 'scripts', name), option], {
    cwd: path.join(clone, 'home'),
    encoding: 'utf8',
    env: { PATH: bin, HOME: path.join(clone, 'home'), TMPDIR: path.join(clone, 'home') },
    timeout: 20_000,
  });

describe.each(readdirSync(scripts).filter((name) => !name.endsWith('.d.mts')))('scripts/%s', (name) => {
  it('answers --help with one short text, and does nothing else', () => {
    const { status, stdout, stderr } = run(name, '--help');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: /m);
    expect(stdout.split('\n').length).toBeLessThan(40);
    expect(contents()).toEqual(before);
  });

  it('refuses an option that it does not have, in a sentence', () => {
    const { status, stdout, stderr } = run(name, '--no-such-option');
    expect(stderr).toMatch(/^.*(--no-such-option|--help).*\n$/);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(contents()).toEqual(before);
  });
});

it('scripts/nightly has the lanes that its help and CONTRIBUTING.md name, with the same times', () => {
  const lanes = run('nightly', '--list').stdout.trim().split('\n');
  const timed = (text: string, row: RegExp) =>
    [...text.matchAll(row)].map(([, name, time]) => `${name} ${time}`);
  const inHelp = timed(run('nightly', '--help').stdout, /^ {2}([a-z0-9-]+) .* (\d+) min$/gm);
  const page = readFileSync(path.join(scripts, '../CONTRIBUTING.md'), 'utf8');
  expect(inHelp.map((lane) => lane.split(' ')[0])).toEqual(lanes);
  expect(timed(page, /^\| `([a-z0-9-]+)` \| .* \| (\d+) min \|$/gm)).toEqual(inHelp);
});
