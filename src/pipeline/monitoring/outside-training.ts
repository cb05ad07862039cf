import { columnOf } from '../../core/feature-set.js';
import type { ReferenceHistogram } from '../../core/manifest.js';

/**
 * How far a row is from what the model has learned on: the share of its features outside their range in training, in
 * [0, 1]. `features` is a row of all feature columns. Null without a row or a reference.
 */
export function shareOutsideTraining(
  reference: readonly ReferenceHistogram[],
  features: Float64Array | null,
): number | null {
  if (features === null || reference.length === 0) return null;
  let outside = 0;
  for (const { column, min, max } of reference) {
    const value = features[columnOf(column)]!;
    // Written so that what is no number is outside.
    if (!(value >= min && value <= max)) outside++;
  }
  return outside / reference.length;
}
