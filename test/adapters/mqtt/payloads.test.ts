// @module-tag processes

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Phone, say, startPhone } from '../../brokers/phone.js';
import { type Box, boxState, createBox, eventually } from './box.js';
import { faultsOf, SCHEMAS } from './schemas.js';

const FILL = {
  fillId: 'f-1',
  clientOrderId: 'rb-test-box-1',
  exchange: 'binance',
  symbol: 'BTC/USDT',
  side: 'buy',
  price: '42000.10',
  amount: '0.25',
  fee: '10.5',
  feeCurrency: 'USDT',
  atMs: 1_700_000_000_000,
} as const;

describe.skipIf(!mosquittoInstalled())('what the box publishes', () => {
  let broker: Mosquitto;
  let phone: Phone;
  let box: Box;
  const on = (end: string) => phone.received.filter((m) => m.topic.endsWith(end));

  beforeAll(async () => {
    broker = await createMosquitto();
    await broker.start();
    phone = await startPhone(broker, ['redbutton/#', 'homeassistant/device/#']);
    box = createBox(broker, { credentials: {}, stateRepeatMs: 300, onHalt: () => {} });
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
  });
  afterAll(async () => {
    await box.alerts.stop();
    await phone.stop();
    await broker.dispose();
  });

  it('state goes out at a change at once, and again by itself; the hands of the clock are no change', async () => {
    box.alerts.sink.publishState(boxState());
    await phone.until((m) => m.topic.endsWith('/state'));
    await eventually('repeated', () => on('/state').length >= 3, 2000);
    const sentMs = performance.now();
    box.alerts.sink.publishState(
      boxState({ tradingState: 'HALTED', equity: Number.NaN, temperatureC: 51.2 }),
    );
    const halted = await phone.until((m) => m.topic.endsWith('/state') && m.payload.includes('HALTED'));
    expect(halted.atMs - sentMs).toBeLessThan(250);
    expect(JSON.parse(halted.payload)).toMatchObject({ equity: null, temperatureC: 51.2, problem: false });
    expect(on('/health')).toHaveLength(1);
  });

  it('fills and alerts are events', async () => {
    box.alerts.sink.publishFill(FILL);
    await box.raiser.raise('ORDER_FILLED', {
      symbol: 'BTC/USDT',
      side: 'buy',
      amount: '0.25',
      price: '42000.10',
    });
    await box.raiser.raise('ORDER_UNKNOWN', { symbol: 'BTC/USDT', clientOrderId: 'rb-test-box-2' });
    await phone.until((m) => m.topic.endsWith('/fill'));
    const alert = await phone.until((m) => m.topic.endsWith('/alert/info'));
    expect(JSON.parse(alert.payload)).toMatchObject({
      code: 'ORDER_FILLED',
      text: 'Bought 0.25 of BTC/USDT at 42000.10.',
      delayed: false,
    });
    await phone.until((m) => m.topic.endsWith('/alert/critical'));
  });

  it('discovery is announced again when Home Assistant has started', async () => {
    const before = on('/config').length;
    expect(before).toBeGreaterThanOrEqual(1);
    await say(broker, 'homeassistant/status', 'offline');
    await say(broker, 'homeassistant/status', 'online');
    await eventually('announced again', () => on('/config').length === before + 1);
  });

  it('discovery names only topics that exist, and unique ids of its own', () => {
    const { components, ...rest } = JSON.parse(on('/config')[0]!.payload) as {
      components: Record<string, Record<string, unknown>>;
      state_topic: string;
      availability_topic: string;
    };
    expect(rest.state_topic).toBe('redbutton/test-box/state');
    expect(rest.availability_topic).toBe('redbutton/test-box/availability');
    const ids = Object.values(components).map((component) => component.unique_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(components).sort()).toEqual(
      ['alert', 'auc', 'drawdown', 'equity', 'feed_age', 'halt', 'problem', 'state', 'temperature'].sort(),
    );
    // Home Assistant hands topics and availability of the device on to its components, but not the quality of service.
    for (const component of Object.values(components)) expect(component.qos).toBe(1);
    expect(components.halt).toMatchObject({
      command_topic: 'redbutton/test-box/cmd/halt',
      payload_press: 'halt',
      retain: false,
    });
    // Each template reads a key the state payload has.
    const state = JSON.parse(on('/state')[0]!.payload) as Record<string, unknown>;
    for (const component of Object.values(components)) {
      if (component.platform !== 'sensor' && component.platform !== 'binary_sensor') continue;
      const keys = [...String(component.value_template).matchAll(/value_json\.(\w+)/g)].map((m) => m[1]!);
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(Object.keys(state)).toContain(key);
    }
  });

  it('each message on each topic fits its schema, and only state, availability and discovery are retained', async () => {
    const late = await startPhone(broker, ['redbutton/#', 'homeassistant/device/#']);
    await eventually('retained ones', () => late.received.filter((m) => m.retained).length >= 3);
    const retained = late.received.filter((m) => m.retained).map((m) => m.topic);
    await late.stop();
    expect([...new Set(retained)].sort()).toEqual([
      'homeassistant/device/redbutton_test_box/config',
      'redbutton/test-box/availability',
      'redbutton/test-box/state',
    ]);
    const all = phone.received.filter((m) => m.topic !== 'phone/ready');
    expect(all.flatMap(faultsOf)).toEqual([]);
    const covered = SCHEMAS.filter(([pattern]) => all.some((m) => pattern.test(m.topic)));
    expect(covered).toHaveLength(SCHEMAS.length);
  });

  it('the schemas refuse what is wrong', () => {
    const config = JSON.parse(on('/config')[0]!.payload) as Record<
      string,
      Record<string, Record<string, unknown>>
    >;
    const broken = structuredClone(config);
    delete broken.components!.state!.options;
    const topic = 'homeassistant/device/x/config';
    const message = (payload: object) => ({
      topic,
      payload: JSON.stringify(payload),
      retained: false,
      atMs: 0,
    });
    expect(faultsOf(message(config))).toEqual([]);
    expect(faultsOf(message(broken))).toHaveLength(1);
    const wild = structuredClone(config);
    wild.components!.halt!.command_topic = 'redbutton/+/cmd/halt';
    expect(faultsOf(message(wild))).toHaveLength(1);
  });
});
