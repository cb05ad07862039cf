import { type FoldResult, runFold } from '../backtest/walk-forward.js';
import { type FoldFigures, foldFigures, type PooledFigures, pooledFigures } from '../report/fold-figures.js';
import { type WalkForwardRequest, walkForwardInput } from './walk-forward-input.js';

export interface WalkForwardOutcome {
  /** Of the candle file. */
  readonly sha256: string;
  readonly timeframe: string;
  readonly folds: readonly (Pick<FoldResult, 'testFromMs' | 'testToMs' | 'trainRows' | 'modelHash'> & {
    readonly figures: FoldFigures;
  })[];
  readonly pooled: PooledFigures;
}

/** Trains and tests fold by fold. `variants` is how many settings were tried before these. */
export async function studyWalkForward(
  request: WalkForwardRequest,
  variants: number,
  onProgress: (foldsDone: number, folds: number) => void,
  signal: AbortSignal,
): Promise<WalkForwardOutcome> {
  const { world, folds, barsPerYear, sha256, timeframe } = await walkForwardInput(request, signal);
  onProgress(0, folds.length);
  const results: FoldResult[] = [];
  for (const fold of folds) {
    results.push(await runFold(world, fold));
    onProgress(results.length, folds.length);
  }
  return {
    sha256,
    timeframe,
    folds: results.map((result) => ({
      testFromMs: result.testFromMs,
      testToMs: result.testToMs,
      trainRows: result.trainRows,
      modelHash: result.modelHash,
      figures: foldFigures(result),
    })),
    pooled: pooledFigures(results, barsPerYear, variants),
  };
}
