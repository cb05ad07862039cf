// Benchmarks ingestion and storage. Each case runs in a process of its own.
// Usage: node scripts/bench-store.mjs [--json] [--quick] [--case NAME | --only NAME,NAME] [--timeframe 1h]
// Needs `npm run build`. Exit 1 when a target is missed.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readOptions } from './usage.mjs';

const HERE = fileURLToPath(import.meta.url);
const at = (place) => fileURLToPath(new URL(place, import.meta.url));
const dist = (place) => import(pathToFileURL(at(`../dist/${place}`)).href);
const START_MS = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MODEL = at('../models/sp500-daily');
const SYMBOLS = Array.from({ length: 20 }, (_, i) => `S${String.fromCharCode(65 + i)}/USDT`);

/** A seeded random walk of closed bars. */
function walk(bars, seed, barMs) {
  let state = seed;
  const uniform = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const columns = { length: bars };
  for (const name of ['openMs', 'open', 'high', 'low', 'close', 'volume'])
    columns[name] = new Float64Array(bars);
  let close = 100;
  for (let i = 0; i < bars; i++) {
    const open = close;
    close = Math.max(1, Math.round(close * (1 + (uniform() - 0.5) * 0.004) * 100) / 100);
    columns.openMs[i] = START_MS + i * barMs;
    columns.open[i] = open;
    columns.high[i] = Math.max(open, close);
    columns.low[i] = Math.min(open, close);
    columns.close[i] = close;
    columns.volume[i] = Math.round((1 + uniform()) * 1e4) / 1e4;
  }
  return columns;
}

const writtenBytes = () => Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))[1]);

