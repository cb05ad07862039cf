import { applyCalibration } from '../../core/calibration.js';
import { type Candle, type CandleColumns, candleAt, sliceCandles } from '../../core/candle.js';
import { RedbuttonError } from '../../core/errors.js';
import { MODEL_WIDTH } from '../../core/feature-set.js';
import { isUnplaced } from '../../core/order.js';
import { brierScore } from '../../learning/evaluate.js';
import { type Fold, lowerBound } from '../../learning/folds.js';
import { createForestClassifier } from '../../learning/forest-classifier.js';
import { describeForest, type TrainingOrigin } from '../../learning/train.js';
import { sliceTable, type TrainingTable } from '../../learning/training-table.js';
import type { StreamSetup } from '../../pipeline/layer-ports.js';
import type { PipelineConfig } from '../../pipeline/pipeline-api.js';
import type { Classifier, ForestOptions, ForestTrainer } from '../../ports/model.js';
import type { Clock } from '../../ports/time.js';
import { runBacktest } from './backtest.js';
import type { BacktestResult } from './backtest-collector.js';

/** What all folds of a walk-forward share. */
export interface WalkForwardSettings {
  readonly candles: CandleColumns;
  readonly table: TrainingTable;
  readonly trainer: ForestTrainer;
  readonly forest: ForestOptions;
  readonly origin: TrainingOrigin;
  /** Layers 1 to 3 with the fold's model. */
  readonly makeStream: (classifier: Classifier) => (clock: Clock) => StreamSetup;
  readonly config: PipelineConfig;
  readonly startCash: string;
  readonly halfSpreadBps: number;
  readonly signal?: AbortSignal;
}

/** How a model traded over a span, on an account of its own, after fees and slippage. */
export interface TradedSpan {
  /** Of each bar, oldest first; the last position is valued at the last close. */
  readonly returns: readonly number[];
  /** Value traded over mean equity. */
  readonly turnover: number;
  readonly fills: number;
  /** Orders that risk denied or that were not placed, by reason. */
  readonly denials: Readonly<Record<string, number>>;
}

/** A fold's figures, all of them plain data. */
export interface FoldResult extends TradedSpan {
  readonly testFromMs: number;
  readonly testToMs: number;
  readonly trainRows: number;
  /** Raw P(up), calibrated P(up) and outcome of each test row. */
  readonly scores: readonly number[];
  readonly calibrated: readonly number[];
  readonly up: readonly number[];
  readonly brier: number | null;
  readonly buyAndHold: number;
  /** Null where there was none. */
  readonly modelHash: string | null;
  /** Why no model could be trained, and so nothing was traded. */
  readonly noModel?: string;
}

/** Candles before a span that fill the feature window, with a margin for gaps. */
const WARM_UP_BARS = 64;

/** Grows a model on rows [from, to) of the table. */
export async function growModel(world: WalkForwardSettings, from: number, to: number): Promise<Classifier> {
  const part = sliceTable(world.table, from, to);
  const grown = await world.trainer.train(part.rows, part.labels, MODEL_WIDTH, world.forest, {
    ...(world.signal ? { signal: world.signal } : {}),
  });
  // The manifest's time is the end of what it knows: equal folds give equal models, whenever they are made.
  const { manifest } = describeForest(grown, part, world.forest, world.origin, part.openMs.at(-1)!);
  return createForestClassifier(world.trainer, grown.forest, manifest);
}

