// @module-tag processes

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'smol-toml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createExchange } from '../../src/adapters/ccxt/index.js';
import { callControl } from '../../src/adapters/control-socket/control-client.js';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { command as status } from '../../src/cli/run/status.js';
import { LIVE_ACKNOWLEDGEMENT } from '../../src/config/live-terms.js';
import { pathsOf } from '../../src/config/paths.js';
import { toColumns } from '../../src/core/candle.js';
import { manifestText } from '../../src/core/manifest-schema.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { PermitFile } from '../../src/guard/permit-file.js';
import { ExchangeSimulator, simulatedClock } from '../../src/simulator/index.js';
import { BTC } from '../contract/store-rows.js';
import { captureIo } from '../support/command-io.js';
import { type Compiled, compile } from '../support/compiled.js';
import {
  MANIFEST,
  manifestOf,
  type PaperLife,
  SHIPPED_MODEL,
  type TrainedOn,
  tradedOnPaper,
} from '../support/paper-life.js';
import { HOUR_MS, randomWalk } from '../support/tiny-stream.js';

const NAME = MANIFEST.sha256.slice(0, 8);
const KEY = { apiKey: 'live-key', secret: 'live-secret' };
const HISTORY = 60;
const TRADING_ALONE = { trading: true, withdrawals: false, addressBound: true };
type KeyPermissions = typeof TRADING_ALONE;

let app: Compiled;
let dir: string;
let simulator: ExchangeSimulator;
let children: ChildProcess[];
beforeAll(() => {
  app = compile(['src/main.ts']);
}, 120_000);
afterAll(() => app.remove());
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-earned-'));
  children = [];
  mkdirSync(path.join(dir, 'state'));
  mkdirSync(path.join(dir, 'guard'));
  mkdirSync(path.join(dir, 'model'));
  copyFileSync(path.join(SHIPPED_MODEL, 'model.onnx'), path.join(dir, 'model/model.onnx'));
  modelTrainedOn({});
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await simulator?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Writes the manifest of the model that decides. */
function modelTrainedOn(market: TrainedOn): void {
  writeFileSync(path.join(dir, 'model/manifest.json'), manifestText(manifestOf(market)));
}

const device = () => ({ name: 'box', stateDir: path.join(dir, 'state'), runDir: dir });

/** The simulator, whose key may do what `permissions` says. */
async function exchange(permissions: Partial<KeyPermissions> = {}) {
  simulator = new ExchangeSimulator({
    markets: [
      { symbol: 'BTC/USDT', timeframe: '1h', candles: toColumns(randomWalk(seededRng(4), HISTORY + 300)) },
    ],
    startIndex: HISTORY,
    accounts: [{ ...KEY, balances: { USDT: '100000' }, permissions: { ...TRADING_ALONE, ...permissions } }],
  });
  await simulator.start();
}

/** To the same account, by its key. */
async function ownConnection() {
  const { restUrl, wsUrl } = simulator;
  const entry = { id: 'binance', symbols: ['BTC/USDT'], restUrl, wsUrl, sandbox: false };
  return { connection: await createExchange(entry, simulatedClock(simulator), KEY) };
}

const traded = (life: PaperLife) => tradedOnPaper(pathsOf(device()).database, life);

