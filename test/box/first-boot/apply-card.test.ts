// @module-tag processes

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyCard, type Places } from '../../../src/box/first-boot/apply-card.js';

const GOOD = `[[exchange]]
symbols = ["BTC/USDT"]
[box]
timeZone = "Europe/Berlin"
[box.ssh]
keys = ["ssh-ed25519 ${'A'.repeat(68)} me"]
[box.credentials]
mqtt-password = "hunter2hunter2"
`;

describe('settling in', () => {
  let dir: string;
  let places: Places;
  const noBroker = () => Promise.reject(new Error('nobody asked for a broker'));
  const file = (name: string) => path.join(places.card, name);
  const put = (text: string | Buffer) => writeFileSync(file('redbutton.toml'), text);
  const within = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-settle-'));
    places = {
      root: path.join(dir, 'root'),
      card: path.join(dir, 'card'),
      settings: path.join(dir, 'settings'),
    };
    for (const place of Object.values(places)) mkdirSync(place);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('puts everything in its place and takes the secrets off the card', async () => {
    put(GOOD);
    expect(await applyCard(places, noBroker)).toMatchObject({ outcome: 'applied' });
    const secret = path.join(places.root, 'etc/redbutton/credentials/mqtt-password');
    expect(readFileSync(secret, 'utf8')).toBe('hunter2hunter2');
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    for (const base of [places.root, places.settings]) {
      expect(readlinkSync(path.join(base, 'etc/localtime'))).toBe('../usr/share/zoneinfo/Europe/Berlin');
      const key = path.join(base, 'etc/ssh/ssh_host_ed25519_key');
      expect(readFileSync(key, 'utf8')).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY/);
      expect(statSync(key).mode & 0o777).toBe(0o600);
    }
    // The settings are put in place at each start; secrets of the services are none of them.
    expect(within(places.settings).some((name) => name.includes('credentials'))).toBe(false);
    expect(readdirSync(places.card)).toEqual(['redbutton-applied.toml']);
    for (const name of within(places.card)) expect(readFileSync(name, 'utf8')).not.toContain('hunter2');
    expect(existsSync(path.join(places.settings, '.wiping'))).toBe(false);
    expect(await applyCard(places, noBroker)).toEqual({ outcome: 'nothing_to_do' });
  });

  it('keeps the host key when a later file comes', async () => {
    put(GOOD);
    await applyCard(places, noBroker);
    const key = () => readFileSync(path.join(places.root, 'etc/ssh/ssh_host_ed25519_key'), 'utf8');
    const before = key();
    put(GOOD);
    await applyCard(places, noBroker);
    expect(key()).toBe(before);
  });

  it('changes nothing when there are mistakes, and writes them on the card', async () => {
    put(GOOD.replace('BTC/USDT', 'bitcoin').replace('Berlin', 'Berln'));
    const settled = await applyCard(places, noBroker);
    expect(settled).toMatchObject({ outcome: 'mistakes' });
    expect(within(places.root)).toEqual([]);
    expect(within(places.settings)).toEqual([]);
    const errors = readFileSync(file('redbutton-errors.txt'), 'utf8');
    expect(errors).toContain('box.timeZone');
    expect(errors).toContain('exchange[0].symbols[0]');
    // Repaired, it is applied, and the old complaint is gone.
    put(GOOD);
    expect(await applyCard(places, noBroker)).toMatchObject({ outcome: 'applied' });
    expect(readdirSync(places.card)).toEqual(['redbutton-applied.toml']);
  });

  it('says so when there is no file on a new card', async () => {
    expect(await applyCard(places, noBroker)).toMatchObject({ outcome: 'mistakes' });
    expect(readFileSync(file('redbutton-errors.txt'), 'utf8')).toContain('there is no redbutton.toml');
  });

  it('finishes a wiping that lost its power, whatever sectors were reached', async () => {
    writeFileSync(path.join(places.settings, '.wiping'), '');
    const half = Buffer.from(GOOD);
    half.fill(0, 40, 90);
    put(half);
    expect(await applyCard(places, noBroker)).toEqual({ outcome: 'wipe_finished', unwiped: null });
    expect(readdirSync(places.card)).toEqual([]);
  });

  it('finishes a wiping that lost its power after the file was gone', async () => {
    put(GOOD);
    await applyCard(places, noBroker);
    writeFileSync(path.join(places.settings, '.wiping'), '');
    // A filler that cannot be removed is told, and tried again.
    mkdirSync(path.join(file('redbutton-wiping.tmp'), 'in-the-way'), { recursive: true });
    expect(await applyCard(places, noBroker)).toMatchObject({
      outcome: 'wipe_finished',
      unwiped: expect.stringContaining('redbutton-wiping.tmp'),
    });
    rmSync(file('redbutton-wiping.tmp'), { recursive: true });
    writeFileSync(file('redbutton-wiping.tmp'), 'zeros');
    expect(await applyCard(places, noBroker)).toEqual({ outcome: 'wipe_finished', unwiped: null });
    expect(readdirSync(places.card)).toEqual(['redbutton-applied.toml']);
    expect(await applyCard(places, noBroker)).toEqual({ outcome: 'nothing_to_do' });
  });

  it('applies an untouched file again when power failed before the first zero', async () => {
    writeFileSync(path.join(places.settings, '.wiping'), '');
    put(GOOD);
    expect(await applyCard(places, noBroker)).toMatchObject({ outcome: 'applied' });
  });

  it('never takes a damaged file of the owner for one it was wiping', async () => {
    put(Buffer.concat([Buffer.from(GOOD), Buffer.alloc(512)]));
    expect(await applyCard(places, noBroker)).toMatchObject({ outcome: 'mistakes' });
    expect(existsSync(file('redbutton.toml'))).toBe(true);
  });

  it('leaves the file on the card when the broker cannot be set up', async () => {
    put(`${GOOD}[box.broker]\nonBox = true\n`);
    await expect(applyCard(places, () => Promise.reject(new Error('no openssl')))).rejects.toThrow(
      'no openssl',
    );
    expect(readFileSync(file('redbutton.toml'), 'utf8')).toContain('hunter2');
    let called = 0;
    await applyCard(places, async () => void called++);
    expect(called).toBe(1);
    expect(existsSync(file('redbutton.toml'))).toBe(false);
  });
});
