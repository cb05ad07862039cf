// Benchmarks the backtest engine. Each case runs in a process of its own, since its memory is part of the answer; times are
// processor time of all threads, the best of a few rounds, so that other work on the machine counts as little as it can.
// Usage: node scripts/bench-backtest.mjs [--json] [--bars N] [--case NAME]
// Needs `npm run build`. Exit 1 when a target is missed.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const HERE = fileURLToPath(import.meta.url);
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = (path) => import(pathToFileURL(at(`../dist/${path}`)).href);
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2022, 0, 1);
const WIDTH = 9;
const SYMBOLS = 50;
/** Rounds of a case, and of each side of a comparison, in turn. */
const ROUNDS = 3;
/** How often the cases without a model are tried in turn. */
const TURNS = 3;

/** A seeded random walk of closed one-minute bars. */
function walk(bars, seed) {
  let state = seed;
  const uniform = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const columns = { length: bars };
  for (const name of ['openMs', 'open', 'high', 'low', 'close', 'volume'])
    columns[name] = new Float64Array(bars);
  let close = 30_000;
  for (let i = 0; i < bars; i++) {
    const open = close;
    close = Math.max(1, Math.round(close * (1 + (uniform() - 0.5) * 0.002) * 100) / 100);
    columns.openMs[i] = START_MS + i * MINUTE_MS;
    columns.open[i] = open;
    columns.high[i] = Math.max(open, close);
    columns.low[i] = Math.min(open, close);
    columns.close[i] = close;
    columns.volume[i] = 1 + uniform();
  }
  const given = (low, high) => Float64Array.from({ length: bars }, () => low + uniform() * (high - low));
  return { columns, given };
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

async function engine() {
  const { runTimeline } = await dist('research/backtest/timeline.js');
  const { createStreamSetup } = await dist('pipeline/stream-setup.js');
  const { createFeatureKernel } = await dist('adapters/native/features.js');
  const { loadClassifier } = await dist('adapters/onnx/classifier.js');
  const { createInferenceLayer } = await dist('pipeline/inference/index.js');
  const { defaultConfig } = await dist('research/studies/study-config.js');
  const classifier = await loadClassifier(at('../models/sp500-daily'));
  const config = defaultConfig({ signals: { confidenceThreshold: 0.3, minSignalIntervalBars: 1 } });
  const kernel = createFeatureKernel();
  const instrument = (symbol, candles, givenProbabilities) => ({
    candles,
    ...(givenProbabilities ? { givenProbabilities } : {}),
    makeStream: (clock) =>
      createStreamSetup({
        key: { exchange: 'binance', symbol, timeframe: '1m' },
        calendar: '24x7',
        marketRules: {
          symbol,
          kind: 'spot',
          priceTick: '0.01',
          amountStep: '0.00001',
          amountMin: '0.00001',
          notionalMin: '5',
          takerFeeRate: '0.001',
        },
        ingestion: config.ingestion,
        kernel,
        inference: createInferenceLayer({ classifier }),
        clock,
      }),
  });
  const run = async (instruments, beside = async () => undefined, rounds = ROUNDS) => {
    let seconds = Number.POSITIVE_INFINITY;
    let result;
    for (let round = 0; round < rounds; round++) {
      const from = cpuSeconds();
      result = await runTimeline({
        instruments,
        model: classifier.manifest,
        config,
        startCash: '100000',
        fillModel: { halfSpreadBps: 5 },
        keepDecisions: false,
      });
      seconds = Math.min(seconds, cpuSeconds() - from);
      await beside();
    }
    return { seconds, result };
  };
  return { classifier, kernel, instrument, run };
}

/** The model's answers for the same rows and nothing else, in batches of the size ONNX Runtime likes best of those tried. */
async function inferenceAlone({ classifier, kernel }, columns) {
  const { featureRows, modelInputs, usableRows } = await dist('pipeline/features/index.js');
  const table = featureRows(kernel, columns, { timeframeMs: MINUTE_MS, calendar: '24x7', maxGapBars: 3 });
  const rows = usableRows(table);
  const inputs = modelInputs(table, rows);
  const alone = { seconds: Number.POSITIVE_INFINITY };
  alone.round = async () => {
    const from = cpuSeconds();
    for (let row = 0; row < rows.length; row += 4096) {
      const count = Math.min(4096, rows.length - row);
      await classifier.predict(inputs.subarray(row * WIDTH, (row + count) * WIDTH), count);
    }
    alone.seconds = Math.min(alone.seconds, cpuSeconds() - from);
  };
  return alone;
}

async function measure(name, bars) {
  const parts = await engine();
  const { instrument, run } = parts;
  const figures = (seconds, result, of = bars) => ({
    bars: of,
    seconds,
    fills: result.instruments.reduce((sum, { fills }) => sum + fills.length, 0),
    rssMaxMb: process.resourceUsage().maxRSS / 1024,
  });
  if (name === 'model') {
    const { columns } = walk(bars, 42);
    // The engine's memory is taken before the inference alone has made its own table of inputs.
    const first = await run([instrument('BTC/USDT', columns)], undefined, 1);
    const { rssMaxMb } = figures(first.seconds, first.result);
    const alone = await inferenceAlone(parts, columns);
    await alone.round();
    const { seconds, result } = await run([instrument('BTC/USDT', columns)], alone.round);
    return {
      ...figures(Math.min(first.seconds, seconds), result),
      rssMaxMb,
      inferenceSeconds: alone.seconds,
    };
  }
  if (name === 'given' || name === 'given-orders') {
    const { columns, given } = walk(bars, 42);
    // Of 1000 bars 5 bring a signal in the second case; of none in the first the threshold is reached.
    const p =
      name === 'given'
        ? given(0.36, 0.64)
        : given(0.36, 0.64).map((v, i) => (i % 200 ? v : i % 400 ? 0.9 : 0.1));
    const { seconds, result } = await run([instrument('BTC/USDT', columns, p)]);
    return figures(seconds, result);
  }
  const each = Math.round(bars / 10);
  const total = SYMBOLS * each;
  if (name === 'one') {
    const { columns, given } = walk(total, 42);
    const { seconds, result } = await run([instrument('BTC/USDT', columns, given(0.36, 0.64))]);
    return figures(seconds, result, total);
  }
  const instruments = Array.from({ length: SYMBOLS }, (_, i) => {
    const { columns, given } = walk(each, 42 + i);
    return instrument(`COIN${i}/USDT`, columns, given(0.36, 0.64));
  });
  const { seconds, result } = await run(instruments);
  return figures(seconds, result, total);
}

function inProcess(name, bars) {
  const child = spawnSync(process.execPath, [HERE, '--case', name, '--bars', String(bars)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`case ${name} ended with ${child.status}`);
  return JSON.parse(child.stdout);
}

/** All rows of the backtest's table; `bars` of one symbol, and five times as many for the shared time line. */
export async function benchBacktest({ bars = 1_000_000 } = {}) {
  const [model, orders] = ['model', 'given-orders'].map((name) => inProcess(name, bars));
  // In turn, the best of each: what the machine does beside it changes by the minute.
  const names = ['given', 'one', 'many'];
  const turns = Array.from({ length: TURNS }, () => names.map((name) => inProcess(name, bars)));
  const [given, one, many] = names.map((_, side) =>
    turns.map((turn) => turn[side]).reduce((best, each) => (each.seconds < best.seconds ? each : best)),
  );
  const limited = (measure, unit, ours, limit) => ({ measure, unit, ours, limit, pass: ours <= limit });
  const rate = ({ bars: of, seconds }) => of / seconds;
  return {
    bars,
    results: [
      {
        measure: `${bars} bars, 300 trees, layers 2 to 6, against the inference alone`,
        unit: 's',
        ours: model.seconds,
        peer: model.inferenceSeconds,
        times: model.seconds / model.inferenceSeconds,
        limit: 1.3,
        pass: model.seconds <= 1.3 * model.inferenceSeconds,
      },
      limited('its memory (RSS)', 'MB', model.rssMaxMb, 500),
      {
        measure: 'predictions given, no signal',
        unit: 'bars/s',
        ours: rate(given),
        least: 1_000_000,
        pass: rate(given) >= 1_000_000,
      },
      { measure: `predictions given, ${orders.fills} fills`, unit: 'bars/s', ours: rate(orders) },
      {
        measure: `${SYMBOLS} symbols of ${many.bars / SYMBOLS} bars, against as many bars of one symbol`,
        unit: 's',
        ours: many.seconds,
        peer: one.seconds,
        times: many.seconds / one.seconds,
        limit: 1.5,
        pass: many.seconds <= 1.5 * one.seconds,
      },
    ],
  };
}

if (isRun(import.meta.url)) {
  const { values } = readOptions(import.meta.url, {
    options: {
      json: { type: 'boolean' },
      bars: { type: 'string', default: '1000000' },
      case: { type: 'string' },
    },
  });
  const bars = Number(values.bars);
  if (values.case !== undefined) console.log(JSON.stringify(await measure(values.case, bars)));
  else {
    const bench = await benchBacktest({ bars });
    if (values.json) console.log(JSON.stringify(bench));
    else for (const r of bench.results) console.log(r);
    if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
  }
}
