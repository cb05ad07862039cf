import { createFeatureKernel } from '../../adapters/native/features.js';
import type { CandleColumns } from '../../core/candle.js';
import { FEATURE_COLUMNS, FEATURE_WINDOW, MODEL_FROM } from '../../core/feature-set.js';

/**
 * Names the features that have a value in none of these bars, each with its input that never changes, as sentences; none where the
 * bars are too few for a value.
 */
export function valuelessFeatures(candles: CandleColumns): readonly string[] {
  const { length } = candles;
  if (length <= FEATURE_WINDOW) return [];
  const { values } = createFeatureKernel().batch(candles);
  const names = FEATURE_COLUMNS.filter(
    (_, c) => c >= MODEL_FROM && values.subarray(c * length, (c + 1) * length).every(Number.isNaN),
  );
  return names.map((name) => {
    const input = (['volume', 'close'] as const).find((one) =>
      candles[one].every((v) => v === candles[one][0]),
    );
    const why =
      input === undefined ? '' : `, since the ${input} never changes (${candles[input][0]} in each bar)`;
    return `the feature ${name} has no value in any of the ${length} bars${why}, and without it nothing can be predicted or learnt`;
  });
}
