// Benchmarks the native features against their peers, each ratio within one run.
// Usage: node scripts/bench-features.mjs [--json] [--rows N] [--runs N] [--memory]
//   --memory   the memory that a year takes, and nothing else
// Needs `npm run build`. Exit 1 when a target is missed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { isRun, readOptions } from './usage.mjs';

const values = isRun(import.meta.url)
  ? readOptions(import.meta.url, {
      options: {
        json: { type: 'boolean' },
        memory: { type: 'boolean' },
        rows: { type: 'string', default: '1000000' },
        runs: { type: 'string', default: '7' },
      },
    }).values
  : undefined;
const peers = await import('./bench-features-peers.mjs');
const HERE = fileURLToPath(import.meta.url);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const DIST = at('../dist/adapters/native/features.js');
const PANDAS = at('../../shared/baselines/pandas_features.py');
const PYTHON = '/usr/bin/python3';
// Years of hourly candles where the shared data are there, else the years of daily ones that the project carries.
const CANDLES = [
  at('../../shared/data/candles/binance-usdm_BTCUSDT_1h.csv.gz'),
  at('../test/vectors/features/daily_btcusdt.validated.csv'),
];
const MEMORY_MAX_MB = 16;
const STREAM_MAX_MICROS = 2;

/** Real candles, repeated until there are `rows`. */
function candles(rows) {
  const file = CANDLES.find((name) => existsSync(name));
  const bytes = readFileSync(file);
  const [head, ...lines] = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes)
    .toString()
    .trimEnd()
    .split('\n');
  const names = head.split(',');
  const of = (name) => {
    const cells = lines.map((line) => Number(line.split(',')[names.indexOf(name)]));
    return Float64Array.from({ length: rows }, (_, i) => cells[i % cells.length]);
  };
  const close = of('close');
  // Features read close and volume alone; the others only complete the type.
  const columns = {
    length: rows,
    openMs: close,
    open: close,
    high: close,
    low: close,
    close,
    volume: of('volume'),
  };
  return { file, columns };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

/** Garbage is collected before, so that nobody pays for what the one before left behind. */
function seconds(run) {
  collectGarbage();
  const from = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - from) / 1e9;
}

/** Medians of both, taken in turn so that a disturbance of the machine meets both; one round before to warm up. */
function serialize(runs, ours, peer) {
  const took = { ours: [], peer: [] };
  for (let i = 0; i <= runs; i++) {
    const a = seconds(ours);
    const b = seconds(peer);
    if (i === 0) continue;
    took.ours.push(a);
    took.peer.push(b);
  }
  return { ours: median(took.ours), peer: median(took.peer) };
}

function row(measure, unit, ours, peer, target) {
  const ratio = peer / ours;
  return { measure, unit, ours, peer, ratio, target, pass: ratio >= target };
}

/** Batches go into memory of the caller's, as a backtest does it; one row says what allocating it each time costs. */
function batchRows({ kernel, out, columns, runs }) {
  const millis = (took) => [took.ours * 1e3, took.peer * 1e3];
  const ours = () => kernel.batchInto(columns, out);
  const plain = { close: Array.from(columns.close), volume: Array.from(columns.volume) };
  const label = `batch of ${columns.length} rows`;
  const against = (name, own, peer, target) =>
    row(`${label}, against ${name}`, 'ms', ...millis(serialize(runs, own, () => peer(plain))), target);
  return [
    against('@ixjb94/indicators', ours, peers.ixjb94, 4),
    against('@ixjb94/indicators, result allocated each time', () => kernel.batch(columns), peers.ixjb94, 4),
    against('technicalindicators', ours, peers.technicalIndicators, 50),
  ];
}

/** pandas times itself (median of 7); ours is taken right before and after it. */
function pandasRow({ kernel, out, columns, runs, file }) {
  const measure = `batch of ${columns.length} rows, against pandas`;
  const ours = () => Array.from({ length: runs }, () => seconds(() => kernel.batchInto(columns, out)));
  const before = ours();
  const run = existsSync(PANDAS)
    ? spawnSync(PYTHON, [PANDAS, file, String(columns.length)], { encoding: 'utf8' })
    : { status: 1, stderr: `${PANDAS} is not there` };
  if (run.status !== 0) {
    const why = run.error?.message ?? run.stderr.trim().split('\n').at(-1);
    return { measure, skipped: `not measured: ${why} (Debian: apt install python3-pandas)` };
  }
  const own = median([...before, ...ours()]);
  return row(measure, 'ms', own * 1e3, JSON.parse(run.stdout).seconds * 1e3, 6);
}

