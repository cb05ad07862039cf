import { type OptionTable, type Values, wrongUsage } from '../../console/option-table.js';
import { number, symbol, whole } from '../../console/option-values.js';
import { FEATURE_WINDOW } from '../../core/feature-set.js';
import { studyConfig } from '../../research/studies/study-config.js';
import type { WalkForwardRequest } from '../../research/studies/walk-forward-input.js';
import { FOREST_OPTIONS, forestOf } from '../forest-options.js';
import { ALLOW_QUARANTINED } from './candle-input.js';
import { span } from './span-option.js';
import { STUDY_CONFIG } from './study-config.js';

/** Options that walk-forward and tune share. */
export const FOLD_OPTIONS = {
  candles: { value: 'FILE', help: 'the candles, see below', required: true, completes: 'file' },
  train: {
    value: 'SPAN',
    help: 'training window, as in 2y, 6m, 4w or 90d',
    default: '2y',
    read: span,
  },
  test: { value: 'SPAN', help: 'test window; tests follow one another', default: '3m', read: span },
  rolling: { help: 'the training window moves on (the default)' },
  anchored: { help: 'it begins at the first candle and grows' },
  embargo: {
    value: 'BARS',
    help: 'bars left out between training and test, in addition to the rows purged because their labels reach into the test',
    otherwise: `${FEATURE_WINDOW}, a feature window`,
    read: whole(0, 100_000),
  },
  horizon: { value: 'BARS', help: 'how far ahead the label looks', default: '1', read: whole(1, 1000) },
  config: STUDY_CONFIG,
  'half-spread': {
    value: 'BPS',
    help: 'slippage of each fill',
    otherwise: 'execution.paperSlippageBps',
    read: number(0, 1000),
  },
  symbol: {
    value: 'SYMBOL',
    read: symbol,
    help: 'what the candles are of, as in BTC/USDT',
    otherwise: 'the first of the settings',
  },
  exchange: {
    value: 'ID',
    help: 'where it trades, as in binance',
    otherwise: 'the first of the settings',
  },
  'allow-quarantined': ALLOW_QUARANTINED,
  ...FOREST_OPTIONS,
} as const satisfies OptionTable;

/** Reads the shared options; `threads` is how many threads one forest grows on. */
export function foldRequest(
  command: string,
  values: Values<typeof FOLD_OPTIONS>,
  threads: number,
  threshold?: number,
): WalkForwardRequest {
  if (values.anchored && values.rolling)
    throw wrongUsage(command, '--anchored and --rolling exclude each other');
  const config = studyConfig(values.config, threshold);
  const exchange = config.exchange[0]!;
  return {
    file: values.candles,
    exchange: values.exchange ?? exchange.id,
    symbol: values.symbol ?? exchange.symbols[0]!,
    train: values.train,
    test: values.test,
    anchored: values.anchored,
    embargoBars: values.embargo,
    horizonBars: values.horizon,
    forest: { ...forestOf(values), threads },
    halfSpreadBps: values['half-spread'] ?? config.execution.paperSlippageBps,
    config,
    allowQuarantined: values['allow-quarantined'],
  };
}
