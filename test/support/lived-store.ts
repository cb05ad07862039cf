import path from 'node:path';
import { openStore } from '../../src/adapters/duckdb/index.js';
import { writeModelFolder } from '../../src/adapters/files/model-directory.js';
import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { createForestTrainer } from '../../src/adapters/native/forest.js';
import { loadClassifier } from '../../src/adapters/onnx/classifier.js';
import { type Candle, toColumns } from '../../src/core/candle.js';
import { manifestText } from '../../src/core/manifest-schema.js';
import { REGIME_DEFAULTS } from '../../src/core/regime.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { syntheticQuote } from '../../src/core/synthetic-quote.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import { trainModel } from '../../src/learning/train.js';
import { runSettingsText } from '../../src/pipeline/decision-settings.js';
import { createInferenceLayer } from '../../src/pipeline/inference/index.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import type { PipelineConfig, PipelineDeps } from '../../src/pipeline/pipeline-api.js';
import { createStreamSetup } from '../../src/pipeline/stream-setup.js';
import type { Classifier } from '../../src/ports/model.js';
import type { Clock } from '../../src/ports/time.js';
import { createSimulatedClock, type SimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { trainingTable } from '../../src/research/studies/training-input.js';
import { bell, forestOptions } from './labelled-rows.js';
import { HALF_SPREAD_BPS, paperExchange, START_CASH } from './paper-world.js';
import { CONFIG, HOUR_MS, KEY, SPOT, START_MS } from './tiny-stream.js';

/** As in pulledWalk; those from here on are lived. */
export const TRAINED = 1000;
const INGESTION = { rules: 'strict', maxGapBars: 3 } as const;
export const SETTINGS = {
  ...CONFIG,
  risk: {
    ...CONFIG.risk,
    grossFractionMax: 0.08,
    dailyLossFraction: 0.003,
    cooldownLosses: 3,
    cooldownBars: 6,
    outsideTrainingMax: 0.3,
  },
  signals: {
    confidenceThreshold: 0.1,
    minSignalIntervalBars: 2,
    convictionBars: 6,
    minHoldingBars: 2,
    maxHoldingBars: 10,
    allowRegimes: ['calm', 'normal', 'up'] as const,
    regime: { ...REGIME_DEFAULTS, lookBackBars: 60, volatilityBars: 12, trendBars: 24 },
  },
};

/**
 * Hours whose move follows the last but one (the newest that a model's inputs tell: lag_1) with the strength `pullAt`, which
 * may change over time.
 */
export function pulledWalk(count: number, seed: number, pullAt: (i: number) => number): Candle[] {
  const random = seededRng(seed).next;
  let close = 30_000;
  let last = 0;
  let lastButOne = 0;
  return Array.from({ length: count }, (_, i) => {
    const move = pullAt(i) * lastButOne + 0.004 * bell(random);
    lastButOne = last;
    last = move;
    const open = close;
    close = Number((close * Math.exp(last)).toFixed(2));
    return {
      openMs: START_MS + i * HOUR_MS,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume: 1 + random(),
    };
  });
}

export interface LivedStore {
  readonly store: string;
  readonly models: string;
  /** Bars that were decided on. */
  readonly decided: number;
  readonly orders: number;
}

export interface LifeOptions {
  readonly store: Parameters<typeof openStore>[0];
  readonly modelDir: string;
  readonly clock: SimulatedClock;
  readonly settings?: PipelineConfig;
  /** Makes the ids of its orders others than those of another life. */
  readonly life: number;
  readonly onOrderOutcome?: PipelineDeps['onOrderOutcome'];
}

/** One start of a paper trader: real features, a real model run by ONNX Runtime, and what the store tells of before. */
export async function startLife(options: LifeOptions) {
  const { store: at, modelDir, clock, settings = SETTINGS, life, onOrderOutcome } = options;
  const store = await openStore(at);
  const classifier = await loadClassifier(modelDir);
  const stream = createStreamSetup({
    key: KEY,
    calendar: '24x7',
    marketRules: SPOT,
    ingestion: INGESTION,
    kernel: createFeatureKernel(),
    inference: createInferenceLayer({ classifier }),
    clock,
  });
  await store.recordRun({
    atMs: clock.wallMs(),
    settings: runSettingsText(settings, INGESTION.maxGapBars, [stream]),
  });
  const paper = paperExchange(clock);
  const pipeline = new Pipeline({
    config: settings,
    streams: [stream],
    model: classifier.manifest,
    clock,
    store,
    brokers: [paper],
    permit: { read: () => ({ ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 }) },
    ids: createOrderIds('lived', clock, seededRng(life)),
    startCash: START_CASH,
    tradingState: () => 'ACTIVE',
    ...(onOrderOutcome && { onOrderOutcome }),
    quoteFor: async (_, candle) =>
      syntheticQuote(candle.close, HALF_SPREAD_BPS, SPOT.priceTick, clock.wallMs()),
  });
  const restored = await store.restore();
  paper.restore(restored.fills);
  await pipeline.start(restored);
  await pipeline.warmUp(KEY, await store.lastCandles(KEY, pipeline.warmUpBars));
  return { store, classifier, pipeline };
}

/**
 * A paper trader's life over a store on disk: real features, real models run by ONNX Runtime, 3 restarts, 2 changes of the
 * model between bars, 5 gaps (two of them long, one backfilled as history).
 */
export async function liveOverStore(
  dir: string,
  bars: number,
  between?: (parts: {
    readonly store: Awaited<ReturnType<typeof openStore>>;
    readonly pipeline: Pipeline;
    readonly clock: Clock;
    /** All up to the bar that was taken last. */
    readonly candles: readonly Candle[];
  }) => Promise<void>,
): Promise<LivedStore> {
  const file = path.join(dir, 'redbutton.duckdb');
  const models = path.join(dir, 'models');
  const candles = pulledWalk(bars + 1000, 11, () => -0.5);
  for (const seed of [1, 2, 3])
    await trainFolder(path.join(models, `m${seed}`), candles.slice(0, 1000), seed);
  const clock = createSimulatedClock();
  const at = (share: number) => Math.floor(bars * share);
  const restarts = new Set([at(0.2), at(0.5), at(0.8)]);
  const changes = new Set([at(0.35), at(0.65)]);
  const gaps = new Map([
    [at(0.1), 1],
    [at(0.3), 2],
    [at(0.45), 3],
    [at(0.6), 8],
    [at(0.9), 30],
  ]);
  let model = 1;
  let life = 0;
  let decided = 0;
  let orders = 0;
  let classifier: Classifier;
  let store: Awaited<ReturnType<typeof openStore>>;
  let pipeline: Pipeline;

  const start = async (nowMs: number) => {
    clock.setWallMs(nowMs);
    const started = await startLife({
      store: { path: file },
      modelDir: path.join(models, `m${model}`),
      clock,
      life,
    });
    ({ store, classifier, pipeline } = started);
    life++;
  };
  const stop = async () => {
    await store.close();
    await classifier.close();
  };

  await start(candles[1000]!.openMs);
  for (let i = 0; i < bars; i++) {
    const candle = candles[1000 + i]!;
    const missing = gaps.get(i) ?? 0;
    if (missing > 0) {
      i += missing - 1;
      continue;
    }
    if (restarts.has(i)) {
      await stop();
      // The two bars that closed while it was down come as history.
      await start(candle.openMs + 2 * HOUR_MS + 1000);
      await pipeline!.onHistory(KEY, candle);
      await pipeline!.onHistory(KEY, candles[1001 + i]!);
      i++;
      continue;
    }
    if (changes.has(i)) {
      model++;
      const before: Classifier = classifier!;
      classifier = await loadClassifier(path.join(models, `m${model}`));
      const next = classifier;
      await pipeline!.useModel(next.manifest, () => createInferenceLayer({ classifier: next }));
      await before.close();
    }
    clock.setWallMs(candle.openMs + HOUR_MS + 250);
    const outcome = await pipeline!.onCandle(KEY, candle);
    if (outcome.kind !== 'decided') throw new Error(`bar ${i} was ${outcome.kind}`);
    decided++;
    if (outcome.execution !== null) orders++;
    if (between) {
      clock.setWallMs(candle.openMs + HOUR_MS + 500);
      await between({ store: store!, pipeline: pipeline!, clock, candles: candles.slice(0, 1001 + i) });
    }
  }
  await stop();
  return { store: file, models, decided, orders };
}

/** Trains a small model on the candles and writes its folder. */
export async function trainFolder(dir: string, candles: readonly Candle[], seed: number): Promise<void> {
  const table = trainingTable(toColumns(candles), 1, {
    timeframeMs: HOUR_MS,
    calendar: '24x7',
    maxGapBars: 3,
  });
  const origin = { exchange: KEY.exchange, symbol: KEY.symbol, timeframe: KEY.timeframe };
  const { model, manifest } = await trainModel(
    createForestTrainer(),
    table,
    forestOptions({ trees: 60, seed }),
    origin,
    START_MS,
  );
  await writeModelFolder(dir, model, manifestText(manifest));
}
