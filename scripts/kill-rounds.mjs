#!/usr/bin/env node
// Real processes: the trader in live mode against the exchange simulator over real sockets, killed with SIGKILL at chosen
// and random moments of the order path, started again, and held to the simulator's ledger at the end.
// Usage: npm run kill-rounds -- [--rounds 20] [--seed 1]
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileSources } from './compile-sources.mjs';
import { readOptions } from './usage.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = readOptions(import.meta.url, {
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
});
const rounds = Number(values.rounds);
const SYMBOL = 'BTC/USDT';
const ACCOUNT = { apiKey: 'key', secret: 'secret', balances: { USDT: '100000' } };
const START_BARS = 100;
const BARS_A_ROUND = 4;

const entries = [
  'src/main.ts',
  'src/simulator/index.ts',
  'src/guard/permit-file.ts',
  'src/adapters/duckdb/index.ts',
  'src/core/order.ts',
  'src/core/money.ts',
  'src/core/candle.ts',
  'src/core/seeded-rng.ts',
];
const compiled = compileSources(entries);
const load = (source) => import(pathToFileURL(compiled.file(source)).href);
const [
  ,
  { ExchangeSimulator },
  { PermitFile },
  { openStore },
  { isFinal },
  { decimal },
  { toColumns },
  { seededRng },
] = await Promise.all(entries.map((entry) => (entry === 'src/main.ts' ? null : load(entry))));
const rng = seededRng(Number(values.seed));

const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-rounds-'));
const stateDir = path.join(dir, 'state');
const runDir = path.join(dir, 'run');
for (const each of [stateDir, path.join(runDir, 'guard')]) mkdirSync(each, { recursive: true });
const barMs = 3_600_000;
let close = 30_000;
const candles = Array.from({ length: START_BARS + 2 * rounds * BARS_A_ROUND + 20 }, (_, i) => {
  const open = close;
  close = Number((close * (1 + (rng.next() - 0.5) * 0.04)).toFixed(2));
  const [high, low] = [Math.max(open, close), Math.min(open, close)];
  return { openMs: Date.UTC(2024, 0, 1) + i * barMs, open, high, low, close, volume: 1 + rng.next() };
});
const simulator = new ExchangeSimulator({
  markets: [
    {
      symbol: SYMBOL,
      timeframe: '1h',
      candles: toColumns(candles),
      priceTick: '0.01',
      amountStep: '0.00001',
    },
  ],
  startIndex: START_BARS,
  accounts: [ACCOUNT],
});
await simulator.start();
const config = path.join(dir, 'config.toml');
writeFileSync(
  config,
  `mode = "live"
timeframe = "1h"
modelDir = ${JSON.stringify(path.join(root, 'models/sp500-daily'))}
[device]
name = "rounds"
stateDir = ${JSON.stringify(stateDir)}
runDir = ${JSON.stringify(runDir)}
[[exchange]]
id = "binance"
symbols = ["${SYMBOL}"]
restUrl = "${simulator.restUrl}"
wsUrl = "${simulator.wsUrl}"
simulatedTime = true
sandbox = true
[signals]
confidenceThreshold = 0.0
[risk]
kellyFraction = 1.0
[execution]
ordersPerMinuteMax = 100000
[log]
level = "error"
`,
);
const permit = new PermitFile(path.join(runDir, 'guard', 'permit'));
const renew = () => permit.renew('ACTIVE', 1, Number(process.hrtime.bigint()) / 1e6 + 500);
renew();
const renewing = setInterval(renew, 100);

