// @module-tag processes

import { execFile, spawnSync } from 'node:child_process';
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
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyCard } from '../../../src/box/first-boot/apply-card.js';
import { command } from '../../../src/cli/box/first-boot.js';
import { mosquittoInstalled } from '../../brokers/mosquitto.js';
import { captureIo } from '../../support/command-io.js';

const run = promisify(execFile);
const SETUP_BROKER = path.resolve('scripts/setup-broker');
const CARD = `[device]
name = "kitchen"
[[exchange]]
symbols = ["BTC/USDT"]
[box]
hostname = "kitchen-pi"
timeZone = "Europe/Berlin"
[box.ssh]
keys = ["ssh-ed25519 ${'A'.repeat(68)} me"]
`;
/** A process of its own that sees all but /tmp read-only, where this machine lets us: mosquitto_passwd makes a file there. */
const isConfined = spawnSync('unshare', ['-m', 'true']).status === 0;
const confined = (args: readonly string[]) =>
  run('unshare', [
    '-m',
    'sh',
    '-c',
    'mount --make-rprivate / && mount --bind /tmp /tmp && mount -o remount,bind,ro / && exec "$@"',
    'sh',
    ...args,
  ]);

describe('first boot below another root', () => {
  let dir: string;
  const at = (name: string) => path.join(dir, name);

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-root-'));
    for (const name of ['root', 'card', 'settings', 'machine']) mkdirSync(at(name));
    writeFileSync(at('card/redbutton.toml'), CARD);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('finds card and settings there too, where they are not named', async () => {
    mkdirSync(at('root/boot/firmware'), { recursive: true });
    writeFileSync(at('root/boot/firmware/redbutton.toml'), CARD);
    expect(await command.run(['--root', `${at('root')}/.`], captureIo())).toBe(0);
    expect(readdirSync(at('root/boot/firmware'))).toEqual(['redbutton-applied.toml']);
    expect(readFileSync(at('root/data/settings/etc/hostname'), 'utf8')).toBe('kitchen-pi\n');
    expect(readlinkSync(at('root/etc/localtime'))).toBe('../usr/share/zoneinfo/Europe/Berlin');
  });

  it.each(['etc', 'etc/redbutton', 'etc/ssh'])('follows no link at %s that leads out', async (name) => {
    mkdirSync(path.dirname(at(`root/${name}`)), { recursive: true });
    symlinkSync(at('machine'), at(`root/${name}`));
    await expect(
      command.run(['--root', at('root'), '--card', at('card'), '--settings', at('settings')], captureIo()),
    ).rejects.toMatchObject({ code: 'E_CARD_ROOT' });
    expect(readdirSync(at('machine'))).toEqual([]);
    expect(existsSync(at('card/redbutton.toml'))).toBe(true);
  });

  it.each(['hostname', 'localtime'])(
    'replaces a link at etc/%s, and does not write through it',
    async (name) => {
      mkdirSync(at('root/etc'));
      writeFileSync(at('machine/file'), 'as it was');
      symlinkSync(at('machine/file'), at(`root/etc/${name}`));
      expect(
        await command.run(
          ['--root', at('root'), '--card', at('card'), '--settings', at('settings')],
          captureIo(),
        ),
      ).toBe(0);
      expect(readFileSync(at('machine/file'), 'utf8')).toBe('as it was');
    },
  );

  it.skipIf(!mosquittoInstalled() || !isConfined)(
    'sets the broker up though the machine itself cannot be written',
    async () => {
      await confined([
        SETUP_BROKER,
        '--no-restart',
        '--device',
        'kitchen',
        '--hostname',
        'kitchen-pi',
        '--out',
        at('root'),
      ]);
      expect(readFileSync(at('root/etc/mosquitto/redbutton/names'), 'utf8')).toContain(
        'DNS:kitchen-pi.local',
      );
      expect(existsSync(at('root/etc/redbutton/broker-ca.crt'))).toBe(true);
    },
  );

  it.skipIf(!mosquittoInstalled())('sets up no broker through a link that leads out', async () => {
    mkdirSync(at('root/etc'));
    symlinkSync(at('machine'), at('root/etc/mosquitto'));
    await expect(run(SETUP_BROKER, ['--no-restart', '--out', at('root')])).rejects.toThrow(/leads out of/);
    expect(readdirSync(at('machine'))).toEqual([]);
  });

  it('says on the card why the broker could not be set up', async () => {
    writeFileSync(at('card/redbutton.toml'), `${CARD}[box.broker]\nonBox = true\n`);
    const places = { root: at('root'), card: at('card'), settings: at('settings') };
    await expect(applyCard(places, () => Promise.reject(new Error('openssl is missing')))).rejects.toThrow();
    expect(readFileSync(at('card/redbutton-errors.txt'), 'utf8')).toContain('box.broker: openssl is missing');
    expect(existsSync(at('card/redbutton.toml'))).toBe(true);
  });
});
