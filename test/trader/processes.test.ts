// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { type Paths, pathsOf } from '../../src/config/paths.js';
import type { GuardStatus } from '../../src/guard/status.js';
import { faultsOf } from '../adapters/mqtt/schemas.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';
import { type Phone, say, startPhone } from '../brokers/phone.js';
import { askAs } from '../support/ask-as.js';
import { type Compiled, compile } from '../support/compiled.js';
import { pressTwice } from '../support/press-twice.js';
import { type Appliance, BOX_ENV, createAppliance, PHONE_USER, USERS } from './appliance.js';

const KEEPALIVE_SECONDS = 2;
const HALT = 'redbutton/test-box/cmd/halt';

interface Running {
  readonly child: ChildProcess;
  output(): string;
}

/** `redbutton run` and `redbutton guard` as systemd starts them, each a process of its own. */
describe.skipIf(!mosquittoInstalled())('the shipped program and a phone', () => {
  let app: Compiled;
  let broker: Mosquitto;
  let phone: Phone;
  let appliance: Appliance;
  let paths: Paths;
  let children: Running[];
  const clock = createSystemClock();

  beforeAll(() => {
    app = compile(['src/main.ts']);
  }, 120_000);
  afterAll(() => app.remove());
  beforeEach(async () => {
    broker = await createMosquitto({ tls: true, users: USERS });
    await broker.start();
    phone = await startPhone(broker, ['redbutton/#', 'homeassistant/device/#'], PHONE_USER);
    appliance = await createAppliance(broker, 20);
    paths = pathsOf({
      name: 'test-box',
      stateDir: path.join(appliance.dir, 'state'),
      runDir: appliance.dir,
    });
    children = [];
  });
  afterEach(async () => {
    for (const { child } of children) await end(child, 'SIGKILL');
    await appliance.dispose();
    await phone.stop();
    await broker.dispose();
  });

  function launch(command: 'run' | 'guard', settings: Readonly<Record<string, object | null>> = {}): Running {
    const file = path.join(appliance.dir, `redbutton-${children.length}.toml`);
    const mqtt = settings.mqtt === null ? null : { keepaliveSeconds: KEEPALIVE_SECONDS };
    writeFileSync(file, appliance.configText({ ...settings, mqtt }));
    const child = spawn(process.execPath, [app.file('src/main.ts'), command, '--config', file], {
      env: { PATH: process.env.PATH, ...BOX_ENV, REDBUTTON_NTFY_TOPIC: 'a-topic-nobody-guesses' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += String(chunk);
      });
    }
    const running = { child, output: () => output };
    children.push(running);
    return running;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async function until(what: string, isSo: () => boolean | Promise<boolean>, forMs = 60_000): Promise<void> {
    const endMs = clock.monotonicMs() + forMs;
    while (!(await isSo())) {
      const said = children.map(({ output }) => output()).join('');
      if (clock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}; said: ${said}`);
      await delay(10);
    }
  }

  const ask = async (method: 'GET' | 'POST', route: string, body?: unknown) =>
    (await callControl(paths.guardSocket, 'the guard', method, route, body)).body as GuardStatus;
  const permit = () => createPermitReader(paths.permit, clock).read();
  const says = (topicEnd: string, payload: string) =>
    phone.until((m) => m.topic === `redbutton/test-box/${topicEnd}` && m.payload.includes(payload), 60_000);

  async function startArmed(): Promise<{ guard: Running; trader: Running }> {
    const guard = launch('guard');
    await says('guard/availability', 'online');
    const trader = launch('run');
    await says('availability', 'online');
    await until('the trader', async () => (await ask('GET', '/status')).trader.present);
    await until('a released contact', async () => (await ask('GET', '/status')).contact === 'released');
    await ask('POST', '/resume');
    await says('alert/warning', 'RESUME_WINDOW_OPEN');
    await pressTwice(
      (pressed) => ask('POST', '/sim/button', { pressed }),
      async () => (await ask('GET', '/status')).contact,
    );
    await until('a permit to enter', () => {
      const reading = permit();
      return reading.ok && reading.state === 'ACTIVE';
    });
    await says('alert/warning', 'REARMED');
    await says('state', '"tradingState":"ACTIVE"');
    return { guard, trader };
  }

  it.runIf(process.getuid?.() === 0)(
    'a service reads from the trader’s socket, and changes nothing there',
    async () => {
      const trader = launch('run');
      await says('availability', 'online');
      chmodSync(appliance.dir, 0o755);
      for (const route of [
        '/recovery/confirm',
        '/model/rollback',
        '/model/promote',
        '/model/retrain',
        '/breaker/rebase',
      ]) {
        const answer = await askAs(998, paths.traderSocket, route);
        expect(answer, route).toMatchObject({ code: 403, body: { error: 'E_NOT_A_PERSON' } });
        expect(trader.output()).not.toContain('a challenger is trained');
      }
      await says('alert/warning', 'REQUEST_DECLINED');
      expect(await askAs(1000, paths.traderSocket, '/recovery/confirm')).toMatchObject({ code: 200 });
    },
  );

  it('the phone hears of a trader that cannot start, hangs or was killed, and of its return, over MQTT and ntfy', async () => {
    const ntfy = await startNtfy();
    const settings = { alerts: { sinks: ['mqtt', 'ntfy'] }, ntfy: { url: ntfy.url } };
    const lost: Heard = async (what, sinceMs, words) => {
      const heard = await phone.until(
        (m) => m.topic.endsWith('alert/critical') && m.payload.includes('TRADER_LOST') && m.atMs > sinceMs,
        50_000,
      );
      expect(heard.payload).toContain(words);
      expect(heard.atMs - sinceMs).toBeLessThan(45_000);
      const push = await ntfy.heard(sinceMs, words);
      const seconds = (atMs: number) => ((atMs - sinceMs) / 1000).toFixed(1);
      console.log(
        `trader ${what}: MQTT after ${seconds(heard.atMs)} s, ntfy after ${seconds(push.atMs)} s: ${push.message}`,
      );
    };
    const back = () => phone.received.filter((m) => m.payload.includes('TRADER_BACK')).length;
    try {
      launch('guard', settings);
      await says('guard/availability', 'online');
      await loseTraders(settings, lost, back);
    } finally {
      ntfy.close();
    }
  }, 240_000);

  it('with ntfy alone, the phone hears of the same', async () => {
    const ntfy = await startNtfy();
    const settings = { alerts: { sinks: ['ntfy'] }, ntfy: { url: ntfy.url }, mqtt: null };
    const lost: Heard = async (what, sinceMs, words) => {
      const push = await ntfy.heard(sinceMs, words);
      console.log(
        `with ntfy alone, trader ${what}: after ${((push.atMs - sinceMs) / 1000).toFixed(1)} s: ${push.message}`,
      );
      expect(push.atMs - sinceMs).toBeLessThan(45_000);
    };
    const back = () => ntfy.pushed.filter(({ message }) => message.includes('trader is back')).length;
    try {
      const guard = launch('guard', settings);
      await until('the guard', () => guard.output().includes('"ready"'));
      await loseTraders(settings, lost, back);
    } finally {
      ntfy.close();
    }
  }, 240_000);

  type Settings = Readonly<Record<string, object | null>>;
  type Heard = (what: string, sinceMs: number, words: string) => Promise<void>;

  /** A trader that cannot start, one that hangs, and one that is killed; each but the last is followed by one that is well. */
  async function loseTraders(settings: Settings, lost: Heard, back: () => number): Promise<void> {
    const neverMs = performance.now();
    const broken = launch('run', { ...settings, modelDir: path.join(appliance.dir, 'nomodel') } as never);
    await once(broken.child, 'exit');
    await lost('unable to start', neverMs, 'nomodel/manifest.json');

    const trader = launch('run', settings);
    await until('its start', () => back() === 1);
    trader.child.kill('SIGSTOP');
    await lost('hung', performance.now(), 'There has been no trader for');
    await end(trader.child, 'SIGKILL');
    expect(back()).toBe(1);
    const next = launch('run', settings);
    await until('its return', () => back() === 2);

    const killedMs = performance.now();
    await end(next.child, 'SIGKILL');
    await lost('killed', killedMs, 'There has been no trader for');
  }

  /** A server that acknowledges as ntfy does. */
  async function startNtfy() {
    const pushed: { atMs: number; message: string }[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const { message, topic } = JSON.parse(body) as { message: string; topic: string };
        pushed.push({ atMs: performance.now(), message });
        response.end(JSON.stringify({ id: `x${pushed.length}`, event: 'message', topic }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const find = (sinceMs: number, words: string) =>
      pushed.find(({ atMs, message }) => atMs > sinceMs && message.includes(words));
    return {
      pushed,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async heard(sinceMs: number, words: string) {
        await until('the push', () => find(sinceMs, words) !== undefined, 50_000);
        return find(sinceMs, words)!;
      },
      close() {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  it('the phone halts through the guard’s own process, which tells of it; nothing on any topic breaks its schema', async () => {
    const { guard } = await startArmed();
    const pressedMs = performance.now();
    await say(broker, HALT, 'halt', [], PHONE_USER);
    const halted = await says('alert/critical', '"HALTED"');
    await says('alert/warning', 'HALT_CONFIRMED');
    await says('state', '"tradingState":"HALTED"');
    console.log(
      `phone → guard's own process → HALTED at the phone: ${(halted.atMs - pressedMs).toFixed(0)} ms`,
    );
    expect(halted.payload).toContain('the phone');
    // One voice: the same halt is not told twice by two processes.
    expect(
      phone.received.filter((m) => m.payload.includes('"HALTED"') && m.topic.includes('/alert/')),
    ).toHaveLength(1);

    await end(guard.child, 'SIGTERM');
    await says('guard/availability', 'offline');
    const all = phone.received.filter(
      (m) => /^(redbutton|homeassistant)\//.test(m.topic) && !m.topic.includes('/cmd/'),
    );
    expect(all.flatMap(faultsOf)).toEqual([]);
  }, 180_000);

  it('a trader that hangs at the press is told of by the guard', async () => {
    const { trader } = await startArmed();
    trader.child.kill('SIGSTOP');
    await ask('POST', '/sim/button', { pressed: true });
    await says('alert/critical', '"HALTED"');
    const dead = await says('alert/critical', 'TRADER_DEAD');
    expect(dead.payload).toContain('did not answer');
    await says('alert/warning', 'HALT_CONFIRMED');
    await says('availability', 'offline');
  }, 180_000);

  it('a broker in trouble costs the guard no permit; what it had to say meanwhile arrives', async () => {
    const { guard } = await startArmed();
    const rssKb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${guard.child.pid}/status`, 'utf8'))?.[1];
    let over = false;
    let worstMs = Number.POSITIVE_INFINITY;
    let looks = 0;
    // The longest that this process was held up between two looks: a busy machine does the same to the guard.
    let lateMs = 0;
    let lookedMs = clock.monotonicMs();
    const watching = (async () => {
      while (!over) {
        const reading = permit();
        looks += 1;
        lateMs = Math.max(lateMs, clock.monotonicMs() - lookedMs);
        lookedMs = clock.monotonicMs();
        worstMs = Math.min(worstMs, reading.ok ? reading.expiresMonotonicMs - clock.monotonicMs() : 0);
        await delay(2);
      }
    })();
    for (let i = 0; i < 3; i++) {
      await broker.kill();
      await delay(300);
      await broker.start();
      await delay(300);
      broker.freeze();
      await delay(1000);
      broker.thaw();
    }
    await broker.kill();
    over = true;
    await watching;
    console.log(
      `guard with a broker killed and frozen: permit never nearer than ${worstMs.toFixed(0)} ms to its end in ${looks} looks, the latest ${lateMs.toFixed(0)} ms late (life 500, period 100); ` +
        `RSS ${(Number(rssKb) / 1024).toFixed(0)} MB with its alert thread`,
    );
    expect(worstMs + lateMs).toBeGreaterThan(200);
    await ask('POST', '/sim/button', { pressed: true });
    await until('the record', async () => (await ask('GET', '/status')).halt?.recorded === true);
    await broker.start();
    const halted = await says('alert/critical', '"HALTED"');
    expect(halted.payload).toContain('"delayed":true');
  }, 180_000);

  it('a killed trader is offline within 1.5 × keepalive, a stopped one at once, a lost guard is told by the trader', async () => {
    const { guard, trader } = await startArmed();
    await end(guard.child, 'SIGKILL');
    const killedGuardMs = performance.now();
    await says('guard/availability', 'offline');
    const lost = await says('alert/critical', 'GUARD_LOST');
    console.log(`guard killed → GUARD_LOST at the phone: ${(lost.atMs - killedGuardMs).toFixed(0)} ms`);

    const offline = () =>
      phone.received.filter((m) => m.topic === 'redbutton/test-box/availability' && m.payload === 'offline');
    const killedMs = performance.now();
    await end(trader.child, 'SIGKILL');
    await until('offline', () => offline().length === 1);
    const tookMs = offline()[0]!.atMs - killedMs;
    const again = launch('run');
    await until('online again', () =>
      phone.received.some(
        (m) => m.topic.endsWith('test-box/availability') && m.payload === 'online' && m.atMs > killedMs,
      ),
    );
    const stoppedMs = performance.now();
    await end(again.child, 'SIGTERM');
    await until('offline again', () => offline().length >= 2);
    const stoppedTookMs = offline()[1]!.atMs - stoppedMs;
    console.log(
      `redbutton run, SIGKILL → offline ${tookMs.toFixed(0)} ms (limit ${1500 * KEEPALIVE_SECONDS}), SIGTERM → offline ${stoppedTookMs.toFixed(0)} ms`,
    );
    expect(tookMs).toBeLessThanOrEqual(1500 * KEEPALIVE_SECONDS);
    // It says so itself, before anybody counts its silence out.
    expect(stoppedTookMs).toBeLessThan(1500 * KEEPALIVE_SECONDS);
    // A machine that is gone closes no socket: there the broker has to count the keepalive out.
    const frozen = launch('run');
    await until(
      'online once more',
      () =>
        phone.received.filter((m) => m.topic.endsWith('test-box/availability') && m.payload === 'online')
          .length >= 3,
    );
    const frozenMs = performance.now();
    frozen.child.kill('SIGSTOP');
    await until('offline by keepalive', () => offline().length >= 3);
    const silentMs = offline()[2]!.atMs - frozenMs;
    console.log(`redbutton run, SIGSTOP (socket stays open) → offline ${silentMs.toFixed(0)} ms`);
    // Mosquitto 2.0 counts 1.5 × keepalive from the last packet, in whole seconds of which the last must be over, and looks
    // only every 5 s whether it is; then the word has to come here.
    expect(silentMs).toBeLessThanOrEqual(1500 * KEEPALIVE_SECONDS + 1000 + 5000 + 500);
  }, 180_000);
});
