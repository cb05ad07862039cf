import { expect, it } from 'vitest';
import {
  columnOf,
  FEATURE_COLUMNS,
  MODEL_COLUMNS,
  MODEL_FROM,
  MODEL_WIDTH,
} from '../../src/core/feature-set.js';

it('names the columns, of which the model sees all but the first', () => {
  expect(FEATURE_COLUMNS.map(columnOf)).toEqual(FEATURE_COLUMNS.map((_, i) => i));
  expect(MODEL_COLUMNS).toEqual(FEATURE_COLUMNS.slice(1));
  expect([MODEL_FROM, MODEL_WIDTH]).toEqual([1, 9]);
  expect(columnOf('volatility')).toBe(3);
});
