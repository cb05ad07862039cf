import { type Candle, type StreamKey, streamName } from '../core/candle.js';
import { invariant } from '../core/errors.js';
import type { RiskDecision } from '../core/order.js';
import type { BarRecord, PeakRebase, RestoredState } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import { OrderQueue } from '../execution/order-queue.js';
import { Orders } from '../execution/orders.js';
import { Account } from '../portfolio/account.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { RawCandle } from '../ports/market.js';
import type { BarOutcome } from './bar-outcome.js';
import { type BarRecorder, storedBars } from './bar-recorder.js';
import { fillGap } from './gap-fill.js';
import type { InferenceLayer } from './layer-ports.js';
import type { HealthReport, ResolvedOutcome } from './monitoring/index.js';
import { type OpenBar, outcomeOf, recordOf, undecidedBar } from './open-bar.js';
import type { BarDecider, PipelineDeps, PipelineState } from './pipeline-api.js';
import { quarantineRow } from './quarantine.js';
import { createRiskLayer, type RiskLayer } from './risk/index.js';
import { RiskInputsSource, type Signal } from './risk-inputs.js';
import { createRouteLocks, type RouteLocks } from './route-locks.js';
import { type Route, Router } from './router.js';
import type { StreamLayers } from './stream-layers.js';
import { StreamState, windowBarsOf } from './stream-state.js';

type RiskOrder = Extract<RiskDecision, { kind: 'order' }>;
/** An outcome, there at once where nothing had to be waited for. */
type Pending = BarOutcome | Promise<BarOutcome>;

const NONE_RESOLVED: readonly ResolvedOutcome[] = [];

/**
 * The one pipeline of live, paper, backtest and simulation: seven layers in fixed order, one bar of a stream at a time.
 *
 *     raw candle → 1 ingestion → 2 features → 3 inference        StreamLayers.read
 *                → 7 monitoring of what was predicted before     #judge
 *                → 4 signals → 5 risk                            #judge, #assess
 *                → the bar and its decision, committed           #close
 *                → 6 execution                                   #execute
 *
 * The order of steps is what makes it safe to lose power at any of them. The bar and its decision are committed in one
 * transaction; only then is an order's intent recorded, and only then is it sent. A bar that was committed is never
 * decided again; one that was not left nothing behind.
 */
export class Pipeline {
  readonly portfolio: Portfolio;
  /** Orders at the exchanges: unknown outcomes, comparisons, resting stops, flattening. */
  readonly orders: Orders;
  /** Known candles that {@link warmUp} needs to fill all windows, with a margin. */
  readonly warmUpBars: number;
  readonly #deps: PipelineDeps;
  readonly #account: Account;
  readonly #streams: ReadonlyMap<string, StreamState>;
  readonly #queue: OrderQueue;
  readonly #risk: RiskLayer;
  readonly #riskInputs: RiskInputsSource;
  readonly #bars: BarRecorder;
  /** Null where entries go to the stream's own exchange. */
  readonly #router: Router | null;
  readonly #routeLocks: RouteLocks = createRouteLocks();