function streamRows({ kernel, columns, runs }) {
  const count = Math.min(columns.length, 200_000);
  const list = Array.from({ length: count }, (_, i) => ({
    openMs: i,
    open: columns.close[i],
    high: columns.close[i],
    low: columns.close[i],
    close: columns.close[i],
    volume: columns.volume[i],
  }));
  const stream = kernel.stream();
  const out = new Float64Array(10);
  const took = serialize(
    runs,
    () => {
      for (const candle of list) stream.push(candle, out);
    },
    peers.tradingSignals(list),
  );
  const micros = (s) => (s / count) * 1e6;
  const own = micros(took.ours);
  return [
    row('one candle streamed, against trading-signals', 'µs', own, micros(took.peer), 1),
    row('one candle streamed, crossing included, against the limit', 'µs', own, STREAM_MAX_MICROS, 1),
    manyRow(kernel, list, runs),
  ];
}

/** 16 symbols in a call against 16 calls. */
function manyRow(kernel, list, runs) {
  const symbols = 16;
  const together = kernel.streams(symbols);
  const alone = Array.from({ length: symbols }, () => kernel.stream());
  const out = new Float64Array(10 * symbols);
  const valid = new Uint8Array(symbols);
  const calls = Array.from({ length: Math.floor(list.length / symbols) }, (_, i) =>
    list.slice(i * symbols, (i + 1) * symbols).map((candle, symbol) => ({ symbol, candle })),
  );
  const took = serialize(
    runs,
    () => {
      for (const call of calls) together.pushMany(call, out, valid);
    },
    () => {
      for (const call of calls) for (const { symbol, candle } of call) alone[symbol].push(candle, out);
    },
  );
  const micros = (s) => (s / (calls.length * symbols)) * 1e6;
  // For information: a stream a symbol is the alternative, not a peer.
  return row(
    `one of ${symbols} symbols in a call, against a call each`,
    'µs',
    micros(took.ours),
    micros(took.peer),
    0,
  );
}

/** In a fresh process, so that nothing else has raised the high-water mark before. */
function memoryRow(rows) {
  const run = spawnSync(process.execPath, [HERE, '--memory', '--rows', String(rows)], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`the memory measurement failed: ${run.stderr}`);
  const beyond = JSON.parse(run.stdout).beyondMb;
  const measure = `memory of a batch of ${rows} rows beyond input and output`;
  return { measure, unit: 'MB', ours: beyond, limit: MEMORY_MAX_MB, pass: beyond <= MEMORY_MAX_MB };
}

async function measureMemory(rows) {
  const { createFeatureKernel } = await import(DIST);
  const kernel = createFeatureKernel();
  const { columns } = candles(rows);
  kernel.batch({ ...columns, length: 100 });
  collectGarbage();
  // Linux: 5 sets the high-water mark back to what is resident now.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = highWaterKb();
  const out = kernel.batch(columns);
  const grownBytes = (highWaterKb() - before) * 1024;
  return { beyondMb: (grownBytes - out.values.byteLength - out.valid.byteLength) / 2 ** 20 };
}

function highWaterKb() {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
}

/** All rows of the features' table. */
export async function benchFeatures({ rows = 1_000_000, runs = 7 } = {}) {
  const { allocateRows, createFeatureKernel } = await import(DIST);
  const kernel = createFeatureKernel();
  const bench = { kernel, runs, out: allocateRows(rows), ...candles(rows) };
  const results = [...batchRows(bench), pandasRow(bench), ...streamRows(bench), memoryRow(rows)];
  return { path: kernel.path, rows, runs, results };
}

function print({ path, results }) {
  console.log(`features, ${path} path`);
  for (const r of results) {
    if (r.skipped) console.log(`  ${r.measure}: ${r.skipped}`);
    else if (r.limit !== undefined)
      console.log(
        `  ${r.measure}: ${r.ours.toFixed(2)} ${r.unit} (at most ${r.limit})${r.pass ? '' : '  MISSED'}`,
      );
    else
      console.log(
        `  ${r.measure}: ${r.ours.toFixed(3)} ${r.unit} to ${r.peer.toFixed(3)} ${r.unit}, ${r.ratio.toFixed(2)} × (at least ${r.target})${r.pass ? '' : '  MISSED'}`,
      );
  }
}

if (values !== undefined) {
  const rows = Number(values.rows);
  if (values.memory) console.log(JSON.stringify(await measureMemory(rows)));
  else {
    const table = await benchFeatures({ rows, runs: Number(values.runs) });
    if (values.json) console.log(JSON.stringify(table));
    else print(table);
    if (table.results.some((r) => r.pass === false)) process.exitCode = 1;
  }
}
