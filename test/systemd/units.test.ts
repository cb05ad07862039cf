// @module-tag processes

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';

const dir = fileURLToPath(new URL('../../systemd/', import.meta.url));
/** The one that settles an update must stop, start and replace services: it is root's, and runs only after a power cut. */
const services = readdirSync(dir).filter((name) => name.endsWith('.service') && !name.includes('update'));
const text = (name: string) => readFileSync(path.join(dir, name), 'utf8');

/** The values of a key, lines as they stand. */
const valuesOf = (unit: string, key: string) =>
  [...text(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]!);

/** Above this a service is more exposed than the design allows. */
const EXPOSURE_MAX = 1.9;

const analyse = () => spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const installed = analyse().status === 0;
if (!installed) process.stderr.write('SKIPPED: systemd-analyze is not installed (apt install systemd)\n');

describe.skipIf(!installed)('the units, judged by systemd', () => {
  it.each(services)(`%s has an exposure of at most ${EXPOSURE_MAX}, and no line that is ignored`, (unit) => {
    const { stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', path.join(dir, unit)],
      { encoding: 'utf8' },
    );
    const exposure = /Overall exposure level for .*: ([\d.]+)/.exec(stdout)?.[1];
    expect(exposure, `${stdout}${stderr}`).toBeDefined();
    console.log(`${unit}: exposure ${exposure}`);
    expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_MAX);
    expect(stderr).not.toMatch(/ignoring|Unknown/);
  });

  it.each(readdirSync(dir).filter((name) => name.endsWith('.timer')))('%s has a time that comes', (unit) => {
    for (const when of valuesOf(unit, 'OnCalendar')) {
      const { status, stdout } = spawnSync('systemd-analyze', ['calendar', when], { encoding: 'utf8' });
      expect(status).toBe(0);
      expect(stdout).toContain('Next elapse');
    }
    expect(services).toContain(unit.replace('.timer', '.service'));
  });
});

describe('the units', () => {
  it('start commands that there are', () => {
    for (const unit of services) {
      const [start] = valuesOf(unit, 'ExecStart');
      const [, name] = /dist\/main\.js (\S+)/.exec(start ?? '') ?? [];
      if (name !== undefined) expect(Object.keys(COMMANDS)).toContain(name);
      else
        expect(start).toMatch(
          /^\/opt\/redbutton\/current\/(scripts\/box-job (backup|verify)|native\/build\/Release\/redbutton-gate)$/,
        );
    }
  });

  it('bring each service back forever, and end it within 10 s', () => {
    for (const unit of ['redbutton.service', 'redbutton-guard.service', 'redbutton-gate.service']) {
      expect(valuesOf(unit, 'Restart')).toEqual(['always']);
      expect(valuesOf(unit, 'StartLimitIntervalSec')).toEqual(['0']);
      expect(Number(valuesOf(unit, 'TimeoutStopSec')[0])).toBeLessThanOrEqual(10);
      expect(valuesOf(unit, 'Type')).toEqual(['notify']);
    }
    expect(Number(valuesOf('redbutton-guard.service', 'WatchdogSec')[0])).toBeLessThanOrEqual(2);
  });

  it('keep the button’s lines for the next life of the guard, two of them and as many from before', () => {
    expect(valuesOf('redbutton-guard.service', 'FileDescriptorStoreMax')).toEqual(['4']);
  });

  it('keep the guard beyond the trader: another user, no capability, no GPIO, and the guard first', () => {
    const [trader, guard] = ['redbutton.service', 'redbutton-guard.service'];
    expect(valuesOf(trader!, 'User')).not.toEqual(valuesOf(guard!, 'User'));
    expect(valuesOf(trader!, 'CapabilityBoundingSet')).toEqual(['']);
    expect(valuesOf(trader!, 'SupplementaryGroups')).toEqual([]);
    expect(valuesOf(trader!, 'ProtectKernelTunables')).toEqual(['yes']);
    expect(valuesOf(trader!, 'PrivateDevices')).toEqual(['yes']);
    expect(valuesOf(guard!, 'Before')).toContain('redbutton.service');
    expect(valuesOf(guard!, 'ReadWritePaths')).toEqual([
      '/run/redbutton',
      '-/sys/class/gpio -/sys/devices/platform',
      '-/var/lib/redbutton-record',
    ]);
    // What it needs to end a trader that hangs, and no more.
    expect(valuesOf(guard!, 'CapabilityBoundingSet')).toEqual(['CAP_KILL']);
    expect(text('redbutton.sysusers')).toMatch(/^m redbutton-guard gpio$/m);
    expect(text('redbutton.sysusers')).not.toMatch(/^m redbutton gpio$/m);
  });

  it('load the rules of the gate, shut, before the trader starts, and give it one capability', () => {
    const gate = 'redbutton-gate.service';
    expect(valuesOf(gate, 'ExecStartPre')).toEqual([
      '/usr/sbin/nft -f /opt/redbutton/current/systemd/redbutton-gate.nft',
    ]);
    // The rules stay when it ends.
    expect(text(gate)).not.toMatch(/^ExecStop/m);
    expect(valuesOf(gate, 'Before')).toContain('redbutton.service');
    expect(valuesOf('redbutton.service', 'After')[0]).toContain(gate);
    // A machine without nft trades on: nothing requires the gate, and the guard starts it.
    expect(valuesOf('redbutton-guard.service', 'Wants')).toEqual([gate]);
    for (const unit of services) expect(valuesOf(unit, 'Requires').join()).not.toContain(gate);
    expect(valuesOf(gate, 'ConditionFileIsExecutable')).toContain('/usr/sbin/nft');
    expect(valuesOf(gate, 'CapabilityBoundingSet')).toEqual(['CAP_NET_ADMIN']);
    for (const other of ['redbutton.service', 'redbutton-guard.service']) {
      expect(valuesOf(other, 'User')).not.toEqual(valuesOf(gate, 'User'));
      expect(text(other)).not.toContain('CAP_NET_ADMIN');
    }
    expect(valuesOf(gate, 'SystemCallFilter').join(' ')).toContain(' connect ');
  });

  it('give every credential a default, so that a missing one keeps no service down', () => {
    for (const unit of services) {
      const loaded = valuesOf(unit, 'LoadCredential').map((value) => value.split(':')[0]);
      // An empty value would be ignored by systemd; the line break is cut off by the reader.
      expect(valuesOf(unit, 'SetCredential').sort()).toEqual(loaded.map((name) => `${name}:\\n`).sort());
    }
  });
});
