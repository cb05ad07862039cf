// @module-tag processes

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackRelease } from '../../../src/box/updating/release.js';
import { compareVersions } from '../../../src/core/versions.js';

const signing = (() => {
  try {
    execFileSync('ssh-keygen', ['-Y'], { stdio: 'ignore' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
  }
  return true;
})();
if (!signing) process.stderr.write('SKIPPED: ssh-keygen is not installed (apt install openssh-client)\n');

describe.skipIf(!signing)('a release file', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-release-'));
  const at = (...parts: string[]) => path.join(dir, ...parts);
  const signers = at('release-signers');
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
    return execFileSync('cat', [at(`${name}.pub`)], { encoding: 'utf8' }).trim();
  };
  beforeAll(() => {
    mkdirSync(at('versions'));
    writeFileSync(signers, `# comment\nredbutton namespaces="redbutton" ${key('ours')}\n`);
    key('theirs');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const sign = (file: string, name = 'ours', namespace = 'redbutton') => {
    rmSync(`${file}.sig`, { force: true });
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', at(name), '-n', namespace, file], {
      stdio: 'ignore',
    });
    return file;
  };
  /** A small release of its own, as build-release lays it out. */
  const make = (version: string, more: object = {}, files: Record<string, string> = {}) => {
    const name = `redbutton-${version.replaceAll('/', '_')}`;
    const tree = at('make', name);
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(path.join(tree, 'scripts'), { recursive: true });
    const release = { version, arch: process.arch, nodeMajorMin: 20, ...more };
    writeFileSync(path.join(tree, 'release.json'), JSON.stringify(release));
    writeFileSync(path.join(tree, 'scripts/activate'), '#!/bin/sh\n', { mode: 0o755 });
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(tree, name), text);
    const file = at(`${name}.tar.xz`);
    execFileSync('tar', ['-cJf', file, '-C', at('make'), name]);
    return file;
  };
  const unpack = (file: string, installed = '0.1.0', allowOlder = false) =>
    unpackRelease({ file, signers, versionsDir: at('versions'), installed, allowOlder });
  const versions = () => readdirSync(at('versions')).sort();
  const refused = async (file: string, code: string, ...rest: [string?, boolean?]) => {
    const before = versions();
    await expect(unpack(file, ...rest)).rejects.toMatchObject({ code, exitCode: 2 });
    expect(versions()).toEqual(before);
  };

  it('is unpacked beside the others when its signature is good', async () => {
    expect(await unpack(sign(make('0.2.0')))).toMatchObject({ version: '0.2.0' });
    expect(versions()).toEqual(['0.2.0']);
    expect(readdirSync(at('versions/0.2.0')).sort()).toEqual(['release.json', 'scripts']);
  });

  it('is refused when one bit of it was changed', async () => {
    const file = sign(make('0.3.0'));
    const signature = `${file}.sig`;
    copyFileSync(signature, at('kept.sig'));
    appendFileSync(file, Buffer.of(0));
    copyFileSync(at('kept.sig'), signature);
    await refused(file, 'E_UPDATE_SIGNATURE');
  });

  it('is refused when signed by somebody else, for something else, or not at all', async () => {
    await refused(sign(make('0.3.0'), 'theirs'), 'E_UPDATE_SIGNATURE');
    await refused(sign(make('0.3.0'), 'ours', 'git'), 'E_UPDATE_SIGNATURE');
    const bare = make('0.3.1');
    await refused(bare, 'E_UPDATE_FILE');
    writeFileSync(`${bare}.sig`, 'nonsense');
    await refused(bare, 'E_UPDATE_SIGNATURE');
  });

  it('is refused with another release’s signature, and while no signer is named', async () => {
    const [one, other] = [sign(make('0.3.0')), sign(make('0.3.1'))];
    copyFileSync(`${one}.sig`, `${other}.sig`);
    await refused(other, 'E_UPDATE_SIGNATURE');
    const none = at('no-signers');
    writeFileSync(none, '# nobody\n');
    await expect(
      unpackRelease({
        file: one,
        signers: none,
        versionsDir: at('versions'),
        installed: '0.1.0',
        allowOlder: false,
      }),
    ).rejects.toMatchObject({ code: 'E_UPDATE_SIGNATURE' });
  });

  it('is refused when it is for another machine, older, or no release', async () => {
    await refused(sign(make('0.4.0', { arch: 'mips' })), 'E_UPDATE_ARCH');
    await refused(sign(make('0.4.0', { nodeMajorMin: 99 })), 'E_UPDATE_ARCH');
    await refused(sign(make('0.1.5')), 'E_UPDATE_OLDER', '0.2.0');
    await refused(sign(make('0.2.0')), 'E_UPDATE_OLDER', '0.2.0', true);
    await refused(sign(make('../../etc')), 'E_UPDATE_RELEASE');
    expect(await unpack(sign(make('0.1.6')), '0.2.0', true)).toMatchObject({ version: '0.1.6' });
  });

  it('knows which version is later', () => {
    const order = ['0.1.0-rc.1', '0.1.0-rc.2', '0.1.0', '0.1.0+fix', '0.2.0', '0.10.0', '1.0.0'];
    for (const [i, a] of order.entries())
      for (const [j, b] of order.entries()) expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(i - j));
  });
});
