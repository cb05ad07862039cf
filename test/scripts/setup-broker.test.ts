// @module-tag processes

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boxState, createBox, eventually } from '../adapters/mqtt/box.js';
import { mosquittoInstalled } from '../brokers/mosquitto.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/setup-broker', import.meta.url));

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(path.join(dir, entry.name)) : [path.join(dir, entry.name)],
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

describe.skipIf(!mosquittoInstalled())('scripts/setup-broker', () => {
  let dir: string;
  let port: number;
  let broker: ChildProcess;
  let printed: string;
  const options = () => ['--out', dir, '--port', String(port), '--device', 'test-box'];
  const setUp = (...more: string[]) =>
    execFileSync(SCRIPT, [...options(), ...more], { encoding: 'utf8', stdio: 'pipe' });
  const setUpAgain = (...more: string[]) =>
    execFileSync(SCRIPT, ['--out', dir, ...more], { encoding: 'utf8', stdio: 'pipe' });
  const inEtc = (file: string) => readFileSync(path.join(dir, 'etc', file), 'utf8');
  const fingerprint = () =>
    filesBelow(dir).map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]);
  const passwordOf = (user: string) =>
    inEtc(`redbutton/credentials/mqtt-password${user === 'redbutton' ? '' : `-of-${user}`}`);
  const login = (username: string, password = passwordOf(username)): Promise<MqttClient> =>
    connectAsync(`mqtts://localhost:${port}`, {
      protocolVersion: 5,
      username,
      password,
      ca: inEtc('redbutton/broker-ca.crt'),
      reconnectPeriod: 0,
    });

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-setup-broker-'));
    port = await freePort();
    printed = setUp('--host', 'trader.example');
    // As Debian's own main file does it; run by root, mosquitto would give its rights away and not read this folder.
    const main = path.join(dir, 'mosquitto.conf');
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    writeFileSync(main, `${user}include_dir ${path.join(dir, 'etc/mosquitto/conf.d')}\n`);
    broker = spawn('mosquitto', ['-c', main], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      stdio: 'ignore',
    });
    const isUp = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
    const endMs = performance.now() + 10_000;
    while (!(await isUp())) {
      if (broker.exitCode !== null || performance.now() > endMs) throw new Error('mosquitto is not up');
    }
  });
  afterAll(async () => {
    if (broker.exitCode === null) {
      broker.kill('SIGKILL');
      await once(broker, 'exit');
    }
    rmSync(dir, { recursive: true, force: true });
  });

  it('lets the box speak and the phone hear and halt, over TLS, and neither of them more', async () => {
    let halts = 0;
    const box = createBox(
      { url: `mqtts://localhost:${port}`, caFile: path.join(dir, 'etc/redbutton/broker-ca.crt') },
      {
        credentials: { username: 'redbutton', password: { reveal: () => passwordOf('redbutton') } },
        onHalt: () => {
          halts += 1;
        },
      },
    );
    const phone = await login('phone');
    const heard = new Map<string, string>();
    phone.on('message', (topic, payload) => heard.set(topic, payload.toString()));
    await phone.subscribeAsync('redbutton/test-box/#', { qos: 1 });
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
    box.alerts.sink.publishState(boxState());
    await box.raiser.raise('HALTED', { cause: 'a test' });
    await eventually('all at the phone', () =>
      ['availability', 'state', 'health', 'alert/critical'].every((topic) =>
        heard.has(`redbutton/test-box/${topic}`),
      ),
    );
    const state = heard.get('redbutton/test-box/state');
    // Refused by the list: the broker says so to a client that speaks MQTT 5.
    await expect(
      phone.publishAsync('redbutton/test-box/state', 'forged', { qos: 1, retain: true }),
    ).rejects.toThrow(/Not authorized/i);
    await phone.publishAsync('redbutton/test-box/cmd/halt', 'halt', { qos: 1 });
    await eventually('halted', () => halts === 1);
    expect(heard.get('redbutton/test-box/state')).toBe(state);
    expect(box.logged.filter((line) => line.level !== 'info')).toEqual([]);
    await phone.endAsync();
    await box.alerts.stop();
  });

  it('lets nobody in without a password, with a wrong one, or without TLS', async () => {
    await expect(login('phone', 'guessed')).rejects.toThrow(/Not authorized/i);
    await expect(
      connectAsync(`mqtts://localhost:${port}`, {
        protocolVersion: 5,
        ca: inEtc('redbutton/broker-ca.crt'),
        reconnectPeriod: 0,
      }),
    ).rejects.toThrow(/Not authorized/i);
    await expect(
      connectAsync(`mqtt://localhost:${port}`, { reconnectPeriod: 0, connectTimeout: 2000 }),
    ).rejects.toThrow();
  });

  it('run again changes nothing, prints the same, and keeps what is secret from others', () => {
    const before = fingerprint();
    const again = setUp('--host', 'trader.example');
    expect(fingerprint()).toEqual(before);
    expect(again).toBe(printed.replace('The broker is set up.', 'Nothing had to be changed.'));
    for (const file of filesBelow(dir).filter((name) => /(\.key|passwords|mqtt-password.*)$/.test(name))) {
      expect(statSync(file).mode & 0o077).toBe(0);
    }
    expect(printed).toContain(passwordOf('phone'));
    expect(printed).not.toContain(passwordOf('redbutton'));
  });

  it('names this machine and what was asked for in a certificate that phones accept', () => {
    const file = path.join(dir, 'etc/mosquitto/redbutton/broker.crt');
    const shown = execFileSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' });
    for (const name of ['DNS:localhost', 'IP Address:127.0.0.1', 'DNS:trader.example', 'TLS Web Server']) {
      expect(shown).toContain(name);
    }
    execFileSync('openssl', ['verify', '-CAfile', path.join(dir, 'etc/redbutton/broker-ca.crt'), file]);
  });

  it('brings the certificate up to date with another host name, keeps what was asked for before, and shows no password', () => {
    const shown = setUpAgain('--refresh', '--hostname', 'renamed-pi');
    for (const name of ['DNS:renamed-pi,', 'DNS:renamed-pi.local,', 'DNS:trader.example']) {
      expect(inEtc('mosquitto/redbutton/names')).toContain(name);
    }
    expect(inEtc('mosquitto/conf.d/redbutton.conf')).toContain(`listener ${port}\n`);
    expect(shown).not.toContain(passwordOf('phone'));
    expect(setUpAgain('--refresh', '--hostname', 'renamed-pi')).toBe('Nothing had to be changed.\n');
    expect(setUp()).toContain('The broker is set up.');
    const empty = mkdtempSync(path.join(tmpdir(), 'redbutton-no-broker-'));
    expect(execFileSync(SCRIPT, ['--out', empty, '--refresh'], { encoding: 'utf8' })).toContain(
      'No broker was set up',
    );
    expect(filesBelow(empty)).toEqual([]);
    rmSync(empty, { recursive: true });
  });

  it('a new user later leaves the others their passwords; new passwords are asked for by name', () => {
    const phone = passwordOf('phone');
    expect(setUp('--host', 'trader.example', '--home-assistant')).toContain(
      'Home Assistant: user homeassistant',
    );
    expect(passwordOf('phone')).toBe(phone);
    expect(inEtc('mosquitto/redbutton/acl')).toContain('user homeassistant');
    setUp('--host', 'trader.example', '--new-passwords');
    expect(passwordOf('phone')).not.toBe(phone);
    // Nothing on the list names a command but the halt.
    const commands = inEtc('mosquitto/redbutton/acl').match(/cmd\/\S+/g);
    expect(new Set(commands)).toEqual(new Set(['cmd/halt/#']));
  });

  it('refuses what it cannot use with exit code 2', () => {
    for (const args of [['--device', 'No Box'], ['--port', '0'], ['--host', 'a b'], ['--what'], ['--out']]) {
      expect(spawnSync(SCRIPT, args, { stdio: 'pipe' }).status).toBe(2);
    }
  });
});
