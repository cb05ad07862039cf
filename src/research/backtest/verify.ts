import { type Candle, candleAt, type StreamKey, streamName } from '../../core/candle.js';
import { fault } from '../../core/errors.js';
import { columnOf, FEATURE_WINDOW } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { RiskDecision } from '../../core/order.js';
import type { BarRecord, KnownCandles, RunRecord } from '../../core/records.js';
import { REGIME_DEFAULTS, type Regime, regimeWindowBars } from '../../core/regime.js';
import type { NoPredictionReason, Prediction, SignalResult } from '../../core/signal.js';
import { barsPerYear, timeframeMs } from '../../core/timeframe.js';
import { lowerBound } from '../../learning/folds.js';
import { parseRunSettings, type RunSettings } from '../../pipeline/decision-settings.js';
import { createFeatureLayer, type FeatureRow } from '../../pipeline/features/index.js';
import { createInferenceLayer, type InferenceLayer } from '../../pipeline/inference/index.js';
import { shareOutsideTraining } from '../../pipeline/monitoring/index.js';
import { createRiskLayer } from '../../pipeline/risk/index.js';
import { createRegimeTracker, SignalLayer } from '../../pipeline/signals/index.js';
import { drawdownOf } from '../../portfolio/drawdown.js';
import type { Classifier, FeatureKernel } from '../../ports/model.js';
import { compareDecisions, type Difference } from './compare.js';

export interface VerifyOptions {
  readonly stream: StreamKey;
  /** Decisions of the stream by open time, from the first on: earlier ones than `fromMs` tell what signals go on from. */
  readonly decisions: readonly BarRecord[];
  /** Candles of the stream, by open time, from a feature window before the first bar to be verified. */
  readonly candles: KnownCandles;
  readonly runs: readonly RunRecord[];
  /** Open times of bars of the stream that came back from the journal over a loss, or were acted on in what is lost; rising. */
  readonly replayed?: readonly number[];
  readonly modelOf: (hash: string) => Promise<Classifier | undefined>;
  readonly kernel: FeatureKernel;
  /** Bars that open before this are not verified. */
  readonly fromMs?: number;
  readonly onProgress?: (done: number, bars: number) => void;
}

export interface Verification {
  readonly bars: number;
  readonly predictions: number;
  readonly riskDecisions: number;
  readonly differences: readonly Difference[];
  /** Bars on which the model itself failed: that cannot be computed again. */
  readonly modelFaults: number;
  /** Open times of bars whose features and signal were taken as stored: what they were decided on was lost. */
  readonly replayed: readonly number[];
  /** Hashes that predictions name, in the order in which they decided. */
  readonly models: readonly string[];
}

interface VerifyModel {
  readonly layer: InferenceLayer;
  readonly reference: ModelManifest['reference'];
}

/** Position of `volatility` among the feature columns, and what it annualises by. */
const VOLATILITY = columnOf('volatility');
const VOLATILITY_CONSTANT = Math.sqrt(252);

/**
 * Recomputes every decision of a stream from what was known at its time, and compares bit for bit with what was stored:
 * features from the candles that had become known by then, probabilities from the model that the bar names, the signal from
 * the settings of that run, the risk decision from its stored inputs. Of a bar that came back from the journal over a loss the
 * features and the signal are taken as stored; what follows from them is recomputed all the same.
 */
