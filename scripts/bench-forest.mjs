// Benchmarks the forest trainer against scikit-learn, and the inference layer against a bare session.run, each ratio
// within one run.
// Usage: node scripts/bench-forest.mjs [--json] [--runs N]
// Needs `npm run build`. Exit 1 when a target is missed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

const at = (file) => fileURLToPath(new URL(file, import.meta.url));
const dist = (file) => import(at(`../dist/${file}`));
const BASELINE = at('../../shared/baselines/forest.py');
const PYTHON = '/usr/bin/python3';
const WIDTH = 9;
// Hourly candles of years, and minutes of one year where more rows are wanted than those give.
const CANDLES = [
  { file: at('../../shared/data/candles/binance-usdm_BTCUSDT_1h.csv.gz'), rowsMax: 30_000 },
  { file: at('../../shared/data/candles/bitfinex_BTCUSD_1m_2014.csv.gz'), rowsMax: 200_000 },
];
const SEEDS = [42, 43, 44, 45, 46];

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The first `count` complete feature rows of real candles: names, columns, close. */
async function featureRows(file, count) {
  const { loadCandles } = await dist('research/candles/load-candles.js');
  const { createFeatureKernel } = await dist('adapters/native/features.js');
  const { FEATURE_COLUMNS, MODEL_COLUMNS } = await dist('core/feature-set.js');
  const { candles } = await loadCandles(file, { rules: 'strict' });
  const computed = createFeatureKernel().batch(candles);
  const kept = [];
  for (let i = 0; i < candles.length && kept.length < count; i++) if (computed.valid[i] === 1) kept.push(i);
  const columns = MODEL_COLUMNS.map((name) => {
    const offset = FEATURE_COLUMNS.indexOf(name) * computed.length;
    return kept.map((i) => computed.values[offset + i]);
  });
  return { names: MODEL_COLUMNS, columns, close: kept.map((i) => candles.close[i]) };
}

/** As the baseline takes them: the label is the next row's close, the last fifth is held out. */
function split({ columns, close }) {
  const count = close.length - 1;
  const cut = Math.floor((count * 4) / 5);
  const part = (from, to) => {
    const rows = new Float64Array((to - from) * WIDTH);
    const labels = new Uint8Array(to - from);
    for (let i = from; i < to; i++) {
      for (let c = 0; c < WIDTH; c++) rows[(i - from) * WIDTH + c] = columns[c][i];
      labels[i - from] = close[i + 1] > close[i] ? 1 : 0;
    }
    return { rows, labels };
  };
  return { train: part(0, cut), heldOut: part(cut, count) };
}

/** Fit times in milliseconds, and held-out AUC for each of the five seeds. */
async function ours(trainer, options, { train, heldOut }, runs) {
  const { areaUnderCurve } = await dist('core/auc.js');
  const took = [];
  const aucs = [];
  for (let run = 0; run <= runs; run++) {
    const from = performance.now();
    const seed = SEEDS[run % SEEDS.length];
    const { forest } = await trainer.train(train.rows, train.labels, WIDTH, { ...options, seed });
    const ms = performance.now() - from;
    if (run > 0) took.push(ms);
    if (run < SEEDS.length) {
      aucs.push(areaUnderCurve(await trainer.predict(forest, heldOut.rows), heldOut.labels));
    }
  }
  return { took, aucs };
}

