// Measures what a retraining does to the bars. A pipeline with a store on disk, a model of 300 trees and real features takes
// a bar every 10 ms, at rest and while the trader's own retraining (a process of its own, 50 000 rows, 300 trees, champion
// against challenger, change of the model) runs.
// Usage: node scripts/bench-retrain.mjs [--quick] [--json] [--rows N]
// Needs `npm run build`. Exit 1 when the 99th percentile of bar → decision while training is above twice that at rest.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const at = (file) => fileURLToPath(new URL(file, import.meta.url));
const dist = (file) => import(pathToFileURL(at(`../dist/${file}`)).href);
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2018, 0, 1);
const KEY = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
const RULES = {
  symbol: 'BTC/USDT',
  kind: 'spot',
  priceTick: '0.01',
  amountStep: '0.00001',
  amountMin: '0.00001',
  notionalMin: '5',
  takerFeeRate: '0.001',
};
const PACE_MS = 10;
const TIMES_MAX = 2;

/** Hours whose move follows the last but one, so that there is something to learn; from `turnAt` on the other way round. */
function walk(count, turnAt) {
  let state = 42;
  const uniform = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  let close = 30_000;
  let last = 0;
  let before = 0;
  return Array.from({ length: count }, (_, i) => {
    const move = (i < turnAt ? -0.4 : 0.4) * before + 0.008 * (uniform() + uniform() + uniform() - 1.5);
    before = last;
    last = move;
    const open = close;
    close = Number((close * Math.exp(move)).toFixed(2));
    return {
      openMs: START_MS + i * HOUR_MS,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 1 + uniform(),
    };
  });
}

async function world(dir, rows, bars) {
  const { openStore } = await dist('adapters/duckdb/index.js');
  const { writeModelFolder } = await dist('adapters/files/model-directory.js');
  const { createFeatureKernel } = await dist('adapters/native/features.js');
  const { createForestTrainer } = await dist('adapters/native/forest.js');
  const { loadClassifier } = await dist('adapters/onnx/classifier.js');
  const { configSchema } = await dist('config/schema.js');
  const { toColumns } = await dist('core/candle.js');
  const { manifestText } = await dist('core/manifest-schema.js');
  const { syntheticQuote } = await dist('core/synthetic-quote.js');
  const { FOREST_DEFAULTS, trainModel } = await dist('learning/train.js');
  const { ModelLifecycle } = await dist('trader/model-lifecycle.js');
  const { createPaperBroker } = await dist('execution/paper-broker.js');
  const { createOrderIds } = await dist('execution/order-id.js');
  const { createInferenceLayer } = await dist('pipeline/inference/index.js');
  const { Pipeline } = await dist('pipeline/pipeline.js');
  const { createStreamSetup } = await dist('pipeline/stream-setup.js');
  const { trainingRows } = await dist('pipeline/training-rows.js');
  const { createSimulatedClock } = await dist('research/backtest/simulated-clock.js');

  const config = configSchema.parse({
    timeframe: '1h',
    device: { stateDir: dir, runDir: dir },
    exchange: [{ id: KEY.exchange, symbols: [KEY.symbol] }],
    retraining: { mode: 'by-hand', trainRowsMax: rows },
    monitoring: { aucWindow: 200 },
  });
  const history = rows + 5200;
  const candles = walk(history + bars, rows >> 1);
  const kernel = createFeatureKernel();
  const gaps = { timeframeMs: HOUR_MS, calendar: '24x7', maxGapBars: 3 };
  const table = trainingRows(kernel, toColumns(candles.slice(0, 5000)), 1, gaps);
  const forest = { ...FOREST_DEFAULTS, threads: 2 };
  const grown = await trainModel(createForestTrainer(), table, forest, KEY, START_MS);
  const modelDir = path.join(dir, 'champion');
  await writeModelFolder(modelDir, grown.model, manifestText(grown.manifest));
  const classifier = await loadClassifier(modelDir);
  const clock = createSimulatedClock();
  clock.setWallMs(candles[history].openMs);
  const store = await openStore({ path: path.join(dir, 'redbutton.duckdb') });
  await store.addCandles(KEY, toColumns(candles.slice(0, history)), clock.wallMs());
  const broker = createPaperBroker({
    exchange: KEY.exchange,
    clock,
    rulesOf: () => RULES,
    startBalances: { USDT: '100000' },
  });
  const pipeline = new Pipeline({
    config,
    streams: [
      createStreamSetup({
        key: KEY,
        calendar: '24x7',
        marketRules: RULES,
        ingestion: config.ingestion,
        kernel,
        inference: createInferenceLayer({ classifier }),
        clock,
      }),
    ],
    model: classifier.manifest,
    clock,
    store,
    brokers: [broker],
    permit: { read: () => ({ ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 }) },
    ids: createOrderIds('bench', clock, { next: () => 0.5 }),
    startCash: '100000',
    tradingState: () => 'ACTIVE',
    quoteFor: async (_, candle) => syntheticQuote(candle.close, 5, RULES.priceTick, clock.wallMs()),
    healthEachBar: true,
  });
  await pipeline.start();
  await pipeline.warmUp(KEY, await store.lastCandles(KEY, 60));
  let memoryMb = 0;
  const said = [];
  const lifecycle = new ModelLifecycle({
    config,
    clock,
    log: {
      info: (fields) => {
        memoryMb = Math.max(memoryMb, fields.memoryMb ?? 0);
      },
      warn: (fields) => said.push(fields),
      error: (fields) => said.push(fields),
    },
    alerts: { raise: async () => undefined },
    store,
    pipeline,
    streams: [{ key: KEY, calendar: '24x7' }],
    classifier,
    modelDir,
    requestHalt: () => undefined,
  });
  await lifecycle.start();
  let next = history;
  return {
    lifecycle,
    said,
    memoryMb: () => memoryMb,
    left: () => candles.length - next,
    /** One bar; milliseconds from the closed bar to its stored decision. */
    async bar() {
      const candle = candles[next++];
      clock.setWallMs(candle.openMs + HOUR_MS + 250);
      const from = performance.now();
      const outcome = await pipeline.onCandle(KEY, candle);
      const took = performance.now() - from;
      if (outcome.kind !== 'decided') throw new Error(`bar ${next} was ${outcome.kind}`);
      lifecycle.onBar(outcome);
      return took;
    },
    async close() {
      await lifecycle.stop();
      await store.close();
      await lifecycle.classifier().close();
    },
  };
}

