import { availableParallelism } from 'node:os';
import { loadConfig } from '../../config/load.js';
import { badInput } from '../../core/errors.js';
import { FOREST_DEFAULTS } from '../../learning/train.js';
import { defaultConfig } from '../../research/studies/backtest-run.js';
import type { WalkForwardRequest } from '../../research/studies/walk-forward-input.js';
import { type OptionSpec, required } from '../command.js';
import { wholeNumber } from '../whole-number.js';
import { spanOption } from './span-option.js';

/** Options that walk-forward and tune share. */
export const FOLD_OPTIONS = {
  candles: { type: 'string' },
  config: { type: 'string' },
  train: { type: 'string', default: '2y' },
  test: { type: 'string', default: '3m' },
  anchored: { type: 'boolean' },
  rolling: { type: 'boolean' },
  embargo: { type: 'string' },
  horizon: { type: 'string', default: '1' },
  threshold: { type: 'string' },
  'half-spread': { type: 'string' },
  symbol: { type: 'string' },
  exchange: { type: 'string' },
  trees: { type: 'string', default: String(FOREST_DEFAULTS.trees) },
  depth: { type: 'string', default: String(FOREST_DEFAULTS.depthMax) },
  'min-leaf': { type: 'string', default: String(FOREST_DEFAULTS.leafRowsMin) },
  seed: { type: 'string', default: String(FOREST_DEFAULTS.seed) },
  threads: { type: 'string', default: String(availableParallelism()) },
  json: { type: 'boolean' },
} as const satisfies OptionSpec;

export const FOLD_HELP = `  --train SPAN          training window, as in 2y, 6m, 4w or 90d (2y)
  --test SPAN           test window; tests follow one another (3m)
  --rolling             the training window moves on (the default)
  --anchored            it begins at the first candle and grows
  --embargo BARS        bars between training and test, beside the purge of rows
                        whose labels look into the test (20, a feature window)
  --horizon BARS        how far ahead the label looks (1)
  --config FILE         settings; all defaults without it
  --half-spread BPS     (execution.paperSlippageBps)
  --symbol, --exchange  as in BTC/USDT and binance
  --trees N, --depth N, --min-leaf N, --seed N     as in redbutton train
  --threads N           (as many as the machine has)
  --json                the figures as JSON
`;

type Given = {
  readonly [K in keyof typeof FOLD_OPTIONS]: (typeof FOLD_OPTIONS)[K]['type'] extends 'boolean'
    ? boolean
    : string | undefined;
};

/** Reads the shared options; `threads` is how many threads one forest grows on. */
export function foldRequest(command: string, values: Given, threads: number): WalkForwardRequest {
  if (values.anchored && values.rolling) {
    throw badInput(
      'E_USAGE',
      `${command}: --anchored and --rolling exclude each other`,
      `see redbutton ${command} --help`,
    );
  }
  const whole = (
    name: 'embargo' | 'horizon' | 'seed' | 'trees' | 'depth' | 'min-leaf',
    least: number,
    most: number,
  ) => wholeNumber(command, name, values[name]!, least, most);
  const base = values.config === undefined ? defaultConfig() : loadConfig(values.config);
  const threshold = fraction(command, 'threshold', values.threshold, 1);
  const config =
    threshold === undefined
      ? base
      : { ...base, signals: { ...base.signals, confidenceThreshold: threshold } };
  const venue = config.exchange[0]!;
  return {
    file: required(command, 'candles', values.candles),
    exchange: values.exchange ?? venue.id,
    symbol: values.symbol ?? venue.symbols[0]!,
    train: spanOption(command, 'train', values.train!),
    test: spanOption(command, 'test', values.test!),
    anchored: values.anchored,
    embargoBars: values.embargo === undefined ? undefined : whole('embargo', 0, 100_000),
    horizonBars: whole('horizon', 1, 1000),
    forest: {
      ...FOREST_DEFAULTS,
      seed: whole('seed', 0, Number.MAX_SAFE_INTEGER),
      trees: whole('trees', 1, 10_000),
      depthMax: whole('depth', 1, 15),
      leafRowsMin: whole('min-leaf', 1, 1_000_000),
      threads,
    },
    halfSpreadBps:
      fraction(command, 'half-spread', values['half-spread'], 1000) ?? config.execution.paperSlippageBps,
    config,
  };
}

function fraction(
  command: string,
  name: string,
  given: string | undefined,
  most: number,
): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() !== '' && value >= 0 && value <= most) return value;
  throw badInput(
    'E_USAGE',
    `${command}: --${name} ${JSON.stringify(given)} is not a number from 0 to ${most}`,
    `see redbutton ${command} --help`,
  );
}
