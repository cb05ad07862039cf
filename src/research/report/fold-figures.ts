import { estimateAuc } from '../../learning/delong.js';
import { brierScore } from '../../learning/evaluate.js';
import { type ReliabilityRow, reliabilityTable } from '../../learning/reliability.js';
import type { FoldResult } from '../backtest/walk-forward.js';
import { deflatedSharpe, returnMoments } from './deflated-sharpe.js';
import { summed } from './run-report.js';

/** As `--json` prints it; without an interval (null) where a class has one row only. */
export interface FoldAuc {
  readonly auc: number;
  readonly standardError: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** The figures of one fold or of all together. */
export interface FoldFigures {
  readonly rows: number;
  readonly auc: FoldAuc | null;
  /** Of the calibrated probability. */
  readonly brier: number | null;
  readonly totalReturn: number;
  readonly buyAndHold: number;
  readonly maxDrawdown: number;
  readonly turnover: number;
  readonly fills: number;
  /** Orders that risk denied or that were not placed, by reason. */
  readonly denials: Readonly<Record<string, number>>;
}

export interface PooledFigures extends FoldFigures {
  /** Annualised; null without variation. */
  readonly sharpe: number | null;
  /** Probability that the true Sharpe ratio beats the best of so many variants without skill. */
  readonly deflatedSharpe: number | null;
  readonly variants: number;
  /** Of always answering the share of ups in the test rows: what a probability must be below to tell anything. */
  readonly brierBaseRate: number | null;
  readonly reliability: readonly ReliabilityRow[];
}

function aucOf(scores: ArrayLike<number>, up: ArrayLike<boolean | number>): FoldAuc | null {
  const estimate = estimateAuc(scores, up);
  if (estimate === null) return null;
  const { auc, interval } = estimate;
  return { auc, ...(interval ?? { standardError: null, low: null, high: null }) };
}

export function foldFigures(fold: FoldResult): FoldFigures {
  return {
    rows: fold.up.length,
    auc: aucOf(fold.scores, fold.up),
    brier: fold.brier,
    ...curveOf(fold.returns),
    buyAndHold: fold.buyAndHold,
    turnover: fold.turnover,
    fills: fold.fills,
    denials: fold.denials,
  };
}

/**
 * All folds as one: scores of all test rows in one AUC (each fold by its own model), returns one after the other. `variance`
 * is that of the Sharpe ratios (a bar) of the variants that were tried, where known.
 */
export function pooledFigures(
  folds: readonly FoldResult[],
  barsPerYear: number,
  variants: number,
  variance?: number,
): PooledFigures {
  const up = folds.flatMap((fold) => fold.up);
  const calibrated = folds.flatMap((fold) => fold.calibrated);
  const returns = folds.flatMap((fold) => fold.returns);
  const moments = returnMoments(returns);
  const share = up.reduce((sum, one) => sum + one, 0) / up.length;
  return {
    rows: up.length,
    auc: aucOf(
      folds.flatMap((fold) => fold.scores),
      up,
    ),
    brier: brierScore(calibrated, up),
    ...curveOf(returns),
    buyAndHold: folds.reduce((value, fold) => value * (1 + fold.buyAndHold), 1) - 1,
    turnover: folds.reduce((sum, fold) => sum + fold.turnover, 0),
    fills: folds.reduce((sum, fold) => sum + fold.fills, 0),
    denials: summed(folds.map((fold) => fold.denials)),
    sharpe: moments.sharpe === null ? null : moments.sharpe * Math.sqrt(barsPerYear),
    deflatedSharpe: deflatedSharpe(moments, variants, variance),
    variants,
    brierBaseRate: brierScore(new Float64Array(up.length).fill(share), up),
    reliability: reliabilityTable(calibrated, up),
  };
}

function curveOf(returns: readonly number[]): { totalReturn: number; maxDrawdown: number } {
  let value = 1;
  let peak = 1;
  let maxDrawdown = 0;
  for (const r of returns) {
    value *= 1 + r;
    peak = Math.max(peak, value);
    maxDrawdown = Math.max(maxDrawdown, 1 - value / peak);
  }
  return { totalReturn: value - 1, maxDrawdown };
}
