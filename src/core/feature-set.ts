/** Feature set v1: the article's formulas, listed in docs/design.md. A model names the version it was trained on. */
export const FEATURE_SET_VERSION = 'v1';

/** Candles a row is computed from. The row is a pure function of these and of nothing older. */
export const FEATURE_WINDOW = 20;

/** All computed columns, in the order of the kernels' output and of the `features` command. */
export const FEATURE_COLUMNS = [
  'log_return',
  'rsi',
  'bb_width',
  'volatility',
  'vol_zscore',
  'lag_1',
  'lag_2',
  'lag_3',
  'lag_5',
  'lag_10',
] as const;
export type FeatureColumn = (typeof FEATURE_COLUMNS)[number];

/** Place of a column in a row. */
export const columnOf = (column: FeatureColumn): number => FEATURE_COLUMNS.indexOf(column);

/** Where a row's model inputs begin; what is before them is no input. */
export const MODEL_FROM = columnOf('rsi');

/** The model's inputs, in order. */
export const MODEL_COLUMNS: readonly FeatureColumn[] = FEATURE_COLUMNS.slice(MODEL_FROM);

/** Model inputs a row. */
export const MODEL_WIDTH = MODEL_COLUMNS.length;
