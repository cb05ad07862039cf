// @module-tag sockets

import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Box, createBox, eventually } from './box.js';

describe('a broker that speaks MQTT 3.1.1 only', () => {
  let broker: Aedes;
  let server: Server;
  let url: string;
  let phone: MqttClient;
  let box: Box;
  let halts = 0;
  const received: { readonly topic: string; readonly payload: string }[] = [];

  beforeEach(async () => {
    broker = await Aedes.createBroker();
    server = createServer(broker.handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
    phone = await connectAsync(url, { protocolVersion: 4 });
    phone.on('message', (topic, payload) => void received.push({ topic, payload: payload.toString() }));
    await phone.subscribeAsync('redbutton/#', { qos: 1 });
    box = createBox(
      { url },
      {
        config: { url, keepaliveSeconds: 30, discoveryPrefix: 'homeassistant', protocolVersion: 4 },
        credentials: {},
        onHalt: () => {
          halts += 1;
        },
      },
    );
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
  });
  afterEach(async () => {
    await box.alerts.stop();
    await phone.endAsync();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await new Promise((resolve) => server.close(resolve));
  });

  it('gets alerts and gives the halt, and hears online and offline', async () => {
    await box.raiser.raise('HALTED', { cause: 'the button' });
    await eventually('alert', () => received.some((m) => m.topic === 'redbutton/test-box/alert/critical'));
    await eventually('outbox empty', () => box.outbox.alerts.size === 0);
    await phone.publishAsync('redbutton/test-box/cmd/halt', 'halt', { qos: 1 });
    await eventually('halted', () => halts === 1);
    await box.alerts.stop();
    const words = () => received.filter((m) => m.topic.endsWith('/availability')).map((m) => m.payload);
    await eventually('offline', () => words().length === 2);
    expect(words()).toEqual(['online', 'offline']);
  });
});
