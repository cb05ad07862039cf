import { createFeatureKernel } from '../../adapters/native/features.js';
import { type CandleColumns, sliceCandles } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import { type Calendar, timeframeName } from '../../core/timeframe.js';
import type { TrainingTable } from '../../learning/training-table.js';
import type { GapRules } from '../../pipeline/features/index.js';
import { trainingRows } from '../../pipeline/training-rows.js';
import {
  inferCalendar,
  inferTimeframeMs,
  type Judgement,
  judgementOf,
  loadCandles,
  mustHaveCandles,
} from '../candles/load-candles.js';
import { valuelessFeatures } from './valueless-features.js';

export interface TrainingInputOptions {
  readonly horizonBars: number;
  /** Found out from the candles when undefined. */
  readonly calendar: Calendar | undefined;
  /** More missing bars than this make a long gap, as in the configuration. */
  readonly maxGapBars: number;
  /** Only candles that open before this time are used. */
  readonly toMs: number;
  readonly nowMs: number;
  readonly allowQuarantined: boolean;
}

export interface TrainingInput {
  readonly table: TrainingTable;
  /** Candles in use, after validation. */
  readonly candles: number;
  readonly judgement: Judgement;
  /** As in `1h`; null where no name fits. */
  readonly timeframe: string | null;
  readonly calendar: Calendar;
}

/**
 * Reads a candle file into rows and labels with the pipeline's own validation (`strict`) and features. Throws what
 * `readCandlesCsv` throws, and `E_NO_CANDLES` where fewer than two candles are left.
 */
export async function readTrainingInput(file: string, options: TrainingInputOptions): Promise<TrainingInput> {
  const loaded = await loadCandles(file, { rules: 'strict', nowMs: options.nowMs });
  await mustHaveCandles(loaded, 'strict', options.allowQuarantined);
  const candles = before(loaded.candles, options.toMs);
  const timeframeMs = inferTimeframeMs(candles.openMs);
  if (timeframeMs === undefined) {
    throw badInput(
      'E_NO_CANDLES',
      `${file}: ${candles.length} of ${loaded.candles.length} candles are before the end of the training span`,
      'give a longer history, or a later --to',
    );
  }
  const gaps = {
    timeframeMs,
    calendar: options.calendar ?? inferCalendar(candles.openMs),
    maxGapBars: options.maxGapBars,
  };
  return {
    table: learnable(file, trainingTable(candles, options.horizonBars, gaps), candles),
    candles: candles.length,
    judgement: judgementOf(loaded),
    timeframe: timeframeName(timeframeMs) ?? null,
    calendar: gaps.calendar,
  };
}

/** Fails where a feature has no value in any bar, which a longer history would not change. */
export function learnable(file: string, table: TrainingTable, candles: CandleColumns): TrainingTable {
  const [why] = table.length === 0 ? valuelessFeatures(candles) : [];
  if (why === undefined) return table;
  throw badInput('E_TRAIN_ROWS', `${file}: ${why}`, 'give candles with their true volumes');
}

/** Rows and labels of a validated series. */
export function trainingTable(candles: CandleColumns, horizonBars: number, gaps: GapRules): TrainingTable {
  return trainingRows(createFeatureKernel(), candles, horizonBars, gaps);
}

function before(candles: CandleColumns, toMs: number): CandleColumns {
  let length = candles.length;
  while (length > 0 && candles.openMs[length - 1]! >= toMs) length--;
  return sliceCandles(candles, 0, length);
}
