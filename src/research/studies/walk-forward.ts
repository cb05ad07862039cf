import { badInput } from '../../core/errors.js';
import { type FoldResult, runFold } from '../backtest/walk-forward.js';
import type { Judgement } from '../candles/load-candles.js';
import { type FoldFigures, foldFigures, type PooledFigures, pooledFigures } from '../report/fold-figures.js';
import { type WalkForwardRequest, walkForwardInput } from './walk-forward-input.js';

export interface WalkForwardOutcome {
  /** Of the candle file. */
  readonly sha256: string;
  readonly timeframe: string;
  readonly judgement: Judgement;
  readonly folds: readonly (Pick<
    FoldResult,
    'testFromMs' | 'testToMs' | 'trainRows' | 'modelHash' | 'noModel'
  > & {
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
  const { world, folds, barsPerYear, sha256, timeframe, judgement } = await walkForwardInput(request, signal);
  onProgress(0, folds.length);
  const results: FoldResult[] = [];
  for (const fold of folds) {
    results.push(await runFold(world, fold));
    onProgress(results.length, folds.length);
  }
  const [first] = results;
  if (first?.noModel !== undefined && results.every(({ noModel }) => noModel !== undefined)) {
    throw badInput(
      'E_FOLDS',
      `no fold has a model: ${first.noModel}`,
      'give a longer history, or shorter --train and --test',
    );
  }
  return {
    sha256,
    judgement,
    timeframe,
    folds: results.map((result) => ({
      testFromMs: result.testFromMs,
      testToMs: result.testToMs,
      trainRows: result.trainRows,
      modelHash: result.modelHash,
      ...(result.noModel === undefined ? {} : { noModel: result.noModel }),
      figures: foldFigures(result),
    })),
    pooled: pooledFigures(results, barsPerYear, variants),
  };
}
