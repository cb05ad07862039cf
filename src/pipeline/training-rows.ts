import type { CandleColumns } from '../core/candle.js';
import { createTrainingTable, labelledRows, type TrainingTable } from '../learning/training-table.js';
import type { FeatureKernel } from '../ports/model.js';
import { featureRows, type GapRules, modelInputs, usableRows } from './features/index.js';

/** Rows and labels of a validated series, by the pipeline's own features. */
export function trainingRows(
  kernel: FeatureKernel,
  candles: CandleColumns,
  horizonBars: number,
  gaps: GapRules,
): TrainingTable {
  const features = featureRows(kernel, candles, gaps);
  const rows = labelledRows(candles, usableRows(features), horizonBars, gaps);
  return createTrainingTable(candles, rows, modelInputs(features, rows), horizonBars);
}
