// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../brokers/mosquitto.js';
import { type Compiled, compile } from '../support/compiled.js';
import { pressTwice } from '../support/press-twice.js';

/** The box as its owner has it: guard, trader, exchange and broker as processes of their own, spoken to by the commands. */
describe.skipIf(!mosquittoInstalled())('the box', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-box-'));
  const config = path.join(dir, 'redbutton.toml');
  const candles = path.join(dir, 'candles.csv');
  const children: { process: ChildProcess; output: () => string; name: string }[] = [];
  let compiled: Compiled;
  let broker: Mosquitto;

  function start(
    name: string,
    ...args: string[]
  ): { process: ChildProcess; output: () => string; name: string } {
    let text = '';
    const process_ = spawn(process.execPath, [compiled.file('src/main.ts'), name, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const take = (chunk: Buffer) => {
      text += chunk.toString('utf8');
    };
    process_.stdout.on('data', take);
    process_.stderr.on('data', take);
    const child = { process: process_, output: () => text, name };
    children.push(child);
    return child;
  }

  async function run(name: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
    const child = start(name, ...args);
    const code = await new Promise<number | null>((resolve) => child.process.once('close', resolve));
    return { code, output: child.output() };
  }

  async function until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    msMax = 30_000,
  ): Promise<void> {
    const endMs = performance.now() + msMax;
    while (!(await condition())) {
      if (performance.now() > endMs) {
        const words = children.map(({ name, output }) => `--- ${name}\n${output().slice(-1500)}`).join('\n');
        throw new Error(`${what} did not happen in ${msMax} ms\n${words}`);
      }
      await delay(50);
    }
  }

  function post(socketPath: string, where: string, body: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = request(
        { socketPath, path: where, method: 'POST', headers: { 'content-type': 'application/json' } },
        (answer) => {
          answer.resume();
          answer.on('end', resolve);
        },
      );
      call.on('error', reject);
      call.end(JSON.stringify(body));
    });
  }

  async function status(): Promise<{
    guard: { state: string; contact: string } | null;
    trader: { tradingState: string; equity: number } | null;
  }> {
    const { output } = await run('status', '--config', config, '--json');
    return JSON.parse(output);
  }

  /** What the trader itself has counted so far. */
  async function counted(what: 'bars' | 'fills'): Promise<number> {
    const { output } = await run('metrics', '--config', config);
    const counts = output.matchAll(new RegExp(`^redbutton_${what}_total\\{[^}]*\\} (\\d+)$`, 'gm'));
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async function arm(): Promise<void> {
    const button = path.join(dir, 'run', 'guard', 'control.sock');
    await until('the contact is seen', async () => (await status()).guard?.contact === 'released');
    expect(await run('resume', '--config', config)).toMatchObject({ code: 0 });
    await pressTwice(
      (pressed) => post(button, '/sim/button', { pressed }),
      async () => (await status()).guard?.contact ?? '',
    );
    await until('the box is armed', async () => (await status()).guard?.state === 'ACTIVE');
  }

  beforeAll(async () => {
    compiled = compile(['src/main.ts']);
    broker = await createMosquitto();
    await broker.start();
    const rng = seededRng(7);
    let price = 100;
    const rows = Array.from({ length: 4000 }, (_, i) => {
      const open = price;
      price *= 1 + (rng.next() - 0.5) * 0.02;
      const high = Math.max(open, price) * 1.001;
      const low = Math.min(open, price) * 0.999;
      return `${1_600_002_000_000 + i * 3_600_000},${open.toFixed(2)},${(high + 0.01).toFixed(2)},${(low - 0.01).toFixed(2)},${price.toFixed(2)},${(10 + rng.next() * 5).toFixed(3)}`;
    });
    writeFileSync(candles, `timestamp_ms,open,high,low,close,volume\n${rows.join('\n')}\n`);
  }, 120_000);

  afterAll(async () => {
    for (const { process: child } of children) if (child.exitCode === null) child.kill('SIGKILL');
    await broker?.dispose();
    compiled?.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  it('trades on paper only once it is armed, halts at a word, and stays halted over a restart', async () => {
    const exchange = start(
      'simulate-exchange',
      '--candles',
      candles,
      '--symbol',
      'BTC/USDT',
      '--timeframe',
      '1h',
      '--speed',
      '20',
      '--from',
      '300',
    );
    await until('the exchange is up', () => exchange.output().includes('restUrl'));
    const restUrl = /restUrl (\S+)/.exec(exchange.output())![1];
    const wsUrl = /wsUrl (\S+)/.exec(exchange.output())![1];
    writeFileSync(
      config,
      `timeframe = "1h"
modelDir = "${path.resolve('models/sp500-daily')}"
[device]
name = "boxtest"
stateDir = "${dir}/state"
runDir = "${dir}/run"
[[exchange]]
symbols = ["BTC/USDT"]
restUrl = "${restUrl}"
wsUrl = "${wsUrl}"
simulatedTime = true
[signals]
confidenceThreshold = 0.01
[mqtt]
url = "${broker.url}"
[gpio]
backend = "simulated"
`,
    );
    const phone = spawn('mosquitto_sub', [
      '-p',
      String(broker.port),
      '-t',
      'redbutton/boxtest/#',
      '-v',
      '-q',
      '1',
    ]);
    let heard = '';
    phone.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString('utf8');
    });
    try {
      start('guard', '--config', config);
      const trader = start('run', '--config', config);
      await until('the trader answers', async () => (await status()).trader !== null);

      // Given a new box: it decides on bars, and nothing is bought.
      await until('the guard is halted', async () => (await status()).guard?.state === 'HALTED');
      await until('bars come', async () => (await status()).trader?.equity === 100_000);
      expect(heard).not.toContain('ORDER_FILLED');

      // When it is armed at the button, then it trades and the phone hears of it.
      await arm();
      await until('a fill reaches the phone', () => heard.includes('ORDER_FILLED'));
      await until('the state reaches the phone', () => heard.includes('"tradingState":"ACTIVE"'));

      // When somebody halts it, then it is recorded and confirmed, and told.
      const halt = await run('halt', '--config', config);
      expect(halt.output).toContain('recorded: yes');
      expect(halt.code).toBe(0);
      await until(
        'the halt reaches the phone',
        () => heard.includes('"HALTED"') && heard.includes('HALT_CONFIRMED'),
      );
      const fills = await counted('fills');
      const bars = await counted('bars');
      await until('twenty bars more', async () => (await counted('bars')) >= bars + 20);
      expect(await counted('fills')).toBe(fills);

      // When the trader dies and starts again, then it is still halted and knows what it held.
      trader.process.kill('SIGKILL');
      await until('the phone hears that it is gone', () => heard.includes('availability offline'));
      start('run', '--config', config);
      await until('the trader is back', async () => (await status()).trader !== null);
      await until('what it held is known again', async () => (await status()).trader?.equity !== 100_000);
      const after = await status();
      expect(after.guard?.state).toBe('HALTED');
      expect(after.trader?.tradingState).toBe('HALTED');
      expect(readFileSync(config, 'utf8')).not.toContain('password');
    } finally {
      phone.kill();
    }
  }, 240_000);

  it('says in one sentence what is wrong, and exits with 2', async () => {
    const bad = path.join(dir, 'bad.toml');
    writeFileSync(bad, 'mode = "papre"\n[[exchange]]\nsymbols = []\nsecret = "x"\n');
    const { code, output } = await run('run', '--config', bad);
    expect(code).toBe(2);
    expect(output).toContain('bad.toml has 3 mistakes');
    expect(output).toContain('Remedy:');
    expect((await run('nonsense')).code).toBe(2);
    expect((await run('backtest')).output).toContain('--candles is missing');
  }, 60_000);
});