export async function verifyDecisions(options: VerifyOptions): Promise<Verification> {
  const { stream, decisions, candles } = options;
  const settingsAt = runLookup(options.runs, stream);
  const models = new Map<string, VerifyModel | null>();
  const differences: Difference[] = [];
  const name = streamName(stream);
  const decided = new Set(decisions.map(({ candle }) => candle.openMs));
  const [replayed, actedOn] = [true, false].map((isHere) =>
    (options.replayed ?? []).filter((openMs) => decided.has(openMs) === isHere),
  ) as [number[], number[]];
  const asStored = new Set(replayed);
  const found: number[] = [];
  const signals = signalReplay(stream, actedOn);
  let bars = 0;
  let predictions = 0;
  let riskDecisions = 0;
  let modelFaults = 0;

  async function modelOf(hash: string): Promise<VerifyModel | null> {
    const known = models.get(hash);
    if (known !== undefined) return known;
    const classifier = await options.modelOf(hash);
    const model =
      classifier === undefined
        ? null
        : { layer: createInferenceLayer({ classifier }), reference: classifier.manifest.reference };
    models.set(hash, model);
    return model;
  }

  /** Of the model that the bar names; undefined where it names none, or there is no such model here. */
  const referenceOf = ({ prediction }: BarRecord) =>
    prediction === null ? undefined : models.get(prediction.modelHash)?.reference;

  /** The prediction made anew; a difference of its own where it cannot be made. */
  async function predict(record: BarRecord, row: FeatureRow): Promise<Prediction | NoPredictionReason> {
    if (row.status !== 'ok') return row.status;
    const stored = record.prediction;
    if (stored === null) {
      if (record.signal?.kind === 'none' && record.signal.reason === 'inference_fault') {
        modelFaults++;
        return 'inference_fault';
      }
      report(record, 'prediction', 'prediction', null, 'the row is whole, so there should be one');
      return 'inference_fault';
    }
    const model = await modelOf(stored.modelHash);
    if (model === null) {
      report(record, 'prediction', 'prediction.modelHash', stored.modelHash, 'no such model is at hand');
      return stored;
    }
    const made = await model.layer.predict(row);
    if (typeof made === 'string') {
      report(record, 'prediction', 'prediction', stored.probabilityUp, model.layer.lastFault());
      return stored;
    }
    return made;
  }

  function report(
    record: BarRecord,
    layer: Difference['layer'],
    field: string,
    a: unknown,
    b: unknown,
  ): void {
    differences.push({ stream: name, openMs: record.candle.openMs, layer, field, a, b });
  }

  for (const record of decisions) {
    if (!record.decided) continue;
    const { openMs } = record.candle;
    signals.comingTo(openMs);
    if (openMs >= (options.fromMs ?? Number.NEGATIVE_INFINITY)) {
      const settings = settingsAt(record);
      const row = asStored.has(openMs) ? storedRow(record) : featuresAt(record, settings);
      const made = await predict(record, row);
      const prediction = typeof made === 'string' ? null : made;
      const regime = regimeAgain(candles, record, settings);
      const surroundings = { heldUnits: heldUnits(record, settings), regime };
      const decision = signals.at(settings).decide(made, openMs, surroundings);
      const signal = asStored.has(openMs) ? record.signal : decision;
      const features = row.status === 'ok' ? row.values : null;
      const again: BarRecord = {
        ...record,
        features,
        prediction,
        signal,
        risk: riskAgain(record, signal, features, settings, stream, referenceOf(record)),
        account: accountAgain(record),
      };
      differences.push(...compareDecisions([record], [again]));
      bars++;
      if (asStored.has(openMs)) found.push(openMs);
      if (record.prediction !== null) predictions++;
      if (record.risk !== null) riskDecisions++;
      options.onProgress?.(bars, decisions.length);
    } else {
      const settings = settingsAt(record);
      signals.at(settings).decide(record.prediction ?? 'no_value', openMs, {
        heldUnits: heldUnits(record, settings),
        regime: record.signal?.regime,
      });
    }
    signals.passed(record);
  }
  return {
    bars,
    predictions,
    riskDecisions,
    differences,
    modelFaults,
    replayed: found,
    models: [...models.keys()],
  };

  function featuresAt(record: BarRecord, settings: SettingsAt): FeatureRow {
    const features = createFeatureLayer({
      kernel: options.kernel,
      stream,
      calendar: settings.market.calendar,
      maxGapBars: settings.maxGapBars,
    });
    let row: FeatureRow | undefined;
    for (const candle of knownWindow(candles, record, FEATURE_WINDOW)) row = features.push(candle);
    if (row === undefined || row.openMs !== record.candle.openMs) {
      throw fault(
        'E_VERIFY_CANDLE',
        `the candle of ${name} at ${new Date(record.candle.openMs).toISOString()} was decided on before it was known`,
        'the store contradicts itself: keep a copy of it and report this',
      );
    }
    return row;
  }
}

const storedRow = ({ candle, features }: BarRecord): FeatureRow =>
  features === null
    ? { openMs: candle.openMs, status: 'no_value', values: new Float64Array() }
    : { openMs: candle.openMs, status: 'ok', values: features };

/** The last candles up to the bar that had become known by the time of its decision, oldest first. */
function knownWindow(candles: KnownCandles, record: BarRecord, bars: number): Candle[] {
  const window: Candle[] = [];
  const at = lowerBound(candles.openMs, record.candle.openMs);
  for (let i = at; i >= 0 && i < candles.length && window.length < bars; i--) {
    if (candles.availableAtMs[i]! <= record.availableAtMs) window.push(candleAt(candles, i));
  }
  return window.reverse();
}

type SettingsAt = Pick<RunSettings, 'signals' | 'risk' | 'maxGapBars' | 'streams'> & {
  readonly market: RunSettings['streams'][number];
};

/** The settings of the run that took a bar: the last one that had begun by then. */
function runLookup(runs: readonly RunRecord[], stream: StreamKey): (record: BarRecord) => SettingsAt {
  const parsed = runs.map(({ atMs, settings }) => ({ atMs, settings: parseRunSettings(settings) }));
  const name = streamName(stream);
  return (record) => {
    const run = parsed.findLast(({ atMs }) => atMs <= record.availableAtMs);
    const market = run?.settings.streams.find(({ key }) => streamName(key) === name);
    if (run === undefined || market === undefined) {
      throw fault(
        'E_VERIFY_SETTINGS',
        `no settings are stored for the run that decided on ${name} at ${new Date(record.candle.openMs).toISOString()}`,
        'verify a period that a trader of this version has lived',
      );
    }
    return { ...run.settings, market };
  };
}

