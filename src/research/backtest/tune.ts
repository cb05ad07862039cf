import { FEATURE_WINDOW } from '../../core/feature-set.js';
import { type Fold, purgedEnd } from '../../learning/folds.js';
import type { PipelineConfig } from '../../pipeline/pipeline-api.js';
import { returnMoments } from '../report/deflated-sharpe.js';
import {
  type FoldResult,
  growModel,
  modelOrReason,
  runFold,
  tradeSpan,
  type WalkForwardSettings,
} from './walk-forward.js';

/** One setting that is tried. */
export interface Variant {
  readonly confidenceThreshold: number;
  readonly kellyFraction: number;
}

/** How a variant did inside a fold's training window. */
export interface Trial extends Variant {
  /** A bar; 0 where it did not trade. */
  readonly sharpe: number;
  readonly fills: number;
}

export interface TunedFold {
  readonly choice: Variant;
  /** In the order of the variants. */
  readonly trials: readonly Trial[];
  /** The fold's test, traded with the choice. */
  readonly result: FoldResult;
}

export interface TuneHooks {
  /** Called after each trial, and after the fold's test. */
  readonly onStep?: () => void;
}

/** The last part of a training window, on which variants are compared. */
const INNER_TEST_SHARE = 0.25;

/** Steps of one fold, for progress. */
export const stepsOf = (variants: readonly Variant[]) => variants.length + 1;

/**
 * Chooses among variants inside the fold's training window alone, and then trades the fold's test with the choice: an inner
 * model learns from the window's first part (purged and embargoed), each variant trades the last quarter with it, and the one
 * with the highest Sharpe ratio is taken; the first of equals. The test is seen by nobody before the choice is made.
 */
export async function tuneFold(
  world: WalkForwardSettings,
  fold: Fold,
  variants: readonly Variant[],
  timeframeMs: number,
  hooks: TuneHooks = {},
): Promise<TunedFold> {
  const { openMs, horizonBars } = world.table;
  const rows = fold.trainTo - fold.trainFrom;
  const innerFromMs = openMs[fold.trainTo - Math.floor(rows * INNER_TEST_SHARE)]!;
  // The window's own last row: what comes after it is purged, and later candles are the test's.
  const innerToMs = openMs[fold.trainTo - 1]! + timeframeMs;
  const gaps = { horizonBars, embargoBars: FEATURE_WINDOW, timeframeMs };
  const inner = await modelOrReason(() =>
    growModel(world, fold.trainFrom, purgedEnd(openMs, innerFromMs, gaps)),
  );
  const trials: Trial[] = [];
  for (const variant of variants) {
    world.signal?.throwIfAborted();
    const traded =
      typeof inner === 'string'
        ? undefined
        : await tradeSpan(world, inner, innerFromMs, innerToMs, configOf(world.config, variant));
    trials.push({
      ...variant,
      sharpe: returnMoments(traded?.returns ?? []).sharpe ?? 0,
      fills: traded?.fills ?? 0,
    });
    hooks.onStep?.();
  }
  const best = trials.reduce((a, b) => (b.sharpe > a.sharpe ? b : a));
  const choice = { confidenceThreshold: best.confidenceThreshold, kellyFraction: best.kellyFraction };
  const result = await runFold(world, fold, configOf(world.config, choice));
  hooks.onStep?.();
  return { choice, trials, result };
}

/** Variance over the variants of their Sharpe ratios, each the mean of its folds': what the deflated ratio is computed by. */
export function trialVariance(folds: readonly TunedFold[]): number | undefined {
  const count = folds[0]?.trials.length ?? 0;
  if (count < 2) return undefined;
  const means = Array.from(
    { length: count },
    (_, v) => folds.reduce((sum, { trials }) => sum + trials[v]!.sharpe, 0) / folds.length,
  );
  const centre = means.reduce((sum, value) => sum + value, 0) / count;
  return means.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (count - 1);
}

function configOf(config: PipelineConfig, variant: Variant): PipelineConfig {
  return {
    ...config,
    signals: { ...config.signals, confidenceThreshold: variant.confidenceThreshold },
    risk: { ...config.risk, kellyFraction: variant.kellyFraction },
  };
}
