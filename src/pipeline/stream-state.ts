import { type Candle, type StreamKey, streamName } from '../core/candle.js';
import { FEATURE_WINDOW } from '../core/feature-set.js';
import type { MarketRules } from '../core/order.js';
import { REGIME_DEFAULTS, regimeWindowBars } from '../core/regime.js';
import { barsPerYear, type Calendar, timeframeMs } from '../core/timeframe.js';
import type { Instrument } from '../execution/instrument.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { PositionBook } from '../portfolio/position.js';
import type { StreamSetup } from './layer-ports.js';
import { createMonitor, type Monitor } from './monitoring/index.js';
import type { PipelineConfig, PipelineDeps } from './pipeline-api.js';
import { type CloseHistory, createCloseHistory, historyBars, type RiskConfig } from './risk/index.js';
import { createRegimeTracker, type RegimeTracker, SignalLayer } from './signals/index.js';
import { StreamLayers } from './stream-layers.js';

/** What the `volatility` feature annualises by, whatever the timeframe. */
const VOLATILITY_CONSTANT = Math.sqrt(252);

/** One stream inside the pipeline: its own layers and where it stands. */
export class StreamState implements Instrument {
  readonly key: StreamKey;
  readonly name: string;
  readonly calendar: Calendar;
  readonly barMs: number;
  /** Turns the `volatility` feature into volatility a year, by timeframe and calendar. */
  readonly annualise: number;
  readonly layers: StreamLayers;
  readonly signals: SignalLayer;
  /** Null where regimes do not matter. */
  readonly regimes: RegimeTracker | null;
  /** Closes for the correlation with other streams; null where there is none, or none is asked for. */
  readonly history: CloseHistory | null;
  readonly monitor: Monitor;
  readonly book: PositionBook;
  /** Open time of the last bar taken; null before the first. */
  lastBarMs: number | null = null;
  /** Lets the other streams of the symbol decide; null while this one's entries have no choice of an exchange. */
  releaseRoute: (() => void) | null = null;
  readonly #setup: StreamSetup;

  constructor(
    setup: StreamSetup,
    config: PipelineConfig,
    model: PipelineDeps['model'],
    portfolio: Portfolio,
    streams: number,
  ) {
    const { key, calendar } = setup;
    const { allowRegimes, regime = REGIME_DEFAULTS } = config.signals;
    this.#setup = setup;
    this.key = key;
    this.name = streamName(key);
    this.calendar = calendar;
    this.barMs = timeframeMs(key.timeframe);
    this.annualise = Math.sqrt(barsPerYear(key.timeframe, calendar)) / VOLATILITY_CONSTANT;
    this.layers = new StreamLayers(setup);
    this.signals = new SignalLayer(config.signals, this.barMs, calendar, setup.rules.kind);
    this.regimes = allowRegimes === undefined ? null : createRegimeTracker(regime);
    this.history = historyOf(config.risk, streams);
    this.monitor = createMonitor(config.monitoring, model);
    this.book = portfolio.book(key.exchange, key.symbol);
  }

  /** As they are now: the exchange may change them at any time. */
  get rules(): MarketRules {
    return this.#setup.rules;
  }

  /** What a signal can be about: less than a step of a symbol cannot be traded, and is no position. */
  get tradableUnits(): number {
    const { unitsNumber } = this.book;
    return Math.abs(unitsNumber) < Number(this.rules.amountStep) ? 0 : unitsNumber;
  }

  /** A candle is the stream's last one now, decided on or not. */
  advance({ openMs, close }: Candle): void {
    this.lastBarMs = openMs;
    this.book.markPrice = close;
  }

  /** A candle has become part of the stream's past, or of its present before it is decided on. */
  observeClose({ openMs, close }: Candle): void {
    this.regimes?.push(close);
    this.history?.push(openMs, close);
  }

  /** Late candles have changed the past: all windows begin again from what is known now, oldest first. */
  rebuild(candles: readonly Candle[]): void {
    this.layers.rebuild(candles);
    this.regimes?.reset();
    this.history?.reset();
    for (const candle of candles) this.observeClose(candle);
  }
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