/** scikit-learn times itself (median of five fits, all cores); ours is taken right before and right after it. */
async function trainerRows(rows, runs) {
  const measure = `forest training, ${rows} rows × ${WIDTH}, against scikit-learn`;
  const skip = (why) => [{ measure, skipped: `not measured: ${why}` }];
  const source = CANDLES.find(({ file, rowsMax }) => rows <= rowsMax && existsSync(file));
  if (source === undefined || !existsSync(BASELINE)) return skip('../shared is not there');
  const { createForestTrainer } = await dist('adapters/native/forest.js');
  const { FOREST_DEFAULTS } = await dist('learning/train.js');
  const features = await featureRows(source.file, rows);
  const data = split(features);
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-bench-'));
  try {
    const csv = path.join(dir, 'features.csv');
    const lines = features.close.map((close, i) => [close, ...features.columns.map((c) => c[i])].join(','));
    writeFileSync(csv, `close,${features.names.join(',')}\n${lines.join('\n')}\n`);
    const trainer = createForestTrainer();
    const options = { ...FOREST_DEFAULTS, threads: availableParallelism() };
    const before = await ours(trainer, options, data, runs);
    const run = spawnSync(PYTHON, [BASELINE, csv], { encoding: 'utf8' });
    if (run.status !== 0) {
      return skip(
        `${run.error?.message ?? run.stderr.trim().split('\n').at(-1)} (Debian: apt install python3-sklearn)`,
      );
    }
    const peer = JSON.parse(run.stdout);
    const after = await ours(trainer, options, data, runs);
    const own = median([...before.took, ...after.took]);
    const peerMs = peer.fitSeconds * 1e3;
    const distance = mean(before.aucs) - mean(peer.heldOutAuc);
    return [
      {
        measure,
        unit: 'ms',
        ours: own,
        peer: peerMs,
        ratio: peerMs / own,
        target: 10,
        pass: peerMs / own >= 10,
      },
      {
        measure: `held-out AUC, ${rows} rows, mean of ${SEEDS.length} seeds`,
        unit: '',
        ours: mean(before.aucs),
        peer: mean(peer.heldOutAuc),
        distance,
        within: 0.01,
        pass: Math.abs(distance) <= 0.01,
      },
    ];
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** One row through the whole inference layer, and through session.run alone, in turn; medians of many calls. */
async function inferenceRow(calls = 6000) {
  const { createForestTrainer } = await dist('adapters/native/forest.js');
  const { createClassifier } = await dist('adapters/onnx/classifier.js');
  const { openSession } = await dist('adapters/onnx/session.js');
  const { FOREST_DEFAULTS, trainModel } = await dist('learning/train.js');
  const { createInferenceLayer } = await dist('pipeline/inference/index.js');
  let state = 7;
  const uniform = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const length = 10_000;
  const rows = Float64Array.from({ length: length * WIDTH }, () => uniform() - 0.5);
  const labels = Uint8Array.from({ length }, (_, i) => (rows[i * WIDTH] + 2 * uniform() - 1 > 0 ? 1 : 0));
  const openMs = Float64Array.from({ length }, (_, i) => i);
  const { model, manifest } = await trainModel(
    createForestTrainer(),
    { length, rows, labels, openMs, horizonBars: 1 },
    { ...FOREST_DEFAULTS, threads: availableParallelism() },
    { exchange: null, symbol: null, timeframe: null },
    0,
  );
  const layer = createInferenceLayer({
    classifier: createClassifier(await openSession(model, 'model'), manifest),
  });
  const { Tensor } = await import('onnxruntime-node');
  const bare = await openSession(model, 'model');
  const values = new Float32Array(WIDTH);
  const feed = { [manifest.input.name]: new Tensor('float32', values, [1, WIDTH]) };
  const row = { openMs: 0, status: 'ok', values: new Float64Array(WIDTH + 1) };
  const took = { layer: [], bare: [] };
  const measured = [
    ['layer', () => layer.predict(row)],
    ['bare', () => bare.run(feed)],
  ];
  for (let i = 0; i < calls + 500; i++) {
    // Both score the same row, and take turns in going first, since the second finds the way trodden.
    const inputs = rows.subarray((i % length) * WIDTH, ((i % length) + 1) * WIDTH);
    row.values.set(inputs, 1);
    values.set(inputs);
    for (const [name, call] of i % 2 === 0 ? measured : measured.toReversed()) {
      const from = process.hrtime.bigint();
      await call();
      if (i >= 500) took[name].push(Number(process.hrtime.bigint() - from) / 1e3);
    }
  }
  const [own, peer] = [median(took.layer), median(took.bare)];
  return {
    measure: 'inference layer, one row, p50, against a bare session.run',
    unit: 'µs',
    ours: own,
    peer,
    times: own / peer,
    limit: 1.3,
    pass: own / peer <= 1.3,
  };
}

/** All rows of the forest's table. */
export async function benchForest({ runs = 7 } = {}) {
  const results = [];
  for (const rows of [10_000, 50_000]) results.push(...(await trainerRows(rows, runs)));
  results.push(await inferenceRow());
  return { cores: availableParallelism(), runs, results };
}

function print({ cores, results }) {
  console.log(`forest, ${cores} cores`);
  for (const r of results) {
    const missed = r.pass === false ? '  MISSED' : '';
    if (r.skipped) console.log(`  ${r.measure}: ${r.skipped}`);
    else if (r.within !== undefined)
      console.log(
        `  ${r.measure}: ${r.ours.toFixed(4)} to ${r.peer.toFixed(4)} (within ±${r.within})${missed}`,
      );
    else if (r.limit !== undefined)
      console.log(
        `  ${r.measure}: ${r.ours.toFixed(1)} ${r.unit} to ${r.peer.toFixed(1)} ${r.unit}, ${r.times.toFixed(2)} × (at most ${r.limit})${missed}`,
      );
    else
      console.log(
        `  ${r.measure}: ${r.ours.toFixed(0)} ${r.unit} to ${r.peer.toFixed(0)} ${r.unit}, ${r.ratio.toFixed(1)} × (at least ${r.target})${missed}`,
      );
  }
}

if (isRun(import.meta.url)) {
  const { values } = readOptions(import.meta.url, {
    options: { json: { type: 'boolean' }, runs: { type: 'string', default: '7' } },
  });
  const bench = await benchForest({ runs: Number(values.runs) });
  if (values.json) console.log(JSON.stringify(bench));
  else print(bench);
  if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
}
