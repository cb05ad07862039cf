// @module-tag processes

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../src/adapters/clock/system-scheduler.js';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { pathsOf } from '../../src/config/paths.js';
import { configSchema } from '../../src/config/schema.js';
import { createArmedRecordFile } from '../../src/guard/armed-record.js';
import { ComposedGuard } from '../../src/guard/compose.js';
import { PAPER_CANCELLER } from '../../src/guard/paper-canceller.js';
import { linesOf, settingsOf } from '../../src/guard/settings.js';
import { type Box, createBox, eventually, troubles } from '../adapters/mqtt/box.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';

interface Press {
  readonly what: string;
  readonly payload: string | Buffer;
  readonly below?: string;
  readonly options?: Omit<IClientPublishOptions, 'qos'>;
}

const text = (what: string, payload: string): Press => ({ what, payload });
const bytes = (what: string, payload: Buffer): Press => ({ what, payload });

/** What apps, scripts and accidents send to a topic whose only meaning is halt. */
const PRESSES: readonly Press[] = [
  text('the word', 'halt'),
  text('capitals', 'HALT'),
  text('spaces and newline', ' halt\n'),
  text('JSON string', '"halt"'),
  text('JSON object', '{"state":"halt"}'),
  text('other JSON', '{"command":"resume"}'),
  text('exclamation mark', 'halt!'),
  text('trailing NUL', 'halt\0'),
  text('byte order mark', '\ufeffhalt'),
  bytes('UTF-16 LE', Buffer.from('halt', 'utf16le')),
  bytes('UTF-16 BE with mark', Buffer.from('feff00680061006c0074', 'hex')),
  text('empty', ''),
  text('ON', 'ON'),
  text('OFF', 'OFF'),
  text('1', '1'),
  text('0', '0'),
  text('true', 'true'),
  text('false', 'false'),
  text('PRESS', 'PRESS'),
  text('stop', 'stop'),
  text('resume', 'resume'),
  text('null', 'null'),
  text('newline alone', '\n'),
  text('emoji', '🛑'),
  text('XML', '<halt/>'),
  text('control characters', '\x1b[2J\x07\x00\x1f'),
  bytes('invalid UTF-8', Buffer.from('fffec0af', 'hex')),
  bytes('garbage', Buffer.from(Array.from({ length: 64 }, (_, i) => (i * 151 + 7) % 256))),
  bytes('2 kB of spaces', Buffer.from(`${' '.repeat(2048)}halt`)),
  bytes('just within the limit', Buffer.alloc(256 * 1024 - 100, 'h')),
  bytes('above the limit', Buffer.alloc(300 * 1024, 'h')),
  bytes('1 MB', Buffer.alloc(1 << 20)),
  bytes('5 MB', Buffer.alloc(5 << 20, 0xff)),
  { what: 'trailing slash', payload: 'halt', below: '/' },
  { what: 'trailing slash, empty', payload: '', below: '/' },
  { what: 'a name below', payload: 'ON', below: '/press/now' },
  { what: 'retain flag', payload: 'halt', options: { retain: true } },
  { what: 'retain flag, 300 kB', payload: Buffer.alloc(300 * 1024), options: { retain: true } },
  { what: 'a kept one cleared', payload: '', options: { retain: true } },
  {
    what: 'with properties',
    payload: 'halt',
    options: {
      properties: {
        contentType: 'text/plain',
        messageExpiryInterval: 60,
        responseTopic: 'phone/answer',
        userProperties: { app: ['a', 'b'] },
      },
    },
  },
];

