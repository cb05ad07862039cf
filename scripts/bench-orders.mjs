// Benchmarks the way of an order. The trader in mode live, put together as the service does it, against the exchange
// simulator in another process; ten symbols close a bar at once. Measured from the message of the symbol's closed bar to the
// moment at which each order is handed to ccxt, and to that at which its request is written out, durable bar and durable
// intent included; beside it, in the same run, the bare sync of the same disk.
// Usage: node scripts/bench-orders.mjs [--json] [--quick]
// Needs `npm run build`. Exit 1 when a limit is missed.
import { fork } from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOptions } from './usage.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = (file) => import(new URL(`../dist/${file}`, import.meta.url).href);
/** p99 from the bar to the wire, and the gate by itself. */
const ORDER_MS_MAX = 15;
const GATE_US_MAX = 50;
const GATE_BATCHES = 20;
const SYMBOLS = ['BTC', 'ETH', 'SOL', 'ADA', 'XRP', 'DOT', 'LTC', 'BCH', 'UNI', 'TRX'].map(
  (c) => `${c}/USDT`,
);
const KEY = { apiKey: 'key', secret: 'secret' };
const START_BARS = 150;
const BAR_MS = 3_600_000;
const WARM_UP_STEPS = 5;

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

/** Each symbol has a swing of its own, so that the box goes in and out, and rises, so that trades win and it continues. */
function swing(symbol, count) {
  const price = (i) => {
    const swung = 1000 + 40 * Math.sin(i * 0.9 + symbol * 2) + 15 * Math.sin(i / (5 + symbol));
    return Math.round(swung * 1.01 ** Math.max(0, i - START_BARS) * 100) / 100;
  };
  return Array.from({ length: count }, (_, i) => {
    const [opened, close] = [price(i), price(i + 1)];
    const [high, low] = [Math.max(opened, close) + 1, Math.min(opened, close) - 1];
    return {
      openMs: Date.UTC(2024, 0, 1) + i * BAR_MS,
      open: opened,
      high,
      low,
      close,
      volume: 10 + (i % 13),
    };
  });
}

/** The other process: exchange and guard. Steps when told to; renews the permit beside that. */
async function exchange(permitFile, steps) {
  const [{ ExchangeSimulator }, { PermitFile }, { toColumns }] = await Promise.all(
    ['simulator/index.js', 'guard/permit-file.js', 'core/candle.js'].map(dist),
  );
  const simulator = new ExchangeSimulator({
    markets: SYMBOLS.map((symbol, i) => ({
      symbol,
      timeframe: '1h',
      candles: toColumns(swing(i, START_BARS + steps + 5)),
      priceTick: '0.01',
      amountStep: '0.0001',
    })),
    startIndex: START_BARS,
    accounts: [{ ...KEY, balances: { USDT: '100000' } }],
  });
  await simulator.start();
  const permit = new PermitFile(permitFile);
  const renew = () => permit.renew('ACTIVE', 1, nowMs() + 500);
  renew();
  setInterval(renew, 100);
  process.on('message', (message) => {
    if (message === 'step') void simulator.step();
    else if (message === 'ready?')
      process.send({ ready: SYMBOLS.every((symbol) => simulator.subscribers(symbol) > 0) });
  });
  process.on('disconnect', () => process.exit());
  process.send({ restUrl: simulator.restUrl, wsUrl: simulator.wsUrl });
}

/** The symbol that a request of an order names. */
const symbolIn = ({ body }) => `${/symbol=([A-Z]+)USDT/.exec(String(body))[1]}/USDT`;

/** When each sync of the journal began and ended. */
async function watchSyncs(dir) {
  const syncs = [];
  const handle = await open(path.join(dir, 'any'), 'w');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { datasync } = prototype;
  prototype.datasync = async function () {
    const fromMs = nowMs();
    await datasync.call(this);
    syncs.push([fromMs, nowMs()]);
  };
  return syncs;
}

