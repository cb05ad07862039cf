// @module-tag processes

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Phone, startPhone } from '../../brokers/phone.js';
import { type CompiledAdapter, compileAdapter } from './child-box.js';

const KEEPALIVE_SECONDS = 2;

describe.skipIf(!mosquittoInstalled())('availability', () => {
  let broker: Mosquitto;
  let phone: Phone;
  let adapter: CompiledAdapter;
  let said = 0;
  /** The next word on availability, after those that were already looked at. */
  const next = async (ms: number) => {
    const at = said++;
    return phone.until((m) => m.topic.endsWith('/availability') && wordsOf(phone).indexOf(m) >= at, ms);
  };
  const wordsOf = (of: Phone) => of.received.filter((m) => m.topic.endsWith('/availability'));

  beforeAll(async () => {
    adapter = compileAdapter();
    broker = await createMosquitto();
    await broker.start();
    phone = await startPhone(broker, ['redbutton/child-box/availability']);
  });
  afterAll(async () => {
    await phone.stop();
    await broker.dispose();
    adapter.dispose();
  });

  it('a killed box is offline at the phone within 1.5 × keepalive', async () => {
    const child = await adapter.launch(broker.url, KEEPALIVE_SECONDS);
    expect((await next(5000)).payload).toBe('online');
    const killedMs = performance.now();
    child.kill('SIGKILL');
    const offline = await next(KEEPALIVE_SECONDS * 1500);
    expect(offline.payload).toBe('offline');
    console.log(`SIGKILL to offline: ${(offline.atMs - killedMs).toFixed(1)} ms`);
  });

  it('a box whose power or network is gone, so that no socket is closed, is offline too', async () => {
    const child = await adapter.launch(broker.url, KEEPALIVE_SECONDS);
    expect((await next(5000)).payload).toBe('online');
    const frozenMs = performance.now();
    child.kill('SIGSTOP');
    // The broker looks for silent clients every few seconds only; that is added to 1.5 × keepalive.
    const offline = await next(KEEPALIVE_SECONDS * 1500 + 9000);
    expect(offline.payload).toBe('offline');
    console.log(
      `SIGSTOP to offline: ${(offline.atMs - frozenMs).toFixed(0)} ms (keepalive ${KEEPALIVE_SECONDS} s)`,
    );
    child.kill('SIGKILL');
  });

  it('a clean stop is offline at once', async () => {
    const child = await adapter.launch(broker.url, 30);
    expect((await next(5000)).payload).toBe('online');
    const stoppedMs = performance.now();
    child.kill('SIGTERM');
    const offline = await next(1000);
    expect(offline.payload).toBe('offline');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(0);
    console.log(`clean stop to offline: ${(offline.atMs - stoppedMs).toFixed(1)} ms`);
  });
});
