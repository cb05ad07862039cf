// @module-tag processes

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSystemScheduler } from '../../src/adapters/clock/system-scheduler.js';
import { configSchema } from '../../src/config/schema.js';
import type { AlertPublisher } from '../../src/guard/alert-publisher.js';
import type { GuardNotice } from '../../src/guard/guard.js';
import { eventually, PHONE_USER, USER, USERS } from '../adapters/mqtt/box.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';
import { type Phone, say, startPhone } from '../brokers/phone.js';
import { type Compiled, compile } from '../support/compiled.js';

const SOURCE = 'src/guard/alert-publisher.ts';

const notice = (kind: GuardNotice['kind'], detail: string, atMs = Date.now()): GuardNotice => ({
  kind,
  state: 'HALTED',
  cause: 'button',
  detail,
  epoch: 1,
  atMs,
});

describe.skipIf(!mosquittoInstalled())('the guard’s alert thread', () => {
  let compiled: Compiled;
  let Publisher: typeof AlertPublisher;
  let broker: Mosquitto;
  let phone: Phone;
  let dir: string;

  beforeAll(async () => {
    compiled = compile([SOURCE]);
    ({ AlertPublisher: Publisher } = (await import(
      /* @vite-ignore */ pathToFileURL(compiled.file(SOURCE)).href
    )) as { AlertPublisher: typeof Publisher });
    broker = await createMosquitto({ tls: true, users: USERS });
    await broker.start();
    phone = await startPhone(broker, ['redbutton/#'], PHONE_USER);
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-speaker-'));
  }, 60_000);
  afterAll(async () => {
    await phone.stop();
    await broker.dispose();
    compiled.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  /** What the guard does with a halt that is brought to it. */
  const guard = { takes: async (): Promise<void> => undefined };

  function publisher(
    name: string,
    password: string,
    settings: object = {},
    env: Record<string, string> = {},
  ) {
    const logged: string[] = [];
    let halts = 0;
    const repeated: boolean[] = [];
    const config = configSchema.parse({
      device: { name, stateDir: path.join(dir, name) },
      exchange: [{ symbols: ['BTC/USDT'] }],
      mqtt: { url: broker.url, caFile: broker.caFile },
      ...settings,
    });
    const made = new Publisher({
      config,
      env: { REDBUTTON_MQTT_USERNAME: USER, REDBUTTON_MQTT_PASSWORD: password, ...env },
      version: '0.0.0-test',
      // The same timers, but a thread that died is started again a little sooner.
      scheduler: { after: (ms, task) => createSystemScheduler().after(ms === 5000 ? 200 : ms, task) },
      onHalt: async (again) => {
        halts += 1;
        repeated.push(again);
        await guard.takes();
      },
      onLog: (level, fields, message) => void logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    });
    return { made, logged, repeated, halts: () => halts };
  }

  it('leaves a halt with the broker that the guard has not taken: the next one gets it', async () => {
    guard.takes = () => new Promise(() => {});
    const first = publisher('hangs', USERS[USER]);
    first.made.start();
    await phone.until((m) => m.topic === 'redbutton/hangs/guard/availability' && m.payload === 'online');
    await say(broker, 'redbutton/hangs/cmd/halt', 'halt', ['-q', '1'], PHONE_USER);
    await eventually('brought', () => first.halts() === 1, 10_000);
    await first.made.stop();

    guard.takes = async () => undefined;
    const next = publisher('hangs', USERS[USER]);
    next.made.start();
    await eventually('brought again', () => next.halts() === 1, 10_000);
    expect(next.repeated).toEqual([true]);
    await next.made.stop();

    // Taken now: it does not come a third time.
    const third = publisher('hangs', USERS[USER]);
    third.made.start();
    await phone.until((m) => m.topic === 'redbutton/hangs/guard/availability' && m.payload === 'online');
    await say(broker, 'redbutton/hangs/cmd/halt', 'halt', ['-q', '1'], PHONE_USER);
    await eventually('brought', () => third.halts() === 1, 10_000);
    expect(third.repeated).toEqual([false]);
    await third.made.stop();
  }, 60_000);

  it('tells what was said before it was up, with the time at which it happened, and brings the phone’s halt', async () => {
    const { made, logged, halts } = publisher('early', USERS[USER]);
    const atMs = Date.now() - 90_000;
    made.publish(notice('halted', 'the red button', atMs));
    made.start();
    const heard = await phone.until((m) => m.topic === 'redbutton/early/alert/critical');
    expect(JSON.parse(heard.payload)).toMatchObject({ code: 'HALTED', atMs, delayed: true });
    await say(broker, 'redbutton/early/cmd/halt', 'halt', [], PHONE_USER);
    await eventually('the halt', () => halts() === 1);
    await say(broker, 'redbutton/early/cmd/halt', 'ON', [], PHONE_USER);
    await eventually('the second halt', () => halts() === 2);
    await made.stop();
    await phone.until((m) => m.topic === 'redbutton/early/guard/availability' && m.payload === 'offline');
    expect(logged.filter((line) => !line.startsWith('info') && !line.includes('halt came in'))).toEqual([]);
  });

  it('tells of an old command that the broker keeps, and does not obey it', async () => {
    await say(broker, 'redbutton/kept/cmd/halt', 'halt', ['-r'], PHONE_USER);
    const { made, halts } = publisher('kept', USERS[USER]);
    made.start();
    await phone.until(
      (m) => m.topic === 'redbutton/kept/alert/warning' && m.payload.includes('COMMAND_IGNORED'),
    );
    expect(halts()).toBe(0);
    await made.stop();
  });

  it('keeps what it could not send for the next start, and says why without the password', async () => {
    const first = publisher('locked-out', 'a wrong secret');
    first.made.start();
    first.made.publish(notice('halt_not_confirmed', 'nobody answered'));
    await eventually('told', () => first.logged.some((line) => line.includes('refuses user or password')));
    expect(first.logged.join()).not.toContain('a wrong secret');
    await first.made.stop();
    const again = publisher('locked-out', USERS[USER]);
    again.made.start();
    await phone.until(
      (m) => m.topic === 'redbutton/locked-out/alert/critical' && m.payload.includes('nobody answered'),
    );
    await again.made.stop();
  });

  it('delivers from memory where its outbox cannot be opened', async () => {
    // A folder stands where the file should be: no disk can be written, whoever runs this.
    mkdirSync(path.join(dir, 'no-disk-guard', 'mqtt-alerts.jsonl'), { recursive: true });
    const { made, logged } = publisher('no-disk', USERS[USER]);
    made.start();
    made.publish(notice('halted', 'the red button'));
    await phone.until((m) => m.topic === 'redbutton/no-disk/alert/critical');
    expect(logged.join()).toContain('E_SPOOL');
    await made.stop();
  });

  it('does without ntfy where its topic is missing, and says so', async () => {
    const { made, logged } = publisher('no-topic', USERS[USER], { alerts: { sinks: ['ntfy', 'mqtt'] } });
    made.start();
    made.publish(notice('halted', 'the red button'));
    await phone.until((m) => m.topic === 'redbutton/no-topic/alert/critical');
    expect(logged.join()).toContain('E_NTFY_TOPIC');
    await made.stop();
  });

  it('a thread that dies is started again and told what it had not stored', async () => {
    // A folder in the place of a credential: the thread ends each time it starts, until the file is there.
    const credentials = path.join(dir, 'credentials');
    mkdirSync(path.join(credentials, 'mqtt-username'), { recursive: true });
    writeFileSync(path.join(credentials, 'mqtt-password'), USERS[USER]);
    const { made, logged } = publisher('dying', '', {}, { CREDENTIALS_DIRECTORY: credentials });
    made.publish(notice('halted', 'the red button'));
    made.start();
    const ends = () => logged.filter((line) => line.includes('E_ALERT_THREAD'));
    await eventually('ended twice', () => ends().length >= 2);
    expect(ends()[0]).toContain('mqtt-username');
    rmSync(path.join(credentials, 'mqtt-username'), { recursive: true });
    writeFileSync(path.join(credentials, 'mqtt-username'), USER);
    const heard = await phone.until((m) => m.topic === 'redbutton/dying/alert/critical');
    expect(heard.payload).toContain('the red button');
    await made.stop();
  });
});
