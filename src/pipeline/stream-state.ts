import { type Candle, streamName } from '../core/candle.js';
import { FEATURE_WINDOW } from '../core/feature-set.js';
import { REGIME_DEFAULTS, regimeWindowBars } from '../core/regime.js';
import { barsPerYear, timeframeMs } from '../core/timeframe.js';
import type { Instrument } from '../execution/instrument.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { InferenceLayer, StreamSetup } from './layer-ports.js';
import { createMonitor, type Monitor } from './monitoring/index.js';
import type { PipelineConfig, PipelineDeps } from './pipeline-api.js';
import { type CloseHistory, createCloseHistory, historyBars, type RiskConfig } from './risk/index.js';
import {
  createRegimeTracker,
  createSignalLayer,
  type RegimeTracker,
  type SignalLayer,
} from './signals/index.js';

/** What the `volatility` feature annualises by, whatever the timeframe. */
const VOLATILITY_CONSTANT = Math.sqrt(252);

/** One stream inside the pipeline: its own layers and where it stands. */
export interface StreamState extends Instrument {
  readonly setup: StreamSetup;
  readonly name: string;
  /** Turns the `volatility` feature into volatility a year, by timeframe and calendar. */
  readonly annualise: number;
  readonly signals: SignalLayer;
  /** Closes for the correlation with other streams; null where there is none, or nobody asks. */
  readonly history: CloseHistory | null;
  /** Null where regimes are not looked at. */
  readonly regimes: RegimeTracker | null;
  /** Least amount that can be traded: what is smaller is no position. */
  readonly amountStep: number;
  readonly monitor: Monitor;
  /** The set-up's own, until another model takes over. */
  inference: InferenceLayer;
  lastBarMs: number | null;
  /** Lets the other streams of the symbol decide; null while this one's entries have no choice of an exchange. */
  releaseRoute: (() => void) | null;
}

export function createStreamState(
  setup: StreamSetup,
  config: PipelineConfig,
  model: PipelineDeps['model'],
  portfolio: Portfolio,
  streams: number,
): StreamState {
  const { key } = setup;
  return {
    setup,
    key,
    get rules() {
      return setup.rules;
    },
    name: streamName(setup.key),
    annualise: Math.sqrt(barsPerYear(key.timeframe, setup.calendar)) / VOLATILITY_CONSTANT,
    signals: createSignalLayer(config.signals, timeframeMs(key.timeframe), setup.calendar, setup.rules.kind),
    regimes:
      config.signals.allowRegimes === undefined
        ? null
        : createRegimeTracker(config.signals.regime ?? REGIME_DEFAULTS),
    barMs: timeframeMs(key.timeframe),
    history: historyOf(config.risk, streams),
    get amountStep() {
      return Number(setup.rules.amountStep);
    },
    monitor: createMonitor(config.monitoring, model),
    inference: setup.inference,
    book: portfolio.book(setup.key.exchange, setup.key.symbol),
    lastBarMs: null,
    releaseRoute: null,
  };
}

/** Candles read back on start and after late bars: enough for a feature window with a bar of margin, and for repeats. */
const WARM_UP_BARS = FEATURE_WINDOW * 3;

/** Candles from which all windows of a stream are built. */
export function windowBarsOf({ signals, risk }: Pick<PipelineConfig, 'signals' | 'risk'>): number {
  const { allowRegimes, regime = REGIME_DEFAULTS } = signals;
  return Math.max(
    WARM_UP_BARS,
    allowRegimes === undefined ? 0 : regimeWindowBars(regime),
    risk.correlationMax === undefined ? 0 : historyBars(risk.correlationBars ?? 0),
  );
}

function historyOf({ correlationMax, correlationBars }: RiskConfig, streams: number): CloseHistory | null {
  if (streams < 2 || correlationMax === undefined || correlationBars === undefined) return null;
  return createCloseHistory(correlationBars);
}

/** A candle has become part of the stream's past, or of its present before it is decided on. */
export function observeClose(
  { regimes, history }: Pick<StreamState, 'regimes' | 'history'>,
  { openMs, close }: Candle,
): void {
  regimes?.push(close);
  history?.push(openMs, close);
}

/** What a signal can be about: less than a step of a symbol cannot be traded, and is no position. */
export function tradableUnits({ book, amountStep }: StreamState): number {
  return Math.abs(book.unitsNumber) < amountStep ? 0 : book.unitsNumber;
}
