import { createFeatureKernel } from '../../adapters/native/features.js';
import { createForestTrainer } from '../../adapters/native/forest.js';
import type { Config } from '../../config/schema.js';
import { derivedRules } from '../../core/derived-rules.js';
import { FEATURE_WINDOW } from '../../core/feature-set.js';
import { barsPerYear, timeframeMs } from '../../core/timeframe.js';
import { type Fold, type Span, walkForwardFolds } from '../../learning/folds.js';
import { createInferenceLayer } from '../../pipeline/inference/index.js';
import { createStreamSetup } from '../../pipeline/stream-setup.js';
import type { ForestOptions } from '../../ports/model.js';
import type { WalkForwardSettings } from '../backtest/walk-forward.js';
import { type Judgement, judgementOf } from '../candles/load-candles.js';
import { loadTradable } from './backtest-run.js';
import { learnable, trainingTable } from './training-input.js';

/** What a walk-forward is made from; plain data, so that a worker thread can be told it. */
export interface WalkForwardRequest {
  readonly file: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly train: Span;
  readonly test: Span;
  readonly anchored: boolean;
  /** FEATURE_WINDOW where undefined. */
  readonly embargoBars: number | undefined;
  readonly horizonBars: number;
  readonly forest: ForestOptions;
  readonly halfSpreadBps: number;
  readonly config: Config;
  readonly allowQuarantined?: boolean;
}

export interface WalkForwardInput {
  readonly world: WalkForwardSettings;
  readonly folds: readonly Fold[];
  readonly barsPerYear: number;
  /** Of the candle file. */
  readonly sha256: string;
  readonly timeframe: string;
  readonly judgement: Judgement;
}

/** Reads the candles and plans the folds. Equal requests give equal folds. */
export async function walkForwardInput(
  request: WalkForwardRequest,
  signal?: AbortSignal,
): Promise<WalkForwardInput> {
  const { config } = request;
  const { loaded, stream, calendar } = await loadTradable(
    request.file,
    { exchange: request.exchange, symbol: request.symbol },
    config.ingestion.rules,
    request.allowQuarantined,
  );
  const gaps = {
    timeframeMs: timeframeMs(stream.timeframe),
    calendar,
    maxGapBars: config.ingestion.maxGapBars,
  };
  const table = learnable(
    request.file,
    trainingTable(loaded.candles, request.horizonBars, gaps),
    loaded.candles,
  );
  const kernel = createFeatureKernel();
  const marketRules = derivedRules(stream.symbol, loaded.candles, String(config.execution.takerFeeRate));
  return {
    world: {
      candles: loaded.candles,
      table,
      trainer: createForestTrainer(),
      forest: request.forest,
      origin: { exchange: stream.exchange, symbol: stream.symbol, timeframe: stream.timeframe },
      makeStream: (classifier) => (clock) =>
        createStreamSetup({
          key: stream,
          calendar,
          marketRules,
          ingestion: config.ingestion,
          kernel,
          inference: createInferenceLayer({ classifier }),
          clock,
        }),
      config,
      startCash: String(config.execution.paperStartCash),
      halfSpreadBps: request.halfSpreadBps,
      ...(signal ? { signal } : {}),
    },
    folds: walkForwardFolds(table.openMs, {
      train: request.train,
      test: request.test,
      anchored: request.anchored,
      horizonBars: request.horizonBars,
      embargoBars: request.embargoBars ?? FEATURE_WINDOW,
      timeframeMs: gaps.timeframeMs,
    }),
    barsPerYear: barsPerYear(stream.timeframe, calendar),
    sha256: loaded.file.sha256,
    timeframe: stream.timeframe,
    judgement: judgementOf(loaded),
  };
}