describe.skipIf(!mosquittoInstalled())('a halt from the phone', () => {
  const clock = createSystemClock();
  let dir: string;
  let broker: Mosquitto;
  let phone: MqttClient;
  let box: Box;
  let composed: ComposedGuard | undefined;

  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-phone-halt-'));
    broker = await createMosquitto();
    await broker.start();
    phone = await connectAsync(broker.url, { protocolVersion: 5 });
  });
  afterEach(async () => {
    await composed?.stop();
    await box.alerts.stop();
    await phone.endAsync();
    await broker.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  /** A guard that starts with the record of an armed box; resolves once its permit lets the trader work. */
  async function armedGuard(round: number) {
    const config = configSchema.parse({
      device: {
        name: 'test-box',
        stateDir: path.join(dir, `${round}`),
        runDir: path.join(dir, `run-${round}`),
      },
      exchange: [{ symbols: ['BTC/USDT'] }],
    });
    const paths = pathsOf(config.device);
    mkdirSync(path.dirname(paths.armedRecord), { recursive: true });
    await createArmedRecordFile(paths.armedRecord).write({ armed: true, epoch: 1, atMs: 1, cause: 'a hand' });
    const guard = new ComposedGuard({
      paths,
      settings: settingsOf(config.guard),
      lines: linesOf(config.gpio),
      gpio: new SimulatedGpio({ [config.gpio.buttonLine]: config.guard.contact === 'nc' ? 0 : 1 }),
      clock,
      scheduler: createSystemScheduler(),
      canceller: PAPER_CANCELLER,
      simulatedButton: null,
      killTrader: () => 'nobody',
      onNotice: () => undefined,
    });
    await guard.start();
    composed = guard;
    const permit = createPermitReader(paths.permit, clock);
    await eventually('armed', () => permit.read().ok);
    return permit;
  }

  it.each([5, 4] as const)(
    `halts an armed guard: ${PRESSES.length} payloads × 3 QoS (protocol %i)`,
    async (protocolVersion) => {
      box = createBox(broker, {
        role: 'guard',
        credentials: {},
        config: { url: broker.url, keepaliveSeconds: 30, discoveryPrefix: '', protocolVersion },
        onHalt: async () => void (await composed?.guard.halt('command', 'the phone')),
      });
      await box.alerts.start();
      await eventually('connected', () => box.alerts.connected());
      // The subscriptions follow the connection at once; a press that comes through shows that they are there.
      await armedGuard(0);
      for (const below of ['', '/']) {
        await eventually('subscribed', () => {
          phone.publish(`redbutton/test-box/cmd/halt${below}`, 'halt', { qos: 0 });
          return composed!.guard.status().state === 'HALTED';
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
      const missed: string[] = [];
      let round = 0;
      for (const qos of [0, 1, 2] as const) {
        for (const { what, payload, below = '', options } of PRESSES) {
          await composed!.stop();
          const permit = await armedGuard(++round);
          await phone.publishAsync(`redbutton/test-box/cmd/halt${below}`, payload, { ...options, qos });
          await eventually(
            what,
            () => composed!.guard.status().state === 'HALTED' && !permit.read().ok,
          ).catch(() => missed.push(`${what}, QoS ${qos}`));
        }
      }
      console.log(`protocol ${protocolVersion}: halts ${round - missed.length} of ${round}`);
      expect(missed).toEqual([]);
      expect(round).toBe(120);
    },
    240_000,
  );

  it.each([5, 4] as const)(
    'does not halt for what the broker kept from before, of whatever size: it is reported (protocol %i)',
    async (protocolVersion) => {
      for (const [topic, payload] of [
        ['cmd/halt', 'halt'],
        ['cmd/halt/', Buffer.alloc(1 << 20)],
      ] as const) {
        await phone.publishAsync(`redbutton/test-box/${topic}`, payload, { qos: 1, retain: true });
      }
      const permit = await armedGuard(0);
      const ignored: string[] = [];
      box = createBox(broker, {
        role: 'guard',
        credentials: {},
        config: { url: broker.url, keepaliveSeconds: 30, discoveryPrefix: '', protocolVersion },
        onHalt: async () => void (await composed?.guard.halt('command', 'the phone')),
        onTrouble: (raise) => void raise(troubles(ignored)),
      });
      await box.alerts.start();
      await eventually('reported', () => ignored.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(ignored).toEqual([
        'A command over MQTT was ignored: it is an old one that the broker keeps (retained).',
      ]);
      expect(permit.read().ok).toBe(true);
      await phone.publishAsync('redbutton/test-box/cmd/halt', '', { qos: 1, retain: true });
      await eventually('halted by clearing it', () => !permit.read().ok);
    },
  );
});