function scratch() {
  const dir = mkdtempSync(path.join(process.env.REDBUTTON_BENCH_DIR ?? tmpdir(), 'redbutton-bench-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** One day of 10 symbols of 1 minute through the pipeline into the store, bar by bar as a live box does it. */
async function day({ quick }) {
  const { openStore } = await dist('adapters/duckdb/index.js');
  const { Pipeline } = await dist('pipeline/pipeline.js');
  const { createStreamSetup } = await dist('pipeline/stream-setup.js');
  const { createFeatureKernel } = await dist('adapters/native/features.js');
  const { loadClassifier } = await dist('adapters/onnx/classifier.js');
  const { createInferenceLayer } = await dist('pipeline/inference/index.js');
  const { createPaperBroker } = await dist('execution/paper-broker.js');
  const { createOrderIds } = await dist('execution/order-id.js');
  const { defaultConfig } = await dist('research/studies/study-config.js');
  const { candleAt } = await dist('core/candle.js');
  const { dir, remove } = scratch();
  const bars = quick ? 200 : 1440;
  const names = SYMBOLS.slice(0, 10);
  let nowMs = START_MS;
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
  const classifier = await loadClassifier(MODEL);
  const config = defaultConfig({ signals: { confidenceThreshold: 0.3, minSignalIntervalBars: 1 } });
  const rulesOf = (symbol) => ({
    symbol,
    kind: 'spot',
    priceTick: '0.01',
    amountStep: '0.00001',
    amountMin: '0.00001',
    notionalMin: '5',
    takerFeeRate: '0.001',
  });
  const keys = names.map((symbol) => ({ exchange: 'binance', symbol, timeframe: '1m' }));
  const kernel = createFeatureKernel();
  const inference = createInferenceLayer({ classifier });
  const streams = keys.map((key) =>
    createStreamSetup({
      key,
      calendar: '24x7',
      marketRules: rulesOf(key.symbol),
      ingestion: config.ingestion,
      kernel,
      inference,
      clock,
    }),
  );
  const store = await openStore({
    path: path.join(dir, 'redbutton.duckdb'),
    journal: path.join(dir, 'redbutton.journal'),
  });
  const broker = createPaperBroker({
    exchange: 'binance',
    clock,
    rulesOf,
    startBalances: { USDT: '100000' },
  });
  const pipeline = new Pipeline({
    config,
    streams,
    model: classifier.manifest,
    clock,
    store,
    brokers: [broker],
    permit: {
      read: () => ({ ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: Number.MAX_SAFE_INTEGER }),
    },
    ids: createOrderIds('bench', clock, { next: Math.random }),
    startCash: '100000',
    tradingState: () => 'ACTIVE',
    quoteFor: (_, candle) => ({
      bid: candle.close,
      ask: candle.close + 0.01,
      atMs: nowMs,
      source: 'book',
    }),
    healthEachBar: true,
  });
  await pipeline.start();
  const series = keys.map((_, i) => walk(bars, 7 + i, MINUTE_MS));
  const before = writtenBytes();
  const started = performance.now();
  let decided = 0;
  let orders = 0;
  for (let i = 0; i < bars; i++) {
    nowMs = START_MS + (i + 1) * MINUTE_MS + 250;
    const outcomes = await Promise.all(keys.map((key, k) => pipeline.onCandle(key, candleAt(series[k], i))));
    for (const outcome of outcomes) if (outcome.kind === 'decided') decided += 1;
    // As the service does it between bars.
    if (i % 60 === 59) await store.checkpointIfDue?.();
  }
  const seconds = (performance.now() - started) / 1000;
  orders = (await store.orderEvents()).length;
  await store.close();
  const bytes = writtenBytes() - before;
  await classifier.close();
  remove();
  const scale = 1440 / bars;
  return [
    {
      measure: `written to disk for one day of 10 symbols of 1m, ${decided} decisions and ${orders} order events stored${quick ? ', scaled up from a part' : ''}`,
      unit: 'MB',
      ours: (bytes * scale) / 1e6,
      limit: 100,
      pass: (bytes * scale) / 1e6 <= 100,
    },
    { measure: 'bars of that day stored a second', unit: 'bars/s', ours: (bars * keys.length) / seconds },
  ];
}

/** From the close of a bar to its order: what must be on the disk first, by journal and by the database alone. */
async function latency({ quick }) {
  const { openStore } = await dist('adapters/duckdb/index.js');
  const rounds = quick ? 50 : 300;
  const p = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)];
  async function measure(withJournal) {
    const { dir, remove } = scratch();
    const store = await openStore({
      path: path.join(dir, 'redbutton.duckdb'),
      ...(withJournal && { journal: path.join(dir, 'redbutton.journal') }),
    });
    const took = [];
    for (let i = -5; i < rounds; i++) {
      const started = performance.now();
      // Side by side, as the pipeline does it: no order leaves before both are there.
      await Promise.all([store.commitBar(orderBar(i)), store.recordOrder(intent(i))]);
      if (i >= 0) took.push(performance.now() - started);
      // The disk rests between bars.
      await sleep(15);
    }
    await store.close();
    remove();
    return took;
  }
  const [journal, database] = [await measure(true), await measure(false)];
  return [0.5, 0.99].map((share) => ({
    measure: `bar and intent durable before the order leaves, ${share === 0.5 ? 'median' : '99 %'}, by the journal against the database alone`,
    unit: 'ms',
    ours: p(journal, share),
    peer: p(database, share),
  }));
}

function orderBar(i) {
  const openMs = START_MS + (i + 10) * MINUTE_MS;
  const x = Math.sin(i);
  const atMs = openMs + MINUTE_MS + 250;
  return {
    stream: { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1m' },
    candle: { openMs, open: 100 + x, high: 103 + x, low: 97 + x, close: 100.5 + x, volume: 10 + x },
    availableAtMs: atMs,
    decided: true,
    decidedAtMs: atMs + 3,
    prediction: {
      openMs,
      probabilityUp: 0.5 + x / 10,
      probabilityUpCalibrated: 0.5 + x / 11,
      modelHash: 'a'.repeat(64),
    },
    features: Float64Array.from({ length: 10 }, (_, k) => x * (k + 1.1)),
    signal: { kind: 'signal', direction: 'long', confidence: Math.abs(x / 5), probabilityWin: 0.5 + x / 11 },
    risk: {
      kind: 'order',
      side: 'buy',
      units: 1,
      targetUnits: 1,
      positionFraction: 0.1,
      kellyRaw: 0.1,
      inputs: {
        equity: 1e5 + x,
        peakEquity: 1e5 + 2,
        drawdown: 0.01,
        positionUnits: x,
        quote: { bid: 100 + x, ask: 100.1 + x, atMs, source: 'book' },
        state: 'ACTIVE',
        averageWin: 0.02,
        averageLoss: 0.015,
        annualVolatility: 0.5 + x / 10,
      },
    },
    account: {
      atMs,
      equity: 1e5 + x,
      cash: 1e5 - x,
      peakEquity: 1e5 + 2,
      drawdown: 0.01,
      breakerTripped: false,
    },
  };
}

const intent = (i) => ({
  order: {
    clientOrderId: `rb-bench-${i}`,
    exchange: 'binance',
    symbol: 'BTC/USDT',
    side: 'buy',
    type: 'market',
    amount: '1',
    barOpenMs: START_MS,
    decisionPrice: 100.5,
    reducing: false,
  },
  status: 'intended',
  exchangeOrderId: null,
  filled: '0',
  averagePrice: null,
  message: null,
  atMs: START_MS,
});

/** A million candles from a CSV file: read, checked, stored. Best of three: the machine may be busy. */
async function csv({ quick }) {
  const { openStore } = await dist('adapters/duckdb/index.js');
  const { readCandlesCsv } = await dist('research/candles/candle-file.js');
  const { takeHistory } = await dist('pipeline/ingestion/index.js');
  const { dir, remove } = scratch();
  const rows = 1_000_000;
  const columns = walk(rows, 11, MINUTE_MS);
  const lines = ['timestamp_ms,open,high,low,close,volume'];
  for (let i = 0; i < rows; i++)
    lines.push(
      [
        columns.openMs[i],
        columns.open[i],
        columns.high[i],
        columns.low[i],
        columns.close[i],
        columns.volume[i],
      ].join(','),
    );
  const file = path.join(dir, 'candles.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  lines.length = 0;
  const stream = { exchange: 'file', symbol: 'A/B', timeframe: '1m' };
  const rates = [];
  for (let run = 0; run < (quick ? 1 : 3); run++) {
    const store = await openStore({ path: path.join(dir, `load-${run}.duckdb`) });
    const started = performance.now();
    const source = await readCandlesCsv(file);
    const result = await takeHistory(store, stream, source.columns, {
      rules: 'strict',
      nowMs: START_MS + rows * MINUTE_MS * 2,
    });
    const seconds = (performance.now() - started) / 1000;
    if (result.added !== rows) throw new Error(`${result.added} of ${rows} rows were added`);
    rates.push(rows / seconds);
    await store.close();
  }
  remove();
  const ours = Math.max(...rates);
  return [
    {
      measure: 'loading 1 M candles from CSV: read, checked, stored',
      unit: 'rows/s',
      ours,
      least: 300_000,
      pass: ours >= 300_000,
    },
  ];
}

/** The service itself with 20 symbols for 30 simulated days against the exchange simulator over real sockets. */
async function month({ quick, timeframe }) {
  const { ExchangeSimulator } = await dist('simulator/index.js');
  const { PermitFile } = await dist('guard/permit-file.js');
  const { callControl } = await dist('adapters/control-socket/control-client.js');
  const { timeframeMs } = await dist('core/timeframe.js');
  const barMs = timeframeMs(timeframe);
  const days = quick ? 4 : 30;
  const perDay = DAY_MS / barMs;
  const startIndex = 100;
  const { dir, remove } = scratch();
  const stateDir = path.join(dir, 'state');
  const runDir = path.join(dir, 'run');
  mkdirSync(stateDir, { recursive: true });
  mkdirSync(path.join(runDir, 'guard'), { recursive: true });
  // Two exchanges on one time line; where this version trades on one only, it has all the symbols.
  const shares = [SYMBOLS.slice(0, 10), SYMBOLS.slice(10)];
  const simulators = shares.map(
    (symbols, exchange) =>
      new ExchangeSimulator({
        markets: symbols.map((symbol, i) => ({
          symbol,
          timeframe,
          candles: walk(startIndex + days * perDay, 100 * exchange + i + 3, barMs),
          priceTick: '0.01',
          amountStep: '0.00001',
        })),
        startIndex,
      }),
  );
  for (const simulator of simulators) await simulator.start();
  const exchanges = simulators.map(
    (simulator, i) => `[[exchange]]
id = "${['binance', 'binanceus'][i]}"
symbols = ${JSON.stringify(shares[i])}
restUrl = "${simulator.restUrl}"
wsUrl = "${simulator.wsUrl}"
simulatedTime = true
`,
  );
  const config = path.join(dir, 'config.toml');
  writeFileSync(
    config,
    `mode = "paper"
timeframe = "${timeframe}"
modelDir = ${JSON.stringify(MODEL)}
[device]
name = "bench"
stateDir = ${JSON.stringify(stateDir)}
runDir = ${JSON.stringify(runDir)}
${exchanges.join('')}
[signals]
confidenceThreshold = 0.2
[execution]
ordersPerMinuteMax = 100000
[log]
level = "warn"
`,
  );
  const permit = new PermitFile(path.join(runDir, 'guard', 'permit'));
  const renew = () => permit.renew('ACTIVE', 1, Number(process.hrtime.bigint()) / 1e6 + 2000);
  renew();
  const renewing = setInterval(renew, 100);
  const child = spawn(process.execPath, [at('../dist/main.js'), 'run', '--config', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let ended = null;
  child.on('close', (code, signal) => {
    ended = signal ?? code;
  });
  const socket = path.join(runDir, 'trader.sock');
  const status = () => callControl(socket, 'the trader', 'GET', '/status').then(({ body }) => body);
  const rss = () =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
  async function until(condition, what) {
    const endMs = performance.now() + 60_000;
    for (;;) {
      if (ended !== null) throw new Error(`the trader ended: ${ended}`);
      if (await condition()) return;
      if (performance.now() > endMs) throw new Error(`waited a minute for ${what}`);
      await sleep(4);
    }
  }
  const samples = [];
  let bars = 0;
  try {
    await until(
      () => simulators.every((s, i) => shares[i].every((symbol) => s.subscribers(symbol) > 0)),
      'the trader',
    );
    const started = performance.now();
    for (let step = 1; step <= days * perDay; step++) {
      for (const simulator of simulators) await simulator.step();
      const closeMs = START_MS + (startIndex + step) * barMs;
      await until(
        async () => {
          const { layers } = await status();
          return layers
            .filter(({ layer }) => layer.startsWith('ingestion '))
            .every(({ lastSuccessMs }) => lastSuccessMs >= closeMs);
        },
        `the bars of ${new Date(closeMs).toISOString()}`,
      );
      bars += SYMBOLS.length;
      if (step % (perDay / 4) === 0) samples.push(rss());
    }
    const seconds = (performance.now() - started) / 1000;
    let stored;
    // The status runs ahead of the last commit: each bar must be there in the end.
    await until(async () => {
      const { body } = await callControl(socket, 'the trader', 'POST', '/query', {
        sql: 'SELECT count(*)::INTEGER, (SELECT count(*)::INTEGER FROM fills) FROM decisions',
        rowsMax: 1,
      });
      stored = body.rows[0];
      return stored[0] === bars;
    }, `the ${bars} decisions`);
    const half = samples.slice(samples.length >> 1);
    const { slope, error } = trend(half);
    const whole = `${SYMBOLS.length} symbols of ${timeframe} on 2 exchanges, ${days} simulated days (${stored[0]} decisions, ${stored[1]} fills)`;
    const highest = Math.max(...samples);
    return [
      {
        measure: `resident memory of the trader, ${whole}`,
        unit: 'MB',
        ours: highest,
        limit: 350,
        pass: highest <= 350,
      },
      {
        measure: `growth of it over the last half, a simulated day; two standard errors are ${(8 * error).toFixed(3)}`,
        unit: 'MB',
        ours: slope * 4,
        pass: slope <= 2 * error || slope * 4 * 365 < 20,
      },
      { measure: 'bars from socket to store', unit: 'bars/s', ours: bars / seconds },
    ];
  } finally {
    clearInterval(renewing);
    child.kill('SIGTERM');
    while (ended === null) await sleep(20);
    permit.close();
    for (const simulator of simulators) await simulator.stop();
    remove();
  }
}

/** Least squares of values at 0, 1, 2, …: the slope and its standard error. */
function trend(values) {
  const n = values.length;
  const meanX = (n - 1) / 2;
  const meanY = values.reduce((a, b) => a + b, 0) / n;
  let sxx = 0;
  let sxy = 0;
  values.forEach((y, x) => {
    sxx += (x - meanX) ** 2;
    sxy += (x - meanX) * (y - meanY);
  });
  const slope = sxy / sxx;
  const rest = values.reduce((sum, y, x) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / Math.max(1, n - 2) / sxx) };
}

const CASES = { day, latency, csv, month };
const { values } = readOptions(import.meta.url, {
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    case: { type: 'string' },
    only: { type: 'string' },
    // A checkpoint of the database comes about once a week: of 1h bars none would come in the whole month.
    timeframe: { type: 'string', default: '15m' },
  },
});
if (values.case !== undefined) {
  console.log(JSON.stringify(await CASES[values.case](values)));
  process.exit(0);
}
const results = [];
for (const name of values.only?.split(',') ?? Object.keys(CASES)) {
  const args = [HERE, '--case', name, '--timeframe', values.timeframe, ...(values.quick ? ['--quick'] : [])];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    results.push(...JSON.parse(child.stdout.trim().split('\n').at(-1)));
  } catch {
    results.push({ measure: `${name} ended with ${child.status ?? child.signal}`, pass: false });
  }
}
if (values.json) console.log(JSON.stringify({ results }));
else
  for (const { measure, unit, ours, peer, limit, least, pass } of results) {
    const beside = [
      peer === undefined ? '' : `, against ${peer.toPrecision(3)}`,
      limit === undefined ? '' : `, at most ${limit}`,
      least === undefined ? '' : `, at least ${least.toLocaleString('en-US')}`,
    ].join('');
    const shown =
      ours === undefined ? '' : ours >= 1000 ? Math.round(ours).toLocaleString('en-US') : ours.toPrecision(3);
    console.log(`${measure}: ${shown} ${unit ?? ''}${beside}${pass === false ? ' MISSED' : ''}`);
  }
if (results.some(({ pass }) => pass === false)) process.exitCode = 1;
