// @module-tag processes

import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Box, createBox, eventually, PASSWORD, USER, USERS } from './box.js';

const warnings = (box: Box) => box.logged.filter((line) => line.level === 'warn');

describe.skipIf(!mosquittoInstalled())('a broker that refuses', () => {
  let broker: Mosquitto | undefined;
  let box: Box | undefined;
  afterEach(async () => {
    await box?.alerts.stop();
    await broker?.dispose();
  });

  it('a wrong password is told once, with the remedy and without the password; alerts wait', async () => {
    broker = await createMosquitto({ users: { ...USERS, [USER]: 'another one' } });
    await broker.start();
    box = createBox(broker);
    await box.alerts.start();
    const raised = box.raiser.raise('HALTED', { cause: 'the button' });
    await expect(raised).resolves.toBeUndefined();
    await eventually('told', () => warnings(box!).length === 1);
    // Several more attempts are made meanwhile, none of them is told.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(warnings(box)).toHaveLength(1);
    expect(warnings(box)[0]!.message).toContain(
      'refuses user or password; alerts wait. Check the credentials',
    );
    expect(JSON.stringify(box.logged)).not.toContain(PASSWORD);
    expect(box.outbox.alerts.size).toBe(1);
  });

  it('an unreachable broker is told once, and taken up when it comes', async () => {
    broker = await createMosquitto();
    box = createBox(broker, { credentials: {} });
    await box.alerts.start();
    await eventually('told', () => warnings(box!).length === 1);
    expect(warnings(box)[0]!.message).toContain('cannot be reached (ECONNREFUSED)');
    await broker.start();
    await eventually('connected', () => box!.alerts.connected());
    expect(box.logged.some((line) => line.message.startsWith('connected to the broker'))).toBe(true);
  });

  it('a certificate of an unknown authority is told once', async () => {
    broker = await createMosquitto({ tls: true, users: USERS });
    await broker.start();
    box = createBox(broker, {
      config: { url: broker.url, keepaliveSeconds: 30, discoveryPrefix: '' },
    });
    await box.alerts.start();
    await eventually('told', () => warnings(box!).length === 1);
    expect(warnings(box)[0]!.message).toMatch(/no trusted TLS connection .* Check mqtt\.caFile/);
    expect(box.alerts.connected()).toBe(false);
  });

  it('a certificate file that is not there is told, and nothing is thrown', async () => {
    broker = await createMosquitto({ tls: true });
    await broker.start();
    box = createBox({ url: broker.url, caFile: '/nonexistent/ca.crt' });
    await box.alerts.start();
    await eventually('told', () => warnings(box!).length === 1);
    expect(warnings(box)[0]!.message).toContain('mqtt.caFile cannot be read');
  });
});

describe('a broker that says nothing at all', () => {
  it('the watchdog builds the client again although no attempt ever fails', async () => {
    const sockets: Socket[] = [];
    let closed = 0;
    const server: Server = createServer((socket) => {
      sockets.push(socket.resume().on('error', () => {}));
      socket.on('close', () => {
        closed += 1;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const timersBefore = timers();
    const box = createBox(
      { url: `mqtt://127.0.0.1:${port}` },
      { times: { connectTimeoutMs: 600_000, watchdogMs: 300, backoffFirstMs: 10 } },
    );
    await box.alerts.start();
    await eventually('built again twice', () => sockets.length >= 3);
    const told = box.logged.filter((line) => line.fields.errorCode === 'E_MQTT_WATCHDOG');
    expect(told.length).toBeGreaterThanOrEqual(2);
    await eventually('the old connections are closed', () => closed >= 2);
    await box.alerts.stop();
    for (const socket of sockets) socket.destroy();
    // Nothing of the clients that were given up is left to hold the process.
    await eventually('no timer is left', () => timers() <= timersBefore + 1);
    await new Promise((resolve) => server.close(resolve));
  });
});
