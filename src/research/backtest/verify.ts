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
  return new Verifier(options).run();
}

class Verifier {
  readonly #options: VerifyOptions;
  readonly #name: string;
  readonly #settingsAt: (record: BarRecord) => SettingsAt;
  readonly #models = new Map<string, VerifyModel | null>();
  readonly #signals: ReturnType<typeof signalReplay>;
  /** Open times of bars whose features and signal are taken as stored. */
  readonly #asStored: ReadonlySet<number>;
  readonly #replayed: number[] = [];
  readonly #differences: Difference[] = [];
  #bars = 0;
  #predictions = 0;
  #riskDecisions = 0;
  #modelFaults = 0;

  constructor(options: VerifyOptions) {
    const { stream, decisions, replayed = [], runs } = options;
    this.#options = options;
    this.#name = streamName(stream);
    this.#settingsAt = runLookup(runs, stream);
    const decided = new Set(decisions.map(({ candle }) => candle.openMs));
    this.#asStored = new Set(replayed.filter((openMs) => decided.has(openMs)));
    this.#signals = signalReplay(
      stream,
      replayed.filter((openMs) => !decided.has(openMs)),
    );
  }

  async run(): Promise<Verification> {
    const { decisions, fromMs = Number.NEGATIVE_INFINITY } = this.#options;
    for (const record of decisions) {
      if (!record.decided) continue;
      const { openMs } = record.candle;
      this.#signals.comingTo(openMs);
      if (openMs >= fromMs) await this.#verify(record);
      else this.#passOver(record);
      this.#signals.passed(record);
    }
    return {
      bars: this.#bars,
      predictions: this.#predictions,
      riskDecisions: this.#riskDecisions,
      differences: this.#differences,
      modelFaults: this.#modelFaults,
      replayed: this.#replayed,
      models: [...this.#models.keys()],
    };
  }

  async #verify(record: BarRecord): Promise<void> {
    const { openMs } = record.candle;
    const again = await this.#recompute(record);
    this.#differences.push(...compareDecisions([record], [again]));
    this.#bars++;
    if (this.#asStored.has(openMs)) this.#replayed.push(openMs);
    if (record.prediction !== null) this.#predictions++;
    if (record.risk !== null) this.#riskDecisions++;
    this.#options.onProgress?.(this.#bars, this.#options.decisions.length);
  }

  /** A bar before those to be verified: signals go on from it. */
  #passOver(record: BarRecord): void {
    const settings = this.#settingsAt(record);
    this.#signals.at(settings).decide(record.prediction ?? 'no_value', record.candle.openMs, {
      heldUnits: heldUnits(record, settings),
      regime: record.signal?.regime,
    });
  }

  async #recompute(record: BarRecord): Promise<BarRecord> {
    const { candles, stream } = this.#options;
    const { openMs } = record.candle;
    const isAsStored = this.#asStored.has(openMs);
    const settings = this.#settingsAt(record);
    const row = isAsStored ? storedRow(record) : this.#featuresAt(record, settings);
    const made = await this.#predict(record, row);
    const regime = recomputeRegime(candles, record, settings);
    const surroundings = { heldUnits: heldUnits(record, settings), regime };
    const decision = this.#signals.at(settings).decide(made, openMs, surroundings);
    const signal = isAsStored ? record.signal : decision;
    const features = row.status === 'ok' ? row.values : null;
    return {
      ...record,
      features,
      prediction: typeof made === 'string' ? null : made,
      signal,
      risk: recomputeRisk(record, signal, features, settings, stream, this.#referenceOf(record)),
      account: recomputeAccount(record),
    };
  }

  #featuresAt(record: BarRecord, { market, maxGapBars }: SettingsAt): FeatureRow {
    const { kernel, stream, candles } = this.#options;
    const features = createFeatureLayer({ kernel, stream, calendar: market.calendar, maxGapBars });
    let row: FeatureRow | undefined;
    for (const candle of knownWindow(candles, record, FEATURE_WINDOW)) row = features.push(candle);
    if (row === undefined || row.openMs !== record.candle.openMs) {
      throw fault(
        'E_VERIFY_CANDLE',
        `the candle of ${this.#name} at ${new Date(record.candle.openMs).toISOString()} was decided on before it was known`,
        'the store contradicts itself: keep a copy of it and report this',
      );
    }
    return row;
  }

  /** The prediction made again; a difference of its own where it cannot be made. */
  async #predict(record: BarRecord, row: FeatureRow): Promise<Prediction | NoPredictionReason> {
    if (row.status !== 'ok') return row.status;
    const stored = record.prediction;
    if (stored === null) {
      if (record.signal?.kind === 'none' && record.signal.reason === 'inference_fault') this.#modelFaults++;
      else this.#differ(record, 'prediction', null, 'the row is whole, so there should be one');
      return 'inference_fault';
    }
    const model = await this.#modelOf(stored.modelHash);
    if (model === null) {
      this.#differ(record, 'prediction.modelHash', stored.modelHash, 'no such model is at hand');
      return stored;
    }
    const made = await model.layer.predict(row);
    if (typeof made !== 'string') return made;
    this.#differ(record, 'prediction', stored.probabilityUp, model.layer.lastFault());
    return stored;
  }

  #differ(record: BarRecord, field: string, a: unknown, b: unknown): void {
    const { openMs } = record.candle;
    this.#differences.push({ stream: this.#name, openMs, layer: 'prediction', field, a, b });
  }

  async #modelOf(hash: string): Promise<VerifyModel | null> {
    const known = this.#models.get(hash);
    if (known !== undefined) return known;
    const classifier = await this.#options.modelOf(hash);
    const model =
      classifier === undefined
        ? null
        : { layer: createInferenceLayer({ classifier }), reference: classifier.manifest.reference };
    this.#models.set(hash, model);
    return model;
  }

  /** Of the model that the bar names; undefined where it names none, or there is no such model here. */
  #referenceOf({ prediction }: BarRecord): ModelManifest['reference'] | undefined {
    return prediction === null ? undefined : this.#models.get(prediction.modelHash)?.reference;
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

function recomputeRegime(
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

function recomputeRisk(
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
    drawdown: recomputeDrawdown(stored),
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

/** The account of the bar is what risk looked at; where there was no decision only its drawdown can be computed. */
function recomputeAccount(record: BarRecord): BarRecord['account'] {
  const { account, risk } = record;
  if (account === null) return null;
  const { equity, peakEquity, dayStartEquity, dayLowEquity } = risk?.inputs ?? account;
  const figures = { equity, peakEquity, dayStartEquity, dayLowEquity };
  return { ...account, ...figures, drawdown: recomputeDrawdown({ ...account, equity, peakEquity }) };
}

function recomputeDrawdown(of: {
  readonly equity: number;
  readonly peakEquity: number;
  readonly drawdown: number;
}): number {
  // An equity that is no number leaves the breaker as it was.
  return Number.isFinite(of.equity) ? drawdownOf(of.peakEquity, of.equity) : of.drawdown;
}
