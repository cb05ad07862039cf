// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/box/first-boot.js';
import { createBox, eventually } from '../../adapters/mqtt/box.js';
import { mosquittoInstalled } from '../../brokers/mosquitto.js';
import { captureIo } from '../../support/command-io.js';

const CARD = `[device]
name = "kitchen"
[[exchange]]
symbols = ["BTC/USDT"]
[box]
hostname = "kitchen-pi"
[box.broker]
onBox = true
`;

describe.skipIf(!mosquittoInstalled())('the broker of a flashed box that has a name of its own', () => {
  let dir: string;
  let port: number;
  let broker: ChildProcess;
  const at = (name: string) => path.join(dir, 'root/etc', name);
  const read = (name: string) => readFileSync(at(name), 'utf8');

  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-broker-on-box-'));
    for (const place of ['root', 'card', 'settings']) mkdirSync(path.join(dir, place));
    writeFileSync(path.join(dir, 'card/redbutton.toml'), CARD);
    const places = ['root', 'card', 'settings'].flatMap((name) => [`--${name}`, path.join(dir, name)]);
    expect(await command.run(places, captureIo())).toBe(0);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
    server.close();
    // As the box runs it, but on a port that is free here.
    const conf = at('mosquitto/conf.d/redbutton.conf');
    writeFileSync(conf, readFileSync(conf, 'utf8').replace('listener 8883', `listener ${port} 127.0.0.1`));
    const main = path.join(dir, 'mosquitto.conf');
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    writeFileSync(main, `${user}include_dir ${path.dirname(conf)}\n`);
    const env = { PATH: `${process.env.PATH}:/usr/sbin` };
    broker = spawn('mosquitto', ['-c', main], { env, stdio: 'ignore' });
  });
  afterAll(async () => {
    broker.kill('SIGKILL');
    await once(broker, 'exit');
    rmSync(dir, { recursive: true, force: true });
  });

  const passwordOf = (user: string) =>
    read(`redbutton/credentials/mqtt-password${user === 'redbutton' ? '' : `-of-${user}`}`);
  /** The phone, which verifies the certificate against the name that it was told. */
  const phoneAt = async (servername: string) => {
    for (let tries = 0; ; tries++) {
      try {
        return await connectAsync(`mqtts://127.0.0.1:${port}`, {
          protocolVersion: 5,
          servername,
          username: 'phone',
          password: passwordOf('phone'),
          ca: read('redbutton/broker-ca.crt'),
          reconnectPeriod: 0,
        });
      } catch (error) {
        if (tries > 100 || !/ECONNREFUSED/.test(String(error))) throw error;
        await delay(50);
      }
    }
  };

  it.each(['kitchen-pi.local', 'kitchen-pi', 'localhost'])(
    'lets the phone halt it over TLS as %s, and brings its alerts',
    async (servername) => {
      const { device } = parse(read('redbutton/redbutton.toml')) as { device: { name: string } };
      expect(device.name).toBe('kitchen');
      let halts = 0;
      const box = createBox(
        { url: `mqtts://localhost:${port}`, caFile: at('redbutton/broker-ca.crt') },
        {
          device: device.name,
          role: 'guard',
          credentials: { username: 'redbutton', password: { reveal: () => passwordOf('redbutton') } },
          onHalt: () => {
            halts += 1;
          },
        },
      );
      const phone = await phoneAt(servername);
      const heard: string[] = [];
      phone.on('message', (topic) => void heard.push(topic));
      await phone.subscribeAsync('redbutton/kitchen/#', { qos: 1 });
      await box.alerts.start();
      await eventually('connected', () => box.alerts.connected());
      await box.raiser.raise('HALTED', { cause: 'a test' });
      await eventually('the alert', () => heard.includes('redbutton/kitchen/alert/critical'));
      await phone.publishAsync('redbutton/kitchen/cmd/halt/', 'ON', { qos: 1 });
      await eventually('halted', () => halts === 1);
      expect(box.logged.filter((line) => line.level !== 'info')).toEqual([]);
      await phone.endAsync();
      await box.alerts.stop();
    },
  );
});
