// @module-tag processes

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedGpio } from '../../src/adapters/gpio/simulated.js';
import { createLog } from '../../src/adapters/log/log.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { loadConfig } from '../../src/config/load.js';
import { pathsOf } from '../../src/config/paths.js';
import { Lockstep, until } from '../../src/demo/lockstep.js';
import { RedButton } from '../../src/demo/red-button.js';
import { simulatedButtonOf } from '../../src/guard/in-process.js';
import { simulatedClock } from '../../src/simulator/index.js';
import { createTrader, type Trader } from '../../src/trader/trader.js';
import { faultsOf } from '../adapters/mqtt/schemas.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';
import { type Phone, say, startPhone } from '../brokers/phone.js';
import { type Appliance, BOX_ENV, createAppliance, PHONE_USER, USERS } from './appliance.js';

interface Running {
  readonly trader: Trader;
  readonly lockstep: Lockstep;
  readonly button: RedButton;
  /** Lines of the log, warnings and worse. */
  readonly logged: string[];
  stop(): Promise<void>;
}

async function run(
  appliance: Appliance,
  settings: Readonly<Record<string, object>> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const file = path.join(appliance.dir, 'redbutton.toml');
  writeFileSync(file, appliance.configText({ guard: { mode: 'in-process' }, ...settings }));
  const config = loadConfig(file);
  const { simulator } = appliance;
  const clock = simulatedClock(simulator);
  const gpio = new SimulatedGpio({ [config.gpio.buttonLine]: 0 });
  const lockstep = new Lockstep(simulator);
  const logged: string[] = [];
  const trader = await createTrader({
    config,
    env: { ...BOX_ENV, ...env },
    clock,
    rng: { next: Math.random },
    log: createLog('warn', { write: (line) => void logged.push(line) }),
    version: '0.0.0-test',
    gpio,
    onBar: (outcome) => lockstep.onBar(outcome),
  });
  await trader.start();
  const ending = new AbortController();
  const ended = trader.run(ending.signal).catch((error: unknown) => lockstep.fail(error));
  await until(() => simulator.subscribers('BTC/USDT') > 0, 'the subscription');
  const permit = createPermitReader(pathsOf(config.device).permit, clock);
  const button = new RedButton(trader.guard!.guard, simulatedButtonOf(gpio, config), () => permit.read().ok);
  await button.rearm();
  return {
    trader,
    lockstep,
    button,
    logged,
    async stop() {
      ending.abort(new Error('over'));
      await ended;
      await trader.stop();
    },
  };
}

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe.skipIf(!mosquittoInstalled())('the real trader and a phone', () => {
  let broker: Mosquitto;
  let phone: Phone;
  let appliance: Appliance;
  let box: Running | undefined;
  const on = (end: string) => phone.received.filter((m) => m.topic.endsWith(end));

  beforeEach(async () => {
    broker = await createMosquitto({ tls: true, users: USERS });
    await broker.start();
    phone = await startPhone(broker, ['redbutton/#', 'homeassistant/device/#'], PHONE_USER);
  });
  afterEach(async () => {
    await box?.stop();
    box = undefined;
    await appliance.dispose();
    await phone.stop();
    await broker.dispose();
  });

  it('tells of start, fills, state, the phone’s halt and its confirmation, re-arming and the end', async () => {
    appliance = await createAppliance(broker, 200);
    box = await run(appliance);
    await phone.until((m) => m.topic.endsWith('/alert/info') && m.payload.includes('SERVICE_STARTED'));
    await phone.until((m) => m.topic.endsWith('/alert/warning') && m.payload.includes('REARMED'));
    let fills = 0;
    for (let bars = 0; fills < 3 && bars < 150; bars++) {
      fills += (await box.lockstep.next()).execution?.fills.length ?? 0;
    }
    expect(fills).toBeGreaterThanOrEqual(3);
    await until(() => on('/fill').length === fills, 'the fills');
    const { symbol, price } = json(on('/fill')[0]!.payload);
    const filled = await phone.until((m) => m.payload.includes('"ORDER_FILLED"'));
    expect(json(filled.payload).figures).toMatchObject({ symbol, price });
    const state = await phone.until(
      (m) => m.topic.endsWith('/state') && json(m.payload).tradingState === 'ACTIVE',
    );
    expect(json(state.payload)).toMatchObject({ mode: 'paper', version: '0.0.0-test' });

    const pressedMs = performance.now();
    await say(broker, 'redbutton/test-box/cmd/halt', 'halt', [], PHONE_USER);
    const halted = await phone.until(
      (m) => m.payload.includes('"HALTED"') && m.topic.includes('/alert/critical'),
    );
    await phone.until((m) => m.payload.includes('HALT_CONFIRMED'));
    await until(() => json(on('/state').at(-1)!.payload).tradingState === 'HALTED', 'the state');
    console.log(
      `halt sent by the phone → alert HALTED at the phone: ${(halted.atMs - pressedMs).toFixed(0)} ms, mosquitto_pub's start included`,
    );
    expect(json(halted.payload).text).toContain('the phone');
    const before = on('/fill').length;
    for (let i = 0; i < 5; i++) expect((await box.lockstep.next()).execution?.fills ?? []).toEqual([]);
    expect(on('/fill')).toHaveLength(before);

    const stopMs = performance.now();
    await box.stop();
    box = undefined;
    const offline = await phone.until(
      (m) =>
        m.topic === 'redbutton/test-box/availability' &&
        m.payload === 'offline' &&
        !m.retained &&
        m.atMs > stopMs,
    );
    console.log(`clean stop → offline at the phone: ${(offline.atMs - stopMs).toFixed(0)} ms`);
    const all = phone.received.filter(
      (m) => /^(redbutton|homeassistant)\//.test(m.topic) && !m.topic.includes('/cmd/'),
    );
    expect(all.flatMap(faultsOf)).toEqual([]);
  });

  it('sends every alert to ntfy as well, once it is a sink; what it could not take comes after a restart', async () => {
    appliance = await createAppliance(broker, 40);
    const taken: Record<string, unknown>[] = [];
    let status = 200;
    const server: Server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => {
        if (status === 200) taken.push(json(body));
        response.writeHead(status).end(JSON.stringify({ id: 'x1', event: 'message' }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const settings = { alerts: { sinks: ['mqtt', 'ntfy'] }, ntfy: { url } };
    const env = { REDBUTTON_NTFY_TOPIC: 'a-long-random-topic' };
    box = await run(appliance, settings, env);
    await until(() => taken.length >= 2, 'ntfy');
    expect(taken[0]).toMatchObject({ topic: 'a-long-random-topic', title: 'test-box: info' });
    status = 503;
    await box.button.press();
    await phone.until((m) => m.payload.includes('"HALTED"'));
    await box.stop();
    status = 200;
    const before = taken.length;
    box = await run(appliance, settings, env);
    await until(
      () => taken.slice(before).some(({ message }) => String(message).startsWith('Trading is halted')),
      'HALTED',
    );
    server.close();
    server.closeAllConnections();
  });

  it('refuses to start with ntfy as a sink but no topic', async () => {
    appliance = await createAppliance(broker, 2);
    await expect(run(appliance, { alerts: { sinks: ['ntfy'] } })).rejects.toMatchObject({
      code: 'E_NTFY_TOPIC',
    });
  });

  it('decides as fast with a broker in trouble as with a sound one', async () => {
    const [rounds, bars, attemptsMax] = [4, 40, 3];
    appliance = await createAppliance(broker, attemptsMax * rounds * bars * 2 + 40);
    box = await run(appliance);
    const { lockstep } = box;
    const measure = async (tookMs: number[]) => {
      for (let i = 0; i < bars; i++) {
        const startMs = performance.now();
        await lockstep.next();
        tookMs.push(performance.now() - startMs);
      }
    };
    const cause = async (over: AbortSignal) => {
      while (!over.aborted) {
        await broker.kill();
        await delay(150);
        await broker.start();
        await delay(100);
        broker.freeze();
        await delay(300);
        broker.thaw();
      }
    };
    const figures = (tookMs: number[]) => {
      const sorted = [...tookMs].sort((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!;
      return { p50: at(0.5), p95: at(0.95), max: at(1) };
    };
    for (let i = 0; i < 30; i++) await lockstep.next();
    const show = ({ p50, p95, max }: ReturnType<typeof figures>) =>
      `p50 ${p50.toFixed(2)} p95 ${p95.toFixed(2)} max ${max.toFixed(1)} ms`;
    // What else this machine does may fall on one side alone; a broker that slows the trader does so each time.
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      // In turns, so that the machine's own weather falls on both.
      const [soundMs, troubledMs]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        await measure(soundMs);
        const over = new AbortController();
        const trouble = cause(over.signal);
        await measure(troubledMs);
        over.abort();
        await trouble;
      }
      const [sound, troubled] = [figures(soundMs), figures(troubledMs)];
      console.log(
        `bar latency, ${rounds * bars} bars each: sound broker ${show(sound)}; broker killed and frozen ${show(troubled)}`,
      );
      // Killing and starting a broker takes the machine's time, too: scripts/bench alerts tells the figures, this one finds waiting.
      const asFast = troubled.p50 < sound.p50 * 2 + 25 && troubled.p95 < sound.p95 * 3 + 50;
      if (asFast) return;
    }
    expect.fail(`slower with a broker in trouble in each of ${attemptsMax} attempts`);
  }, 120_000);
});