  constructor(deps: PipelineDeps) {
    const { config, clock } = deps;
    this.#deps = deps;
    this.#bars = deps.bars ?? storedBars(deps.store);
    this.#account = new Account(deps, clock);
    this.portfolio = this.#account.portfolio;
    const streams = deps.streams.map(
      (setup) => new StreamState(setup, config, deps.model, this.portfolio, deps.streams.length),
    );
    this.#streams = new Map(streams.map((stream) => [stream.name, stream]));
    this.#queue = new OrderQueue();
    this.orders = new Orders(deps, this.#account, this.#queue, streams);
    this.#risk = createRiskLayer(config.risk);
    this.#riskInputs = new RiskInputsSource(config, this.#account, this.orders, streams);
    this.warmUpBars = windowBarsOf(config);
    this.#router = config.execution.routing === 'best' ? this.#makeRouter(streams) : null;
  }

  // ── a bar, from candle to outcome ─────────────────────────────────────────────────────────────────────────────

  /** Takes a closed bar. Those of a stream are worked off one after the other; streams do not wait for each other. */
  onCandle(key: StreamKey, raw: RawCandle): Promise<BarOutcome> {
    const stream = this.#streamOf(key);
    if (this.#router?.hasChoice(stream)) return this.#onRoutedCandle(stream, raw);
    return this.#serialize(stream, () => this.#decideOn(stream, raw));
  }

  async #decideOn(stream: StreamState, raw: RawCandle): Promise<BarOutcome> {
    const reading = await stream.layers.read(raw);
    if (reading.kind === 'quarantined') return quarantineRow(this.#deps.store, stream.key, raw, reading);
    return this.#decide(stream, reading.candle, reading.features, reading.prediction, reading.missingBars);
  }

  /**
   * Layers 4 to 7. Every step that need not wait is taken at once, so that the bars of a backtest, most of which bring no
   * order, cost no promise; the steps and their order are the same for all.
   */
  #decide(
    stream: StreamState,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
  ): Pending {
    const { key, lastBarMs } = stream;
    if (lastBarMs !== null && candle.openMs <= lastBarMs)
      return { kind: 'already_known', stream: key, openMs: candle.openMs };
    const availableAtMs = this.#deps.clock.wallMs();
    if (!this.orders.execution.blocks(key.exchange, key.symbol))
      return this.#judge(stream, candle, features, prediction, missingBars, availableAtMs);
    // An order of the symbol whose outcome is unknown is asked for first.
    return this.orders
      .resolveSymbol(key.exchange, key.symbol)
      .then(() => this.#judge(stream, candle, features, prediction, missingBars, availableAtMs));
  }

  #judge(
    stream: StreamState,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
    availableAtMs: number,
  ): Pending {
    stream.advance(candle);
    const equity = this.portfolio.equity();
    const breakerTripped = this.#account.update(equity, candle.openMs + stream.barMs);
    stream.observeClose(candle);
    const predicted = typeof prediction === 'string' ? null : prediction;
    const { outcomeWithoutSignal } = this.#bars;
    let resolved = NONE_RESOLVED;
    if (outcomeWithoutSignal === undefined) {
      resolved = stream.monitor.onCandle(candle);
      if (predicted !== null) stream.monitor.onPrediction(candle.openMs, predicted.probabilityUp, features);
    }
    const signal = stream.signals.decide(prediction, candle.openMs, {
      heldUnits: stream.tradableUnits,
      regime: stream.regimes?.label(),
    });
    const bar: OpenBar = {
      stream,
      candle,
      features,
      predicted,
      missingBars,
      availableAtMs,
      equity,
      breakerTripped,
      resolved,
      signal,
    };
    if (signal.kind === 'none')
      return outcomeWithoutSignal === undefined
        ? this.#close(bar, null)
        : outcomeWithoutSignal(bar, this.#account);
    const route = this.#routeOf(bar, signal);
    return route instanceof Promise
      ? route.then((found) => this.#closeLater(bar, signal, found))
      : this.#close(bar, this.#assess(bar, signal, route), route.stream);
  }

  /** Where the order of a signal goes, with the quote there; at once where that is known at once. */
  #routeOf({ stream, candle }: OpenBar, signal: Signal): Route | Promise<Route> {
    if (this.#router !== null && stream.releaseRoute !== null)
      return this.#router.choose(stream, candle, signal);
    const quote = this.orders.quote(stream, candle);
    return quote instanceof Promise ? quote.then((found) => ({ stream, quote: found })) : { stream, quote };
  }

  /** The risk decision at the exchange that would take the order. */
  #assess(bar: OpenBar, signal: Signal, { stream, quote }: Route): RiskDecision {
    const inputs = this.#riskInputs.gather(stream === bar.stream ? bar : { ...bar, stream }, signal, quote);
    return this.#risk.decide({
      signal,
      inputs,
      breakerTripped: this.#account.breaker.tripped,
      rules: stream.rules,
    });
  }