/** `redbutton run` on the simulator. */
function run(settings: object = {}, sandbox = false) {
  const file = path.join(dir, 'redbutton.toml');
  const { restUrl, wsUrl } = simulator;
  writeFileSync(
    file,
    stringify({
      mode: 'live',
      liveAcknowledgement: LIVE_ACKNOWLEDGEMENT,
      modelDir: path.join(dir, 'model'),
      device: device(),
      exchange: [{ id: 'binance', symbols: ['BTC/USDT'], restUrl, wsUrl, simulatedTime: true, sandbox }],
      signals: { confidenceThreshold: 0 },
      risk: { kellyFraction: 1, drawdownHaltFraction: 0.9 },
      execution: { ordersPerMinuteMax: 100_000, quoteAgeMsMax: 60_000 },
      ingestion: { silenceMsMax: 86_400_000 },
      ...settings,
    }),
  );
  const child = spawn(process.execPath, [app.file('src/main.ts'), 'run', '--config', file], {
    env: {
      PATH: process.env.PATH,
      REDBUTTON_BINANCE_API_KEY: KEY.apiKey,
      REDBUTTON_BINANCE_API_SECRET: KEY.secret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  return { child, output: () => output };
}

/** Which a start that is refused does not make; only the key is asked once it is there. */
const liveDatabase = () => pathsOf(device(), 'live').database;

async function refused(settings?: object, by: 'start' | 'key' = 'start'): Promise<string> {
  const { child, output } = run(settings);
  const [code] = await once(child, 'close');
  expect({ code, said: output() }).toMatchObject({ code: 2 });
  expect(simulator.ledger().accounts[0]!.orders).toEqual([]);
  expect(existsSync(liveDatabase())).toBe(by === 'key');
  rmSync(liveDatabase(), { force: true });
  return output();
}

/** The guard's permit, given by the test until it is called. */
function permitted(): () => void {
  const permit = new PermitFile(path.join(dir, 'guard', 'permit'));
  const renew = () => permit.renew('ACTIVE', 1, Number(process.hrtime.bigint()) / 1e6 + 500);
  renew();
  const renewing = setInterval(renew, 100);
  return () => {
    clearInterval(renewing);
    permit.close();
  };
}

async function until(what: string, isSo: () => boolean, said: () => string): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}; said: ${said()}`);
    await delay(20);
  }
}

/** The bars that the trader has taken, of every kind. */
async function barsTaken(): Promise<number> {
  const { body } = await callControl(pathsOf(device()).traderSocket, 'the trader', 'GET', '/metrics');
  const counts = (body as { text: string }).text.matchAll(/^redbutton_bars_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** One bar more of the market, and the trader has taken it: on a busy machine that takes its time. */
async function step(): Promise<void> {
  const before = await barsTaken();
  await simulator.step();
  const endMs = performance.now() + 5_000;
  while ((await barsTaken()) === before && performance.now() < endMs) await delay(20);
}

describe('mode live', { timeout: 180_000 }, () => {
  it('is refused without thirty days on paper by the same family of models at the exchange itself', async () => {
    await exchange();
    expect(await refused()).toContain('and the store holds 0');
    await traded({ days: 29 });
    const said = await refused();
    expect(said).toContain('needs 30 days of paper trading of BTC/USDT (1h) at binance');
    expect(said).toContain('and the store holds 29');
    await traded({ days: 40, family: 'other' });
    expect(await refused()).toContain('and the store holds 0');
    await traded({ days: 40, redirected: true });
    expect(await refused()).toContain('and the store holds 0');
  });

  it('is refused on days of a model off its time frame, and with such a model whatever the days', async () => {
    await exchange();
    await traded({ days: 40, trainedOn: { timeframe: '1d' } });
    expect(await refused()).toContain('and the store holds 0');
    await traded({ days: 40 });
    modelTrainedOn({ symbol: 'SPX/USD', timeframe: '1d' });
    expect(await refused()).toContain(`the model ${NAME} was trained on SPX/USD (1d) at binance`);
  });

  it('that is a paper start says a model off its market to the log, the phone and the status', async () => {
    await exchange();
    for (const [trainedOn, code, words] of [
      [
        { symbol: 'SPX/USD', timeframe: '1d' },
        'MODEL_OFF_MARKET',
        `the model ${NAME} was trained on SPX/USD (1d) at binance and decides on BTC/USDT (1h) at binance: such days on paper do not count towards real money`,
      ],
      [
        { symbol: null },
        'MODEL_MARKET_UNSAID',
        `the model ${NAME} decides on BTC/USDT (1h) at binance, and its manifest does not say which market it was trained on`,
      ],
      [{}, null, null],
    ] as const) {
      modelTrainedOn(trainedOn);
      const { child, output } = run({ mode: 'paper' });
      await until(
        'the trader',
        () => output().includes('the trader is up') || child.exitCode !== null,
        output,
      );
      const { body } = await callControl(pathsOf(device()).traderSocket, 'the trader', 'GET', '/status');
      expect((body as { modelMarket?: string }).modelMarket ?? null).toBe(words);
      const io = captureIo();
      await status.run(['--config', path.join(dir, 'redbutton.toml')], io);
      if (words === null) expect(io.out()).not.toContain('modelMarket');
      else expect(io.out()).toContain(`modelMarket   ${words}`);
      child.kill('SIGTERM');
      await once(child, 'close');
      const lines = output().split('\n');
      expect(lines.filter((line) => line.includes('decides on BTC/USDT')).length > 0).toBe(words !== null);
      if (words !== null) expect(lines.filter((line) => line.includes(`"${words}"`))).toHaveLength(1);
      expect(output().includes('MODEL_')).toBe(code !== null);
      if (code !== null) expect(output()).toContain(code);
    }
  });

  it('is refused without the owner’s own words, and with a key that may withdraw or not trade', async () => {
    await exchange({ withdrawals: true });
    await traded({ days: 30 });
    for (const liveAcknowledgement of ['', 'yes'])
      expect(await refused({ liveAcknowledgement })).toContain(
        `liveAcknowledgement = "${LIVE_ACKNOWLEDGEMENT}"`,
      );
    expect(await refused({}, 'key')).toContain('the API key of binance may withdraw money');
    await simulator.stop();
    await exchange({ trading: false });
    expect(await refused({}, 'key')).toContain('the API key of binance may not trade');
  });

  it.each([
    ['after thirty days on paper, with money of its own', 'live', false],
    ['at once on a test network, and says so', 'testnet', true],
  ] as const)('trades %s', async (_, account, sandbox) => {
    await exchange();
    if (!sandbox) await traded({ days: 30 });
    const revoke = permitted();
    try {
      const { child, output } = run(sandbox ? { liveAcknowledgement: '' } : {}, sandbox);
      await until('the subscription', () => simulator.subscribers('BTC/USDT') > 0, output);
      const trades = () => simulator.ledger().accounts[0]!.trades;
      for (let i = 0; i < 200 && trades().length < 4; i++) {
        await step();
      }
      expect(trades().length, output()).toBeGreaterThanOrEqual(4);
      child.kill('SIGTERM');
      await once(child, 'close');
      expect(output()).toContain(sandbox ? 'its money is not real' : 'live is earned on paper');
      // Then the store of this account has every fill of the exchange, and that of paper none
      const store = await openStore({ path: pathsOf(device(), account).database, readOnly: true });
      expect((await store.fills()).map(({ price, amount }) => [price, amount])).toEqual(
        trades().map(({ price, amount }) => [price, amount]),
      );
      expect((await store.restore()).flows).toMatchObject([{ kind: 'opening', amount: '100000' }]);
      // and the candles of the paper time, for models to learn from
      if (!sandbox) expect((await store.candles(BTC)).openMs[5]! % HOUR_MS).toBe(0);
      await store.close();
    } finally {
      revoke();
    }
  });

  it('is refused before anything else, all reasons at once, and leaves no empty database', async () => {
    await exchange();
    const said = await refused({
      modelDir: path.join(dir, 'no-such-model'),
      liveAcknowledgement: '',
      gpio: { backend: 'simulated' },
      risk: { protectiveStopPct: 5 },
      execution: { orderType: 'market' },
      exchange: [{ id: 'kraken', symbols: ['BTC/USD', 'BTC/USD:BTC'] }],
    });
    for (const code of [
      'E_EXCHANGE_UNPROVEN',
      'E_LIVE_DERIVATIVE',
      'E_LIVE_MIXED',
      'E_LIVE_INVERSE',
      'E_LIVE_STOPS',
      'E_LIVE_MARKET_ORDERS',
      'E_LIVE_BUTTON',
      'E_LIVE_ACKNOWLEDGEMENT',
    ])
      expect(said).toContain(`${code}: `);
    // Days at an exchange that is refused anyway are not counted
    expect(said).not.toContain('days of paper trading');
    expect(readdirSync(path.join(dir, 'state'))).toEqual([]);
  });

  it('that is refused over a position starts reducing, names the reasons, and closes it', async () => {
    await exchange();
    const revoke = permitted();
    try {
      const held = () => {
        const { free = '0', locked = '0' } = simulator.ledger().accounts[0]!.balances.BTC ?? {};
        return Number(free) + Number(locked);
      };
      const trades = () => simulator.ledger().accounts[0]!.trades;
      // What it was deciding as it was told to end may have closed the position again
      for (let life = 0; life < 5 && held() < 0.002; life++) {
        const { child, output } = run({ liveAcknowledgement: '' }, true);
        await until('the trader', () => output().includes('the trader is up'), output);
        await until('the subscription', () => simulator.subscribers('BTC/USDT') > 0, output);
        for (let i = 0; i < 60 && held() < 0.002; i++) {
          await step();
        }
        child.kill('SIGTERM');
        await once(child, 'close');
      }
      expect(held()).toBeGreaterThan(0.002);
      // The same books as those of a live account, which was never earned and is not acknowledged
      for (const file of readdirSync(path.join(dir, 'state'))) {
        const live = file.replace('redbutton-testnet', 'redbutton-live');
        renameSync(path.join(dir, 'state', file), path.join(dir, 'state', live));
      }
      const before = trades().length;
      const { child, output } = run({ liveAcknowledgement: '' });
      await until(
        'the trader',
        () => output().includes('the trader is up') || child.exitCode !== null,
        output,
      );
      expect(output()).toContain('liveAcknowledgement does not say');
      expect(output()).toContain('and the store holds 0');
      await until('the subscription', () => simulator.subscribers('BTC/USDT') > 0, output);
      // Less than the exchange takes as an order may be left
      for (let i = 0; i < 200 && held() > 0.0001; i++) {
        await step();
      }
      expect(held(), output()).toBeLessThan(0.0001);
      for (let i = 0; i < 20; i++) {
        await step();
      }
      const since = trades().slice(before);
      expect(since.length).toBeGreaterThan(0);
      expect(since.filter(({ side }) => side !== 'sell')).toEqual([]);
      child.kill('SIGTERM');
      await once(child, 'close');
      // One alert for each reason
      const alerts = output().match(/Live trading is refused at binance, so nothing is opened there: [^.]*/g);
      expect(alerts).toHaveLength(2);
      expect(alerts!.join()).toContain('liveAcknowledgement does not say');
      expect(alerts!.join()).toContain('30 days of paper trading');
    } finally {
      revoke();
    }
  });

  it('that is refused starts where an order of the box rests at the exchange, though its store is empty', async () => {
    await exchange();
    const { connection } = await ownConnection();
    const { bids } = await connection.api.fetchOrderBook('BTC/USDT');
    const price = String(Math.floor(Number(bids[0]![0]) * 0.9));
    const rest = (clientOrderId: string) =>
      connection.api.createOrder('BTC/USDT', 'limit', 'buy', '1', price, { clientOrderId });
    await rest('rb-other-m1abc');
    const refusing = run({ liveAcknowledgement: '' });
    expect((await once(refusing.child, 'close'))[0], refusing.output()).toBe(2);
    await rest('rb-box-m1abc');
    const { child, output } = run({ liveAcknowledgement: '' });
    await until('the trader', () => output().includes('the trader is up') || child.exitCode !== null, output);
    expect(child.exitCode, output()).toBeNull();
    child.kill('SIGTERM');
    await once(child, 'close');
  });
});