/** Trades a span of the candles with a model, through the pipeline. `config` stands in for the world's where given. */
export async function tradeSpan(
  world: WalkForwardSettings,
  classifier: Classifier,
  fromMs: number,
  toMs: number,
  config: PipelineConfig = world.config,
): Promise<TradedSpan> {
  const from = lowerBound(world.candles.openMs, fromMs);
  const to = lowerBound(world.candles.openMs, toMs);
  const warmUp: Candle[] = [];
  for (let i = Math.max(0, from - WARM_UP_BARS); i < from; i++) warmUp.push(candleAt(world.candles, i));
  const result = await runBacktest({
    candles: sliceCandles(world.candles, from, to),
    warmUp,
    makeStream: world.makeStream(classifier),
    model: classifier.manifest,
    config,
    startCash: world.startCash,
    fillModel: { halfSpreadBps: world.halfSpreadBps },
    keepDecisions: false,
  });
  const { equity, length } = result.bars;
  const returns: number[] = [];
  let before = Number(world.startCash);
  let sum = 0;
  for (let i = 0; i < length; i++) {
    returns.push(equity[i]! / before - 1);
    before = equity[i]!;
    sum += before;
  }
  // The last bar's order fills after its snapshot: its fee and spread belong to the span.
  if (length > 0) returns[length - 1] = (1 + returns[length - 1]!) * (result.finalEquity / before) - 1;
  const traded = result.fills.reduce((total, fill) => total + Number(fill.price) * Number(fill.amount), 0);
  return {
    returns,
    turnover: sum > 0 ? traded / (sum / length) : 0,
    fills: result.fills.length,
    denials: denialsOf(result),
  };
}

function denialsOf({ denials, executions }: BacktestResult): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { ...denials };
  for (const { status, reason } of executions) {
    if (!isUnplaced(status)) continue;
    const name = `order: ${reason ?? status}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Trains on the fold's past and judges on its test, as a classifier and as a trader. */
export async function runFold(
  world: WalkForwardSettings,
  fold: Fold,
  config: PipelineConfig = world.config,
): Promise<FoldResult> {
  world.signal?.throwIfAborted();
  const classifier = await modelOrReason(() => growModel(world, fold.trainFrom, fold.trainTo));
  if (typeof classifier === 'string') return foldWithoutModel(world, fold, classifier);
  const test = sliceTable(world.table, fold.testFrom, fold.testTo);
  const scores = await classifier.predict(test.rows, test.length);
  const calibrated = scores.map((p) => applyCalibration(classifier.manifest.calibration, p));
  const traded = await tradeSpan(world, classifier, fold.testFromMs, fold.testToMs, config);
  return {
    ...traded,
    testFromMs: fold.testFromMs,
    testToMs: fold.testToMs,
    trainRows: fold.trainTo - fold.trainFrom,
    scores: [...scores],
    calibrated: [...calibrated],
    up: [...test.labels],
    brier: brierScore(calibrated, test.labels),
    buyAndHold: buyAndHoldOf(world, fold),
    modelHash: classifier.manifest.sha256,
  };
}

/** What `grow` makes, or why rows like these make no model: all of one class, or too few. */
export async function modelOrReason(grow: () => Promise<Classifier>): Promise<Classifier | string> {
  try {
    return await grow();
  } catch (error) {
    const isOfRows =
      error instanceof RedbuttonError && (error.code === 'E_TRAIN_CLASSES' || error.code === 'E_TRAIN_ROWS');
    if (isOfRows) return error.message;
    throw error;
  }
}

function foldWithoutModel(world: WalkForwardSettings, fold: Fold, noModel: string): FoldResult {
  return {
    returns: [],
    turnover: 0,
    fills: 0,
    denials: {},
    testFromMs: fold.testFromMs,
    testToMs: fold.testToMs,
    trainRows: fold.trainTo - fold.trainFrom,
    scores: [],
    calibrated: [],
    up: [],
    brier: null,
    buyAndHold: buyAndHoldOf(world, fold),
    modelHash: null,
    noModel,
  };
}

function buyAndHoldOf({ candles }: WalkForwardSettings, { testFromMs, testToMs }: Fold): number {
  const first = lowerBound(candles.openMs, testFromMs);
  const last = lowerBound(candles.openMs, testToMs) - 1;
  return candles.close[last]! / candles.close[first]! - 1;
}