  /** Other streams went on while the quote was fetched: the account is that of the decision. */
  #closeLater(bar: OpenBar, signal: Signal, route: Route): Pending {
    const now = { ...bar, equity: this.portfolio.equity() };
    const closeMs = bar.candle.openMs + bar.stream.barMs;
    const breakerTripped = this.#account.update(now.equity, closeMs) || bar.breakerTripped;
    return this.#close({ ...now, breakerTripped }, this.#assess(now, signal, route), route.stream);
  }

  /** Commits the bar with its decision; no order goes out before that. */
  #close(bar: OpenBar, decision: RiskDecision | null, target: StreamState = bar.stream): Pending {
    const record = recordOf(bar, decision, this.#account.snapshot(bar.equity));
    if (decision?.kind === 'order') return this.#execute(bar, record, decision, target);
    const kept = this.#bars.commit(record, bar.resolved);
    return kept === undefined ? this.#outcome(bar, record) : kept.then(() => this.#outcome(bar, record));
  }

  async #execute(
    bar: OpenBar,
    record: BarRecord,
    decision: RiskOrder,
    target: StreamState,
  ): Promise<BarOutcome> {
    this.#riskInputs.reserve(target, decision);
    try {
      bar.stream.signals.acted(bar.candle.openMs);
      // The intent is recorded right behind the decision, and waits for it: a card syncs once for both.
      const decided = this.#bars.commit(record, bar.resolved) ?? Promise.resolve();
      const sent = this.#send(bar, decision, target, decided);
      this.#deps.store.yieldTo?.(sent);
      const [outcome] = await Promise.all([sent, decided]);
      return this.#outcome(bar, record, outcome);
    } finally {
      this.#riskInputs.release(target);
    }
  }

  /** At the stream's own exchange in its own turn; at another one in a turn there, as any order there. */
  #send(
    { stream, candle }: OpenBar,
    decision: RiskOrder,
    target: StreamState,
    decided: Promise<void>,
  ): Promise<ExecutionOutcome> {
    if (target !== stream)
      return this.#serialize(target, () => this.orders.send(target, candle, decision, decided));
    stream.releaseRoute?.();
    return this.orders.send(stream, candle, decision, decided);
  }

  #outcome(bar: OpenBar, record: BarRecord, sent: ExecutionOutcome | null = null): BarOutcome {
    return outcomeOf(bar, record, sent, this.#deps.healthEachBar === true);
  }

  /** A bar whose entry may go to another exchange: the streams of its symbol decide one after the other. */
  async #onRoutedCandle(stream: StreamState, raw: RawCandle): Promise<BarOutcome> {
    const { exchange, symbol } = stream.key;
    const release = await this.#routeLocks.take(symbol);
    return this.#serialize(stream, async () => {
      try {
        // To settle an order may take long, and a stream that must has no choice of its own.
        if (this.orders.execution.blocks(exchange, symbol)) release();
        else stream.releaseRoute = release;
        return await this.#decideOn(stream, raw);
      } finally {
        stream.releaseRoute = null;
        release();
      }
    });
  }

  // ── bars that are not decided on ──────────────────────────────────────────────────────────────────────────────

  /** Takes a closed bar of history (backfill): validated, stored and learned from, never decided on. */
  onHistory(key: StreamKey, raw: RawCandle): Promise<BarOutcome> {
    const stream = this.#streamOf(key);
    return this.#serialize(stream, async () => {
      const availableAtMs = this.#deps.clock.wallMs();
      const accepted = stream.layers.learn(raw);
      if (accepted.kind === 'quarantined') return quarantineRow(this.#deps.store, key, raw, accepted);
      const { candle, missingBars } = accepted;
      stream.observeClose(candle);
      stream.advance(candle);
      await this.#deps.store.commitBar(
        undecidedBar(key, candle, availableAtMs),
        stream.monitor.onCandle(candle),
      );
      return { kind: 'learned', stream: key, openMs: candle.openMs, missingBars };
    });
  }

  /** Feeds known candles, oldest first, without deciding on them or storing them. */
  warmUp(key: StreamKey, candles: readonly Candle[]): Promise<void> {
    const stream = this.#streamOf(key);
    return this.#serialize(stream, async () => {
      for (const known of candles) {
        const accepted = stream.layers.learn(known);
        if (accepted.kind === 'quarantined') continue;
        const { candle } = accepted;
        stream.observeClose(candle);
        // The candle is stored; the outcome of a prediction before it may not be, where history was added by hand.
        const outcomes = stream.monitor.onCandle(candle);
        if (outcomes.length > 0)
          await this.#deps.store.commitBar(undecidedBar(key, candle, this.#deps.clock.wallMs()), outcomes);
        stream.advance(candle);
      }
    });
  }

  /** Takes late bars of a gap: stored, never decided on, and part of the windows from then on. Resolves to how many were new. */
  fillGap(key: StreamKey, rows: readonly RawCandle[]): Promise<number> {
    const stream = this.#streamOf(key);
    return this.#serialize(stream, async () => {
      const { store, clock } = this.#deps;
      const added = await fillGap(stream, store, this.warmUpBars, rows, clock.wallMs());
      if (added > 0) this.#riskInputs.candlesChanged();
      return added;
    });
  }

  // ── backtests, which accept and predict in spans ──────────────────────────────────────────────────────────────

  /** Layers 1 to 3 of one stream. */
  layersOf(key: StreamKey): StreamLayers {
    return this.#streamOf(key).layers;
  }

  /** Layers 4 to 7 of one stream. */
  deciderOf(key: StreamKey): BarDecider {
    const stream = this.#streamOf(key);
    return (candle, features, prediction, missingBars) =>
      this.#decide(stream, candle, features, prediction, missingBars);
  }

  // ── start, and what people and guard ask ──────────────────────────────────────────────────────────────────────

  /** Restores from the store (or from what the caller already read of it); before warm-up and the first bar. */
  async start(known?: RestoredState): Promise<void> {
    const { store } = this.#deps;
    const restored = known ?? (await store.restore());
    this.orders.restoreComparison(restored);
    this.#account.restore(restored);
    for (const [name, stream] of this.#streams) {
      const [last] = await store.lastCandles(stream.key, 1);
      if (last) stream.book.markPrice = last.close;
      const predictions = restored.outcomes.filter((outcome) => outcome.stream === name);
      stream.monitor.restore(predictions);
      stream.signals.restore({
        lastActedBarMs: restored.lastActedBarMs[name] ?? null,
        held: restored.holdings[name] ?? null,
        predictions,
      });
    }
    await this.orders.open(restored);
  }

  /** Lets another model decide from the next bar on: the change falls between two bars, never into one. */
  async useModel(
    model: PipelineDeps['model'],
    inferenceOf: (key: StreamKey) => InferenceLayer,
  ): Promise<void> {
    // All are made before any is used: a model that does not fit changes nothing.
    const made = [...this.#streams.values()].map((stream) => ({ stream, layer: inferenceOf(stream.key) }));
    await Promise.all(
      made.map(({ stream, layer }) =>
        this.#serialize(stream, async () => {
          stream.layers.useInference(layer);
          stream.monitor.useModel(model);
        }),
      ),
    );
  }

  /**
   * A person's decision after the drawdown circuit breaker tripped: recorded with who took it, then the drawdown is measured from
   * equity as it is. Null, and nothing is done, where the breaker has not tripped or there is no equity to measure from.
   */
  rebasePeak(by: string): Promise<PeakRebase | null> {
    return this.#account.rebase(by, this.#deps.store);
  }

  /** Open time of the last bar taken; null before the first. */
  lastBarMs(key: StreamKey): number | null {
    return this.#streamOf(key).lastBarMs;
  }

  health(key: StreamKey): HealthReport {
    invariant(
      this.#bars.outcomeWithoutSignal === undefined,
      'nothing is kept from which the health could be computed',
    );
    return this.#streamOf(key).monitor.health();
  }

  state(): PipelineState {
    return {
      account: this.#account.snapshot(this.portfolio.equity()),
      positions: Object.fromEntries(
        this.portfolio.books().map((book) => [`${book.exchange}:${book.symbol}`, book.unitsNumber]),
      ),
      trades: this.portfolio.soFar(),
      unresolvedOrders: this.orders.execution.unresolvedCount,
      lastBarMs: Object.fromEntries([...this.#streams].map(([name, { lastBarMs }]) => [name, lastBarMs])),
    };
  }

  #streamOf(key: StreamKey): StreamState {
    const stream = this.#streams.get(streamName(key));
    invariant(stream, `stream ${streamName(key)} is not set up`);
    return stream;
  }

  #serialize<T>({ key }: StreamState, work: () => Promise<T>): Promise<T> {
    return this.#queue.serialize(key.exchange, key.symbol, work);
  }

  #makeRouter(streams: readonly StreamState[]): Router {
    const { config, clock, startCash, brokers } = this.#deps;
    const startCashEach = Number(startCash) / brokers.length;
    return new Router({
      streams,
      orders: this.orders,
      clock,
      quoteAgeMsMax: config.execution.quoteAgeMsMax,
      isBusy: (stream) => this.#riskInputs.isReserved(stream),
      cashAt: (exchange) => startCashEach + this.portfolio.cashMoved(exchange),
      entryCostMax: () => config.risk.maxPositionFraction * this.portfolio.equity(),
    });
  }
}
