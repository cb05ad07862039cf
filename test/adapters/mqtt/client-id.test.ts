// @module-tag processes

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connectAsync } from 'mqtt';
import { generate, parser } from 'mqtt-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openClientId } from '../../../src/adapters/mqtt/client-id.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Box, createBox, eventually, troubles } from './box.js';

const HALT = 'redbutton/test-box/cmd/halt';

describe('the client id', () => {
  let dir: string;
  const file = () => path.join(dir, 'state', 'mqtt-client-id');
  const warned: string[] = [];
  const log = {
    info: () => undefined,
    warn: (_fields: object, message: string) => void warned.push(message),
    error: () => undefined,
  };
  beforeEach(() => {
    warned.length = 0;
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-client-id-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('is random, stays over a restart, is for its owner alone, and changes when asked', async () => {
    const id = openClientId('redbutton-box-guard', file(), log);
    const before = await id.value();
    expect(before).toMatch(/^redbutton-box-guard-[0-9a-f]{32}$/);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(await openClientId('redbutton-box-guard', file(), log).value()).toBe(before);
    id.renew();
    const after = await id.value();
    expect(after).not.toBe(before);
    expect(await openClientId('redbutton-box-guard', file(), log).value()).toBe(after);
    expect(await openClientId('redbutton-box-guard', undefined, log).value()).not.toBe(after);
    expect(warned).toEqual([]);
  });

  it('is a fresh one, with a warning, where its file cannot be written or is damaged', async () => {
    mkdirSync(file(), { recursive: true });
    const ids = await Promise.all([1, 2].map(() => openClientId('redbutton-box-guard', file(), log).value()));
    expect(new Set(ids).size).toBe(2);
    expect(warned).toHaveLength(2);
    expect(warned.join()).not.toContain(ids[0]!.slice(-32));
  });
});

describe.skipIf(!mosquittoInstalled())('a client that connects under the box’s id', () => {
  let dir: string;
  let broker: Mosquitto;
  let box: Box;
  let halts = 0;
  const heard: string[] = [];
  beforeEach(async () => {
    halts = 0;
    heard.length = 0;
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-taken-over-'));
    broker = await createMosquitto();
    await broker.start();
  });
  afterEach(async () => {
    await box.alerts.stop();
    await broker.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  const file = () => path.join(dir, 'mqtt-client-id');
  const idNow = () => `redbutton-test-box-guard-${readFileSync(file(), 'utf8').trim()}`;
  async function start(protocolVersion: 4 | 5) {
    box = createBox(broker, {
      role: 'guard',
      credentials: {},
      config: { url: broker.url, keepaliveSeconds: 30, discoveryPrefix: '', protocolVersion },
      clientIdFile: file(),
      onHalt: () => {
        halts += 1;
      },
      onTrouble: (raise) => void raise(troubles(heard)),
      // The guard's own waiting times, without the chance in them: the longest.
      times: {},
      rng: { next: () => 1 },
    });
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
  }
  /** Another client under `clientId`, as the box keeps its session; the box is thrown out by it. */
  const twin = (clientId: string, protocolVersion: 4 | 5) =>
    connectAsync(broker.url, { protocolVersion, clientId, clean: false, reconnectPeriod: 0 });
  const backWithin = async (ms: number) => {
    await eventually('thrown out', () => !box.alerts.connected());
    await eventually('back', () => box.alerts.connected(), ms);
  };
  async function press(protocolVersion: 4 | 5) {
    const phone = await connectAsync(broker.url, { protocolVersion });
    const before = halts;
    await eventually('halted', () => {
      phone.publish(HALT, 'halt', { qos: 1 });
      return halts > before;
    });
    await phone.endAsync();
  }

  it('cannot guess it', async () => {
    await start(5);
    const other = await twin('redbutton-test-box-guard', 5);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(box.alerts.connected()).toBe(true);
    await press(5);
    await other.endAsync();
  });

  it.each([5, 4] as const)(
    'is noticed at the third time, though this broker just closes: the guard is back within 5 s each time, at last under another id (protocol %i)',
    async (protocolVersion) => {
      await start(protocolVersion);
      const first = idNow();
      let away = 0;
      for (let round = 0; round < 3; round++) {
        await press(protocolVersion);
        const other = await twin(idNow(), protocolVersion);
        other.on('error', () => undefined);
        const fromMs = performance.now();
        // Five seconds of waiting at most, and the time that a busy machine takes to connect.
        await backWithin(8000);
        away = Math.max(away, performance.now() - fromMs);
        if (round < 2) expect(heard).toEqual([]);
        other.end(true);
      }
      console.log(
        `taken over three times, protocol ${protocolVersion}: away for ${away.toFixed(0)} ms at most`,
      );
      await eventually('noticed', () => heard.length === 1);
      expect(heard[0]).toContain('again and again');
      expect(idNow()).not.toBe(first);
      // Who has the old one gets nothing any more.
      const other = await twin(first, protocolVersion);
      await press(protocolVersion);
      expect(box.alerts.connected()).toBe(true);
      expect(other.connected).toBe(true);
      await other.endAsync();
    },
    60_000,
  );
});

describe('a broker that says that another client took our id over', () => {
  it('is believed at once: an alert, another id, and back within 5 s', async () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-taken-over-'));
    const ids: string[] = [];
    const server = createServer((socket) => {
      const packets = parser({ protocolVersion: 5 });
      packets.on('packet', (packet) => {
        if (packet.cmd !== 'connect') return;
        ids.push(packet.clientId);
        socket.write(
          generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false }, { protocolVersion: 5 }),
        );
        if (ids.length > 1) return;
        socket.end(generate({ cmd: 'disconnect', reasonCode: 142 }, { protocolVersion: 5 }));
      });
      socket.on('data', (chunk) => void packets.parse(chunk));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const heard: string[] = [];
    const box = createBox(
      { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` },
      {
        role: 'guard',
        clientIdFile: path.join(dir, 'id'),
        onHalt: () => undefined,
        onTrouble: (raise) => void raise(troubles(heard)),
        times: {},
      },
    );
    await box.alerts.start();
    await eventually('back', () => ids.length === 2);
    expect(ids[0]).not.toBe(ids[1]);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toContain('Another program connected to the broker under the guard');
    expect(JSON.stringify(box.logged)).not.toContain(ids[1]!.slice(-32));
    await box.alerts.stop();
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true, force: true });
  });
});