async function until(condition, what, msMax = 60_000) {
  const endMs = performance.now() + msMax;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited ${msMax} ms for ${what}`);
    await sleep(10);
  }
}

function startTrader() {
  const env = {
    ...process.env,
    REDBUTTON_BINANCE_API_KEY: ACCOUNT.apiKey,
    REDBUTTON_BINANCE_API_SECRET: ACCOUNT.secret,
  };
  const child = spawn(process.execPath, [compiled.file('src/main.ts'), 'run', '--config', config], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  child.ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
  child.ended.then(() => {
    child.gone = true;
  });
  return child;
}

/** Up, subscribed, and through with its first comparison (the second request for balances). */
async function ready(child) {
  let compared = 0;
  simulator.interceptor = ({ path: asked }) => {
    if (asked === '/api/v3/account') compared++;
    return undefined;
  };
  await until(() => child.gone || (simulator.subscribers(SYMBOL) > 0 && compared > 0), 'the trader');
  if (child.gone) throw new Error(`the trader ended by itself: ${await child.ended}`);
  await sleep(100);
}

const kinds = { 'before the order': 0, 'as it was taken': 0, 'at random': 0 };
let missed = 0;
const flaws = [];
try {
  for (let round = 1; round <= rounds; ) {
    const child = startTrader();
    await ready(child);
    const kind = Object.keys(kinds)[Math.floor(rng.next() * 3)];
    let killed = false;
    const kill = () => {
      killed = true;
      child.kill('SIGKILL');
    };
    simulator.interceptor = ({ method, path: asked }) => {
      if (killed || method !== 'POST' || asked !== '/api/v3/order' || kind === 'at random') return undefined;
      kill();
      kinds[kind]++;
      return { kind: kind === 'before the order' ? 'drop' : 'drop_answer' };
    };
    if (kind === 'at random') {
      simulator.step();
      await sleep(rng.next() * 120);
      kinds[kind]++;
    }
    // A bar without a signal brings no order: one of the next may.
    for (let bar = 0; bar < BARS_A_ROUND && !killed && kind !== 'at random'; bar++) {
      simulator.step();
      await until(() => killed, 'an order', 1500).catch(() => undefined);
    }
    // A round that met no order is none: it is made up for.
    const met = killed || kind === 'at random';
    if (!killed) kill();
    await child.ended;
    await until(() => simulator.subscribers(SYMBOL) === 0, 'the end of the subscription');
    if (process.stdout.isTTY) process.stdout.write(`\r${round} of ${rounds} rounds `);
    if (met) round++;
    else if (++missed > rounds) throw new Error(`${missed} rounds met no order`);
  }
  const child = startTrader();
  await ready(child);
  await sleep(9000);
  child.kill('SIGTERM');
  await child.ended;

  const store = await openStore({
    path: path.join(stateDir, 'redbutton-testnet.duckdb'),
    onDamaged: 'refuse',
  });
  const { orders, trades } = simulator.ledger().accounts[0];
  const stored = (await store.fills()).map((f) =>
    [f.fillId, f.side, f.price, f.amount, f.fee, f.feeCurrency].join(' '),
  );
  const plain = (figure) => decimal(figure).toFixed();
  const real = trades.map((t) =>
    [t.tradeId, t.side, plain(t.price), plain(t.amount), plain(t.fee), t.feeAsset].join(' '),
  );
  for (const fill of real) if (!stored.includes(fill)) flaws.push(`lost fill: ${fill}`);
  for (const fill of stored) if (!real.includes(fill)) flaws.push(`invented fill: ${fill}`);
  const ids = orders.map((order) => order.clientOrderId);
  if (new Set(ids).size !== ids.length) flaws.push('an order was placed twice');
  const last = new Map((await store.orderEvents()).map((event) => [event.order.clientOrderId, event]));
  for (const id of ids)
    if (!last.has(id)) flaws.push(`${id} is at the exchange, and the store has no word of it`);
  for (const [id, { status }] of last) if (!isFinal(status)) flaws.push(`${id} ended as ${status}`);
  await store.close();
  const killedAt = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  console.log(
    `${rounds} rounds killed (${killedAt.join(', ')}; ${missed} more met no order): ${last.size} intents, ${ids.length} orders taken, ${trades.length} trades`,
  );
  for (const flaw of flaws) console.log(`  ${flaw}`);
  console.log(flaws.length === 0 ? 'store and ledger are equal' : `${flaws.length} flaws`);
  process.exitCode = flaws.length === 0 && ids.length > 0 ? 0 : 1;
} finally {
  clearInterval(renewing);
  permit.close();
  await simulator.stop();
  compiled.remove();
  rmSync(dir, { recursive: true, force: true });
}
