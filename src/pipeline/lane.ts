import { streamName } from '../core/candle.js';
import { barsPerYear, timeframeMs } from '../core/timeframe.js';
import type { Portfolio, PositionBook } from './execution/index.js';
import type { InferenceLayer, StreamSetup } from './layer-ports.js';
import { createMonitor, type Monitor } from './monitoring/index.js';
import type { PipelineConfig, PipelineDeps } from './pipeline-api.js';
import { createSignalLayer, type SignalLayer } from './signals/index.js';

/** What the `volatility` feature annualises by, whatever the timeframe. */
const VOLATILITY_CONSTANT = Math.sqrt(252);

/** One stream inside the pipeline: its own layers and where it stands. */
export interface Lane {
  readonly setup: StreamSetup;
  readonly name: string;
  /** Turns the `volatility` feature into volatility a year, by timeframe and calendar. */
  readonly annualise: number;
  readonly signals: SignalLayer;
  readonly monitor: Monitor;
  /** The set-up's own, until another model takes over. */
  inference: InferenceLayer;
  readonly book: PositionBook;
  /** Open time of the last bar taken; null before the first. */
  lastBarMs: number | null;
}

export function createLane(
  setup: StreamSetup,
  config: PipelineConfig,
  model: PipelineDeps['model'],
  portfolio: Portfolio,
): Lane {
  const { timeframe } = setup.key;
  return {
    setup,
    name: streamName(setup.key),
    annualise: Math.sqrt(barsPerYear(timeframe, setup.calendar)) / VOLATILITY_CONSTANT,
    signals: createSignalLayer(config.signals, timeframeMs(timeframe), setup.calendar),
    monitor: createMonitor(config.monitoring, model),
    inference: setup.inference,
    book: portfolio.book(setup.key.exchange, setup.key.symbol),
    lastBarMs: null,
  };
}
