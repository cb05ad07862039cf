// @module-tag sockets

import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEndings } from '../../../src/adapters/mqtt/endings.js';
import { type Box, boxState, createBox, eventually, troubles } from './box.js';

describe('a broker that closes the connection on a forbidden topic', () => {
  let broker: Aedes;
  let server: Server;
  let url: string;
  let phone: MqttClient;
  let box: Box;
  let connections = 0;
  let halts = 0;
  const heard: string[] = [];

  beforeEach(async () => {
    connections = 0;
    halts = 0;
    heard.length = 0;
    broker = await Aedes.createBroker();
    broker.authorizePublish = (_client, packet, done) =>
      done(packet.topic === 'redbutton/test-box/state' ? new Error('forbidden') : null);
    broker.on('client', ({ id }) => {
      if (id.startsWith('redbutton-')) connections += 1;
    });
    server = createServer(broker.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
    phone = await connectAsync(url, { protocolVersion: 4 });
    await phone.subscribeAsync('redbutton/#', { qos: 1 });
  });
  afterEach(async () => {
    await box.alerts.stop();
    await phone.endAsync();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });

  it('is told which topic it is, once, and is not met again: alerts and halts get through', async () => {
    box = createBox(
      { url },
      {
        config: { url, keepaliveSeconds: 30, discoveryPrefix: '', protocolVersion: 4 },
        credentials: {},
        onHalt: () => {
          halts += 1;
        },
        onTrouble: (raise) => void raise(troubles(heard)),
        // Those of the program.
        times: {},
      },
    );
    let alerts = 0;
    phone.on('message', (topic) => {
      if (topic.endsWith('/alert/critical')) alerts += 1;
    });
    await box.alerts.start();
    box.alerts.sink.publishState(boxState());
    await new Promise((resolve) => setTimeout(resolve, 25_000));
    console.log(`connected ${connections} times in 25 s`);
    expect(connections).toBeGreaterThanOrEqual(3);
    expect(connections).toBeLessThanOrEqual(6);
    expect(heard).toEqual(['The broker refuses what the box publishes on redbutton/test-box/state.']);
    expect(box.logged.filter((line) => line.fields.errorCode === 'E_MQTT_REFUSED')).toHaveLength(1);
    expect(box.alerts.connected()).toBe(true);
    await box.raiser.raise('HALTED', { cause: 'a test' });
    await eventually('the alert', () => alerts === 1);
    await phone.publishAsync('redbutton/test-box/cmd/halt', 'ON', { qos: 1 });
    await eventually('halted', () => halts >= 1);
  }, 60_000);
});

describe('endings of connections', () => {
  const closed = Object.assign(new Error('closed'), { code: 'CLOSED' });
  const ending = (more: object) => ({ upMs: 100, error: closed, waitingTopic: null, atMs: 0, ...more });

  it('wait longer each time until a connection has lasted', () => {
    const endings = createEndings();
    const tries = [100, null, 29_999, 30_000, 5].map((upMs) => endings.judge(ending({ upMs })).tries);
    expect(tries).toEqual([1, 2, 3, 0, 1]);
  });

  it('blame no topic for a network in trouble, a broker that was away, or a connection that lasted', () => {
    const endings = createEndings();
    for (const more of [
      { waitingTopic: 'a' },
      { waitingTopic: 'a' },
      { waitingTopic: 'b' },
      { waitingTopic: 'a' },
      { waitingTopic: 'a', error: new Error('no acknowledgement') },
      { waitingTopic: 'a', upMs: 40_000 },
      { waitingTopic: 'a', upMs: null },
      { waitingTopic: 'a' },
      { waitingTopic: 'a' },
    ]) {
      expect(endings.judge(ending(more)).rejectedTopic).toBeNull();
    }
    expect(endings.judge(ending({ waitingTopic: 'a' })).rejectedTopic).toBe('a');
    // Once blamed, it is so at its next time.
    expect(endings.judge(ending({ waitingTopic: 'a' })).rejectedTopic).toBe('a');
  });

  it('take a broker that restarts for no take-over', () => {
    const endings = createEndings();
    for (let i = 0; i < 10; i++) {
      expect(endings.judge(ending({ atMs: i * 1000 })).takenOver).toBeNull();
      expect(endings.judge(ending({ upMs: null, error: new Error('refused') })).takenOver).toBeNull();
    }
    const silent = [0, 1, 2].map((i) => endings.judge(ending({ atMs: i * 1000 })).takenOver);
    expect(silent).toEqual([null, null, 'likely']);
    expect([0, 200_000, 400_000].map((atMs) => endings.judge(ending({ atMs })).takenOver)).toEqual([
      null,
      null,
      null,
    ]);
    expect(endings.judge(ending({ error: Object.assign(new Error(), { code: 142 }) })).takenOver).toBe(
      'certain',
    );
  });
});
