// @module-tag processes

import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { excerpt } from '../../../src/adapters/mqtt/commands.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Phone, say, startPhone } from '../../brokers/phone.js';
import { type Box, boxState, createBox, eventually, troubles } from './box.js';

const HALT = 'redbutton/test-box/cmd/halt';

it('shows of what others sent the first characters alone, and nothing that a terminal obeys', () => {
  expect(excerpt('\u001b[2J\nhalt\\\u0000é')).toBe('\\x1b[2J\\x0ahalt\\x5c\\x00\\xc3\\xa9');
  expect(excerpt(Buffer.alloc(1000, 'a'))).toBe(`${'a'.repeat(32)}…`);
  expect(excerpt(null)).toBe('');
});

describe.skipIf(!mosquittoInstalled())('commands over MQTT', () => {
  let broker: Mosquitto;
  let phone: Phone;
  let box: Box;
  let attacker: MqttClient;
  let halts = 0;
  const ignored: string[] = [];

  beforeAll(async () => {
    broker = await createMosquitto();
    await broker.start();
    // A command of the past, kept by the broker from before the box started.
    await say(broker, HALT, 'halt', ['-r']);
    phone = await startPhone(broker, ['redbutton/test-box/state', 'redbutton/test-box/availability']);
    box = createBox(broker, {
      credentials: {},
      onHalt: () => {
        halts += 1;
      },
      onTrouble: (raise) => void raise(troubles(ignored)),
    });
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
    attacker = await connectAsync(broker.url, { protocolVersion: 5 });
  });
  afterAll(async () => {
    await attacker.endAsync();
    await box.alerts.stop();
    await phone.stop();
    await broker.dispose();
  });

  it('a message that the broker kept from before is reported once and not obeyed, also over reconnects', async () => {
    await eventually('told', () => ignored.length === 1);
    expect(ignored).toEqual([
      'A command over MQTT was ignored: it is an old one that the broker keeps (retained).',
    ]);
    await box.alerts.stop();
    await box.alerts.start();
    await eventually('connected again', () => box.alerts.connected());
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(ignored).toHaveLength(1);
    expect(box.logged.filter((line) => line.fields.errorCode === 'E_MQTT_COMMAND')).toHaveLength(1);
    expect(halts).toBe(0);
  });

  it('clearing the one that was kept halts, for it is a live message', async () => {
    await say(broker, HALT, '', ['-r']);
    await eventually('halted', () => halts === 1);
  });

  it('a live message halts though its retain flag is set', async () => {
    const before = halts;
    await attacker.publishAsync(HALT, 'halt', { qos: 1, retain: true });
    await eventually('halted', () => halts === before + 1);
    await attacker.publishAsync(HALT, '', { qos: 1, retain: true });
    await eventually('halted again', () => halts === before + 2);
  });

  it('20 000 halts are a handful of lines, and hostile bytes of theirs are escaped', async () => {
    const before = halts;
    const linesBefore = box.logged.length;
    for (let i = 0; i < 20_000; i++) {
      // This broker lets no control character into a topic.
      const topic = i % 2 === 0 ? HALT : `${HALT}/é${i}`;
      const payload = `\n\u001b[2Jfake line ${i} ${'x'.repeat(200)}`;
      if (i % 500 === 499) await attacker.publishAsync(topic, payload, { qos: 1 });
      else attacker.publish(topic, payload, { qos: 0 });
    }
    await eventually('all arrived', () => halts === before + 20_000, 60_000);
    const last = box.logged.slice(linesBefore);
    console.log(`20 000 messages: ${last.length} lines`);
    expect(last.length).toBeLessThan(5);
    await box.alerts.stop();
    const lines = box.logged.filter((line) => /halts? came in over MQTT/.test(line.message));
    const counted = lines.reduce((sum, line) => sum + (line.fields.times as number), 0);
    expect(counted).toBe(halts);
    for (const line of lines) {
      expect(JSON.stringify(line)).not.toMatch(/\\u00|\\n/);
      expect((line.fields.payload as string).length).toBeLessThan(140);
    }
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
  }, 90_000);

  it('a halt pressed while the box was away reaches it when it is back', async () => {
    const before = halts;
    await box.alerts.stop();
    await attacker.publishAsync(HALT, 'halt', { qos: 1 });
    expect(halts).toBe(before);
    await box.alerts.start();
    await eventually('halted', () => halts === before + 1);
    // Started again, it delivers as before.
    await attacker.subscribeAsync('redbutton/test-box/alert/critical', { qos: 1 });
    await box.raiser.raise('HALTED', { cause: 'the phone' });
    await eventually('delivered', () => box.outbox.alerts.size === 0);
  });

  it('10 000 random topics and payloads do nothing but halt, and each on the halt topic does', async () => {
    const seed = Number(process.env.SEED ?? 20_240_607);
    const next = seededRng(seed).next;
    const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
    const words = [
      'halt',
      'resume',
      'arm',
      'order',
      'config',
      'state',
      'cmd',
      'HALT',
      '',
      '€',
      '..',
      '$x',
      'reset',
    ];
    box.alerts.sink.publishState(boxState());
    await phone.until((m) => m.topic.endsWith('/state'));
    const statesBefore = phone.received.length;
    halts = 0;
    let valid = 0;
    for (let i = 0; i < 10_000; i++) {
      const topic = pick([
        () => HALT,
        () => `redbutton/test-box/cmd/${pick(words)}`,
        () => `redbutton/${pick(words)}/cmd/halt`,
        () => 'homeassistant/status',
        () => `${HALT}/${pick(words)}`,
      ])();
      const payload = pick([
        () => Buffer.from(Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 256))),
        () => Buffer.from(pick(words)),
        () =>
          Buffer.from(
            `${pick([' ', '\n', ''])}${pick(['halt', 'Halt', 'halt!'])}${pick([' ', '\n', '\0', ''])}`,
          ),
        () => Buffer.from(JSON.stringify({ [pick(words)]: pick(words) })),
        () => Buffer.alloc(1024 + Math.floor(next() * 4096), 'halt '),
      ])();
      const retain = next() < 0.05;
      if (topic === HALT || topic.startsWith(`${HALT}/`)) valid += 1;
      await attacker.publishAsync(topic, payload, { qos: 1, retain });
    }
    await attacker.publishAsync(HALT, 'halt', { qos: 1 });
    await eventually(`all arrived (seed ${seed}: ${halts} of ${valid + 1})`, () => halts >= valid + 1);
    console.log(`fuzz: 10 000 commands, ${valid} valid halts, ${halts - 1} halted, seed ${seed}`);
    expect(halts).toBe(valid + 1);
    expect(valid).toBeGreaterThan(2000);
    expect(box.alerts.connected()).toBe(true);
    const after = phone.received.slice(statesBefore).filter((m) => m.topic !== 'phone/ready');
    expect(after.every((m) => m.payload.includes('"tradingState":"ACTIVE"'))).toBe(true);
  }, 60_000);
});