/** Time inside [fromMs, toMs] that any of the spans covers. */
function covered(spans, fromMs, toMs) {
  let sum = 0;
  let lastMs = fromMs;
  for (const [a, b] of [...spans].sort((x, y) => x[0] - y[0])) {
    const [start, end] = [Math.max(a, lastMs), Math.min(b, toMs)];
    if (end > start) {
      sum += end - start;
      lastMs = end;
    }
  }
  return sum;
}

/** A frame of the journal's size, written behind the last and synced, again and again: what the disk itself takes. */
function bareSyncs(dir, count) {
  const file = openSync(path.join(dir, 'bare'), 'w');
  const frame = Buffer.alloc(700, 1);
  const took = [];
  for (let i = 0; i < count; i++) {
    const fromMs = nowMs();
    writeSync(file, frame);
    fdatasyncSync(file);
    took.push(nowMs() - fromMs);
  }
  closeSync(file);
  return took;
}

async function orders(steps) {
  const dir = mkdtempSync(path.join(process.env.REDBUTTON_BENCH_DIR ?? tmpdir(), 'redbutton-bench-'));
  const [stateDir, runDir] = [path.join(dir, 'state'), path.join(dir, 'run')];
  for (const each of [stateDir, path.join(runDir, 'guard')]) mkdirSync(each, { recursive: true });
  const permitFile = path.join(runDir, 'guard', 'permit');
  const child = fork(fileURLToPath(import.meta.url), [
    '--exchange',
    permitFile,
    String(2 * (steps + WARM_UP_STEPS)),
  ]);
  const ending = new AbortController();
  // On a box the exchange is elsewhere: here it must not take the processor from the trader.
  setPriority(child.pid, 10);
  try {
    const [{ restUrl, wsUrl }] = await once(child, 'message');
    const [{ createTrader }, { configSchema }, { createFollowingClock }, { createLog }] = await Promise.all(
      ['trader/trader.js', 'config/schema.js', 'simulator/index.js', 'adapters/log/log.js'].map(dist),
    );
    const syncs = await watchSyncs(dir);
    const clock = await createFollowingClock(restUrl);
    const handed = [];
    const { default: ccxt } = await import('ccxt');
    const { createOrder } = ccxt.pro.binance.prototype;
    ccxt.pro.binance.prototype.createOrder = function (...order) {
      handed.push([order[0], nowMs()]);
      return createOrder.apply(this, order);
    };
    const left = [];
    const asked = new Map();
    const questions = [];
    diagnostics.subscribe('undici:request:create', ({ request }) => {
      if (request.method === 'POST' && request.path.startsWith('/api/v3/order'))
        left.push([symbolIn(request), nowMs()]);
      else if (/^\/api\/v3\/(depth|ticker\/bookTicker)/.test(request.path)) asked.set(request, nowMs());
    });
    diagnostics.subscribe('undici:request:trailers', ({ request }) => {
      if (asked.has(request)) questions.push([asked.get(request), nowMs()]);
    });
    /** When each symbol's bar came, by symbol. */
    const came = new Map();
    let decided = 0;
    const trader = await createTrader({
      config: configSchema.parse({
        mode: 'live',
        timeframe: '1h',
        modelDir: path.join(root, 'models/sp500-daily'),
        device: { name: 'bench', stateDir, runDir },
        exchange: [{ id: 'binance', symbols: SYMBOLS, restUrl, wsUrl, simulatedTime: true, sandbox: true }],
        signals: { confidenceThreshold: 0, minSignalIntervalBars: 0, maxHoldingBars: 1 },
        risk: { kellyFraction: 1, maxPositionFraction: 0.08, correlationMax: 1, drawdownHaltFraction: 0.9 },
        execution: { ordersPerMinuteMax: 100_000, quoteAgeMsMax: 3_600_000, priceCollarFraction: 0.5 },
        log: { level: 'error' },
      }),
      env: { REDBUTTON_BINANCE_API_KEY: KEY.apiKey, REDBUTTON_BINANCE_API_SECRET: KEY.secret },
      clock,
      rng: { next: Math.random },
      log: createLog('error'),
      version: 'bench',
      onArrival(closeMs, { symbol }) {
        came.set(symbol, nowMs());
        clock.atLeast(closeMs);
      },
      onBar(outcome) {
        if (outcome.kind === 'decided') decided++;
      },
    });
    await trader.start();
    const running = trader.run(ending.signal);
    const until = async (isSo, what) => {
      for (const endMs = nowMs() + 60_000; !(await isSo()); await sleep(5))
        if (nowMs() > endMs) throw new Error(`waited a minute for ${what}`);
    };
    await until(async () => {
      child.send('ready?');
      return (await once(child, 'message'))[0].ready;
    }, 'the subscriptions');
    await sleep(1500);
    const took = { handed: [], order: [], sync: [], question: [], rest: [] };
    const bare = [];
    for (let step = 0; step < steps + WARM_UP_STEPS; step++) {
      decided = 0;
      came.clear();
      for (const list of [handed, left, syncs, questions]) list.length = 0;
      child.send('step');
      await until(() => decided === SYMBOLS.length, `the decisions of step ${step}`);
      if (step >= WARM_UP_STEPS) {
        for (const [symbol, leftMs] of left) took.order.push(leftMs - came.get(symbol));
        for (const [symbol, handedMs] of handed) {
          const cameMs = came.get(symbol);
          took.handed.push(handedMs - cameMs);
          took.sync.push(covered(syncs, cameMs, handedMs));
          took.question.push(covered(questions, cameMs, handedMs));
          took.rest.push(handedMs - cameMs - covered([...syncs, ...questions], cameMs, handedMs));
        }
        bare.push(...bareSyncs(dir, 5));
      }
      await sleep(400);
    }
    ending.abort();
    await running;
    await trader.stop();
    clock.stop();
    const step = () => child.send('step');
    const count = steps + WARM_UP_STEPS;
    const { bareClient } = await import('./bench-bare-client.mjs');
    const least = await bareClient({ restUrl, wsUrl, symbols: SYMBOLS, dir, count, step });
    return { took, bare, least: least.slice(WARM_UP_STEPS) };
  } finally {
    ending.abort();
    const gone = once(child, 'exit');
    child.disconnect();
    await gone;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The gate by itself on a real permit file, up to the broker: microseconds of each passage. */
async function gate(count) {
  const [{ OrderGate }, { createBrokers }, { PermitFile }, { createPermitReader }, { createSystemClock }] =
    await Promise.all(
      [
        'execution/order-gate.js',
        'execution/brokers.js',
        'guard/permit-file.js',
        'adapters/permit-file/permit-reader.js',
        'adapters/clock/system-clock.js',
      ].map(dist),
    );
  const dir = mkdtempSync('/dev/shm/redbutton-gate-');
  try {
    const permitFile = path.join(dir, 'permit');
    const permit = new PermitFile(permitFile);
    const clock = createSystemClock();
    // Passages are six seconds apart by the wall: the gate counts the orders of a minute, and a box sends no thousands in one.
    let wallMs = clock.wallMs();
    const paced = { ...clock, monotonicMs: () => clock.monotonicMs(), wallMs: () => wallMs };
    let reachedNs = 0n;
    const broker = {
      exchange: 'bench',
      kind: 'live',
      async create() {
        reachedNs = process.hrtime.bigint();
        return { kind: 'ambiguous', message: 'the bench ends here' };
      },
    };
    const made = new OrderGate(
      {
        brokers: createBrokers([broker]),
        permit: createPermitReader(permitFile, clock),
        tradingState: () => 'ACTIVE',
        clock: paced,
        unitsHeld: () => '0.5',
        equity: () => 100_000,
        isBlocked: () => false,
        stopAmount: () => '0',
      },
      { notionalMaxFraction: 0.25, priceCollarFraction: 0.05, ordersPerMinuteMax: 20, quoteAgeMsMax: 5000 },
    );
    const rules = {
      symbol: 'BTC/USDT',
      kind: 'spot',
      priceTick: '0.01',
      amountStep: '0.00001',
      amountMin: '0.00001',
      notionalMin: '5',
      takerFeeRate: '0.001',
    };
    const took = [];
    for (let i = 0; i < count; i++) {
      if (i % 100 === 0) permit.renew('ACTIVE', 1, nowMs() + 500);
      const order = {
        clientOrderId: `bench-${i}`,
        exchange: 'bench',
        symbol: 'BTC/USDT',
        side: i % 2 === 0 ? 'buy' : 'sell',
        type: 'market',
        amount: '0.25',
        barOpenMs: 0,
        decisionPrice: 40_000,
        reducing: false,
      };
      wallMs += 6000;
      const quote = { bid: 39_999, ask: 40_001, atMs: wallMs, source: 'book' };
      const fromNs = process.hrtime.bigint();
      const answer = await made.submit(order, { quote, lastClose: 40_000, rules });
      if (answer.kind !== 'submitted') throw new Error(`the gate refused: ${answer.reason} ${answer.detail}`);
      if (i >= count / 10) took.push(Number(reachedNs - fromNs) / 1000);
    }
    permit.close();
    return took;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** All rows of the table. */
async function benchOrders({ steps = 60, passages = 20_000 } = {}) {
  const { took, bare, least } = await orders(steps);
  const gateUs = await gate(passages);
  // Another process may take the processor away in the middle of a passage, which says nothing of the gate.
  const size = Math.ceil(gateUs.length / GATE_BATCHES);
  const batches = Array.from({ length: GATE_BATCHES }, (_, i) => {
    const batch = gateUs.slice(i * size, (i + 1) * size);
    return batch.reduce((sum, us) => sum + us, 0) / batch.length;
  });
  const rows = (name, values, unit, more = {}) => [
    { measure: `${name}, p50`, unit, ours: quantile(values, 0.5) },
    { measure: `${name}, p99`, unit, ours: quantile(values, 0.99), ...more },
  ];
  const limited = (values, share, limit) => ({ limit, pass: quantile(values, share) <= limit });
  return {
    symbols: SYMBOLS.length,
    orders: took.handed.length,
    results: [
      ...rows(
        `bar closed → order handed to ccxt, ${SYMBOLS.length} symbols at once, ${took.handed.length} orders`,
        took.handed,
        'ms',
        { peer: quantile(least, 0.99), ...limited(took.handed, 0.99, ORDER_MS_MAX) },
      ),
      ...rows('of that, waiting for the disk', took.sync, 'ms', { peer: quantile(bare, 0.99) }),
      ...rows('of that, waiting for the order books', took.question, 'ms'),
      ...rows('of that, waiting for neither', took.rest, 'ms'),
      ...rows('a bare sync of the same disk', bare, 'ms'),
      ...rows('bar closed → order written out', took.order, 'ms'),
      ...rows('a bare client: bar → order books asked for, one sync', least, 'ms'),
      {
        measure: `the order gate, mean of the best of ${batches.length} batches`,
        unit: 'µs',
        ours: Math.min(...batches),
        limit: GATE_US_MAX,
        pass: Math.min(...batches) <= GATE_US_MAX,
      },
      ...rows('the order gate', gateUs, 'µs'),
    ],
  };
}

if (process.argv[2] === '--exchange') {
  await exchange(process.argv[3], Number(process.argv[4]));
} else {
  const { values } = readOptions(import.meta.url, {
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
  });
  const bench = await benchOrders(values.quick ? { steps: 15, passages: 5_000 } : {});
  if (values.json) console.log(JSON.stringify(bench));
  else for (const r of bench.results) console.log(r);
  if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
  process.exit();
}