const quantile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

/** Bars at rest before and after, bars while retrainings run, and what the trainer took. */
export async function benchRetrain({ rows = 50_000, bars = 1000 } = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-retrain-'));
  try {
    const it = await world(dir, rows, bars * 30);
    const rest = [];
    const busy = [];
    const pace = async (into) => {
      const took = await it.bar();
      into.push(took);
      await sleep(Math.max(0, PACE_MS - took));
    };
    const state = async () => (await it.lifecycle.routes['GET /model']()).body.retraining;
    for (let i = 0; i < 100; i++) await pace([]);
    for (let i = 0; i < bars / 2; i++) await pace(rest);
    await it.lifecycle.routes['POST /model/retrain']();
    const from = performance.now();
    do await pace(busy);
    while ((await state()).running !== null && it.left() > bars);
    const seconds = (performance.now() - from) / 1000;
    const { last } = await state();
    if (last === null || !('challenge' in last)) throw new Error(last?.detail ?? 'it took too long');
    for (let i = 0; i < bars / 2; i++) await pace(rest);
    const memoryMb = it.memoryMb();
    await it.close();
    const row = (measure, share, limit) => {
      const peer = quantile(rest, share);
      const ours = quantile(busy, share);
      return {
        measure,
        unit: 'ms',
        ours,
        peer,
        times: ours / peer,
        ...(limit === undefined ? {} : { limit, pass: ours <= limit * peer }),
      };
    };
    return {
      rows,
      barsAtRest: rest.length,
      barsWhileTraining: busy.length,
      outcome: last.kind,
      said: it.said,
      results: [
        row(`bar → decision, median, while ${rows} rows are trained, against rest`, 0.5),
        row(`bar → decision, p99, while ${rows} rows are trained, against rest`, 0.99, TIMES_MAX),
        row('the same, worst bar', 1),
        {
          measure: `one retraining of ${rows} rows (7 forests of 300 trees)`,
          unit: 's',
          ours: seconds,
        },
        {
          measure: 'memory of the process that trains (RSS)',
          unit: 'MB',
          ours: memoryMb,
          limit: 250,
          pass: memoryMb <= 250,
        },
      ],
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (isRun(import.meta.url)) {
  const { values } = readOptions(import.meta.url, {
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, rows: { type: 'string' } },
  });
  const rows = Number(values.rows ?? (values.quick ? 5000 : 50_000));
  const bench = await benchRetrain({ rows, bars: values.quick ? 300 : 1000 });
  if (values.json) console.log(JSON.stringify(bench));
  else {
    const { results, ...rest } = bench;
    console.log(rest);
    for (const r of results) console.log(r);
  }
  if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
}