/** The signal layer of each run, going on from what the decisions before it tell, as after a restart. */
function signalReplay(stream: StreamKey, actedOn: readonly number[]) {
  const barMs = timeframeMs(stream.timeframe);
  const predictions: Pick<Prediction, 'openMs' | 'probabilityUp'>[] = [];
  let lastActedBarMs: number | null = null;
  let nextActed = 0;
  let before: BarRecord | null = null;
  let of: SettingsAt['market'] | null = null;
  let layer: SignalLayer | null = null;
  function acted(openMs: number): void {
    lastActedBarMs = Math.max(openMs, lastActedBarMs ?? Number.NEGATIVE_INFINITY);
    layer?.acted(lastActedBarMs);
  }
  return {
    /** Before each bar: what is lost of the bars before it was acted on all the same. */
    comingTo(openMs: number): void {
      while (actedOn[nextActed]! < openMs) acted(actedOn[nextActed++]!);
    },
    at({ signals, market }: SettingsAt): SignalLayer {
      if (layer !== null && of === market) return layer;
      layer = new SignalLayer(signals, barMs, market.calendar, market.rules.kind);
      layer.restore({ lastActedBarMs, held: before?.signal?.held ?? null, predictions });
      of = market;
      return layer;
    },
    passed(record: BarRecord): void {
      before = record;
      if (record.prediction !== null) predictions.push(record.prediction);
      if (record.risk?.kind === 'order') acted(record.candle.openMs);
    },
  };
}

/** What risk looked at at the stream's own exchange says what was held; else the bar's own word is all there is. */
function heldUnits({ risk, signal }: BarRecord, { market }: SettingsAt): number {
  if (risk === null || risk.inputs.exchange !== market.key.exchange) return signal?.held?.units ?? 0;
  const { positionUnits } = risk.inputs;
  return Math.abs(positionUnits) < Number(market.rules.amountStep) ? 0 : positionUnits;
}

function regimeAgain(
  candles: KnownCandles,
  record: BarRecord,
  { signals }: SettingsAt,
): Regime | null | undefined {
  if (signals.allowRegimes === undefined) return undefined;
  const config = signals.regime ?? REGIME_DEFAULTS;
  const tracker = createRegimeTracker(config);
  for (const { close } of knownWindow(candles, record, regimeWindowBars(config))) tracker.push(close);
  return tracker.label();
}

function riskAgain(
  record: BarRecord,
  signal: SignalResult | null,
  features: Float64Array | null,
  settings: SettingsAt,
  stream: StreamKey,
  reference: ModelManifest['reference'] | undefined,
): RiskDecision | null {
  if (signal === null || signal.kind === 'none' || record.risk === null) return null;
  const stored = record.risk.inputs;
  const volatility = features?.[VOLATILITY] ?? Number.NaN;
  const market = marketAt(stored.exchange, stream, settings);
  const annualise = Math.sqrt(barsPerYear(stream.timeframe, market.calendar)) / VOLATILITY_CONSTANT;
  const inputs = {
    ...stored,
    drawdown: drawdownAgain(stored),
    annualVolatility: Number.isFinite(volatility) ? volatility * annualise : null,
    // A version before this one did not look at it: nothing is stored then.
    outsideTraining:
      stored.outsideTraining === null || reference === undefined
        ? stored.outsideTraining
        : shareOutsideTraining(reference, features),
  };
  return createRiskLayer(settings.risk).decide({
    signal,
    inputs,
    breakerTripped: record.account?.breakerTripped ?? false,
    rules: market.rules,
  });
}

/** The market that the order went to. */
function marketAt(exchange: string, { symbol }: StreamKey, { market, streams }: SettingsAt) {
  if (exchange === market.key.exchange) return market;
  // An exchange that the run did not know is a difference in every figure that its rules have a part in.
  return streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol) ?? market;
}

/** The account of the bar is what risk looked at; where there was no decision only its drawdown can be reckoned. */
function accountAgain(record: BarRecord): BarRecord['account'] {
  const { account, risk } = record;
  if (account === null) return null;
  const { equity, peakEquity, dayStartEquity, dayLowEquity } = risk?.inputs ?? account;
  const figures = { equity, peakEquity, dayStartEquity, dayLowEquity };
  return { ...account, ...figures, drawdown: drawdownAgain({ ...account, equity, peakEquity }) };
}

function drawdownAgain(of: {
  readonly equity: number;
  readonly peakEquity: number;
  readonly drawdown: number;
}): number {
  // An equity that is no number leaves the breaker as it was.
  return Number.isFinite(of.equity) ? drawdownOf(of.peakEquity, of.equity) : of.drawdown;
}
