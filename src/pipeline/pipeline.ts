import { type Candle, type StreamKey, streamName } from '../core/candle.js';
import { invariant } from '../core/errors.js';
import { text } from '../core/money.js';
import type { Quote, RiskDecision, RiskInputs } from '../core/order.js';
import type { NoPredictionReason, Prediction, SignalResult } from '../core/signal.js';
import { timeframeMs } from '../core/timeframe.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import type { AccountSnapshot, BarRecord, RawCandle, RestoredState } from '../ports.js';
import type { BarOutcome } from './bar-outcome.js';
import { quoteToDecideOn } from './decision-quote.js';
import {
  createExecution,
  createOrderGate,
  createPortfolio,
  createReconciler,
  currenciesOf,
  type Execution,
  type ExecutionOutcome,
  type OrderIntent,
} from './execution/index.js';
import { flattenLanes } from './flatten.js';
import { fillGap } from './gap-fill.js';
import { createLane, type Lane } from './lane.js';
import { type OpenBar, outcomeOf, recordOf } from './open-bar.js';
import type { Pipeline, PipelineDeps } from './pipeline-api.js';
import { createDrawdownBreaker, createRiskLayer } from './risk/index.js';
import { averagesOf } from './trade-averages.js';
import { turnAway } from './turn-away.js';
import { createTurns } from './turns.js';

/** Position of `volatility` among the feature columns. */
const VOLATILITY_COLUMN = 3;
/** recvWindow and margin of a live order: before that a second "not found" says nothing. */
const LIVE_SETTLE_MS = 5000;

const NOTHING_SETTLED: readonly ExecutionOutcome[] = [];

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { config, clock, store, broker } = deps;
  const withHealth = deps.healthEachBar === true;
  const portfolio = createPortfolio({
    startCash: deps.startCash,
    amountStepOf: (exchange, symbol) =>
      deps.streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol)?.rules.amountStep,
  });
  const lanes = new Map<string, Lane>(
    deps.streams.map((setup) => [streamName(setup.key), createLane(setup, config, deps.model, portfolio)]),
  );
  const lanesByKey = new WeakMap<StreamKey, Lane>();
  const quoteCurrency = currenciesOf(deps.streams[0]!.key.symbol).quote;
  const breaker = createDrawdownBreaker(config.risk.drawdownHaltFraction);
  const risk = createRiskLayer(config.risk);
  /** The bar being decided, for the gate's question about the state. */
  let current: { readonly key: StreamKey; readonly openMs: number } | null = null;
  const execution: Execution = createExecution(
    {
      store,
      broker,
      clock,
      ids: deps.ids,
      portfolio,
      makeGate: (isBlocked) =>
        createOrderGate(
          {
            broker,
            permit: deps.permit,
            clock,
            isBlocked,
            tradingState: () => (current === null ? 'HALTED' : stateFor(current.key, current.openMs)),
            unitsHeld: (exchange, symbol) => text(portfolio.book(exchange, symbol).units),
            equity: portfolio.equity,
          },
          config.execution,
        ),
    },
    {
      triesMax: config.execution.triesMax,
      backoffMs: config.execution.backoffMs,
      settleMs: broker.kind === 'paper' ? 0 : LIVE_SETTLE_MS,
    },
  );

  /** Paper trades against itself: there is nobody to agree with. */
  const reconciler =
    broker.kind === 'paper'
      ? null
      : createReconciler({
          store,
          broker,
          clock,
          portfolio,
          execution,
          symbols: [...new Set(deps.streams.map(({ key }) => key.symbol))],
          prefix: deps.ids.prefix,
          barBefore: (atMs) => {
            const barMs = timeframeMs(deps.streams[0]!.key.timeframe);
            return Math.floor(atMs / barMs) * barMs - barMs;
          },
          onCapital: breaker.capital,
        });

  const inTurn = createTurns();

  /** Orders settled between bars, to be told with the next one: whoever hears of bars hears of every fill. */
  const settledUntold: ExecutionOutcome[] = [];

  async function settleOnce(): Promise<readonly ExecutionOutcome[]> {
    const settled = await execution.settleOnce();
    settledUntold.push(...settled);
    return settled;
  }

  /** The box's state for a bar: at most REDUCING until exchange and store agree. */
  function stateFor(key: StreamKey, openMs: number): TradingState {
    const state = deps.tradingState(key, openMs);
    return reconciler === null || reconciler.agreed ? state : stricter(state, 'REDUCING');
  }

  /** The lane of a key; the same key object finds it again without a name being put together for every bar. */
  function laneOf(stream: StreamKey): Lane {
    let lane = lanesByKey.get(stream);
    if (lane === undefined) {
      lane = lanes.get(streamName(stream));
      invariant(lane, `stream ${streamName(stream)} is not set up`);
      lanesByKey.set(stream, lane);
    }
    return lane;
  }

  function snapshot(equity: number): AccountSnapshot {
    return {
      atMs: clock.wallMs(),
      equity,
      cash: portfolio.cash(),
      peakEquity: breaker.peakEquity,
      drawdown: breaker.drawdown,
      breakerTripped: breaker.tripped,
    };
  }

  /** Flows are cash; those that the last snapshot does not know of move the peak as they would have done then. */
  function restoreCapital(restored: RestoredState): void {
    const { flows, account } = restored;
    reconciler?.restore(restored);
    for (const flow of flows) {
      if (flow.currency !== quoteCurrency) continue;
      portfolio.applyFlow(flow);
      if (account === null || flow.kind === 'opening' || flow.atMs <= account.atMs) continue;
      breaker.capital(account.equity, account.equity + Number(flow.amount));
    }
  }

  const quote = (lane: Lane, candle: Candle) => quoteToDecideOn(deps.quoteFor, lane.setup.key, candle);

  function assess(bar: OpenBar, signal: Extract<SignalResult, { kind: 'signal' }>, at: Quote): RiskDecision {
    const { lane, candle, features } = bar;
    const { key, rules } = lane.setup;
    const { averageWin, averageLoss } = averagesOf(portfolio, config);
    const volatility = features === null ? Number.NaN : (features[VOLATILITY_COLUMN] ?? Number.NaN);
    const inputs: RiskInputs = {
      equity: bar.equity,
      peakEquity: breaker.peakEquity,
      drawdown: breaker.drawdown,
      positionUnits: lane.book.unitsNumber,
      quote: at,
      state: stateFor(key, candle.openMs),
      averageWin,
      averageLoss,
      annualVolatility: Number.isFinite(volatility) ? volatility * lane.annualise : null,
    };
    return risk.decide({ signal, inputs, breakerTripped: breaker.tripped, rules });
  }

  async function send(
    lane: Lane,
    candle: Candle,
    decision: OrderIntent['decision'],
  ): Promise<ExecutionOutcome> {
    const { key, rules } = lane.setup;
    current = { key, openMs: candle.openMs };
    try {
      return await execution.submit({
        exchange: key.exchange,
        decision,
        rules,
        barOpenMs: candle.openMs,
        decisionPrice: candle.close,
        refreshQuote: async () => deps.quoteFor(key, candle),
      });
    } finally {
      current = null;
    }
  }

  /**
   * Layers 4 to 7. Every step that need not wait is taken at once, so that the bars of a backtest, most of which bring no
   * order, cost no promise; the steps and their order are the same for all.
   */
  function decide(
    lane: Lane,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
  ): BarOutcome | Promise<BarOutcome> {
    if (lane.lastBarMs !== null && candle.openMs <= lane.lastBarMs) {
      return { kind: 'already_known', stream: lane.setup.key, openMs: candle.openMs };
    }
    const availableAtMs = clock.wallMs();
    return execution.unsettledCount === 0
      ? judge(lane, candle, features, prediction, missingBars, availableAtMs)
      : settleOnce().then(() => judge(lane, candle, features, prediction, missingBars, availableAtMs));
  }

  function judge(
    lane: Lane,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
    availableAtMs: number,
  ): BarOutcome | Promise<BarOutcome> {
    const settled = settledUntold.length === 0 ? NOTHING_SETTLED : settledUntold.splice(0);
    lane.lastBarMs = candle.openMs;
    lane.book.markPrice = candle.close;
    const equity = portfolio.equity();
    const breakerTripped = breaker.update(equity);
    const resolved = lane.monitor.onCandle(candle);
    const predicted = typeof prediction === 'string' ? null : prediction;
    if (predicted !== null) lane.monitor.onPrediction(candle.openMs, predicted.probabilityUp, features);

    const signal = lane.signals.decide(prediction, candle.openMs);
    const bar: OpenBar = {
      lane,
      candle,
      features,
      predicted,
      missingBars,
      availableAtMs,
      settled,
      equity,
      breakerTripped,
      resolved,
      signal,
    };
    if (signal.kind === 'none') return closeBar(bar, null);
    const at = quote(lane, candle);
    return at instanceof Promise
      ? at.then((found) => closeBar(bar, assess(bar, signal, found)))
      : closeBar(bar, assess(bar, signal, at));
  }

  /** Commits the bar with its decision; only then may an order go out. */
  function closeBar(bar: OpenBar, decision: RiskDecision | null): BarOutcome | Promise<BarOutcome> {
    const record = recordOf(bar, decision, snapshot(bar.equity));
    if (deps.keepsNoBars === true && decision?.kind !== 'order')
      return outcomeOf(bar, record, null, withHealth);
    return commitAndSend(bar, record, decision);
  }

  async function commitAndSend(
    bar: OpenBar,
    record: BarRecord,
    decision: RiskDecision | null,
  ): Promise<BarOutcome> {
    const { lane, candle } = bar;
    if (deps.keepsNoBars !== true) {
      await store.commitBar(record, bar.resolved);
    }
    if (decision?.kind !== 'order') return outcomeOf(bar, record, null, withHealth);
    lane.signals.acted(candle.openMs);
    return outcomeOf(bar, record, await send(lane, candle, decision), withHealth);
  }

  /** Layers 1 and 2 alone, and what became of earlier predictions: a bar of history is never decided on. */
  async function learn(lane: Lane, raw: RawCandle): Promise<BarOutcome> {
    const { key, ingestion, features } = lane.setup;
    const availableAtMs = clock.wallMs();
    const accepted = ingestion.accept(raw);
    if (accepted.kind === 'rejected') return turnAway(store, key, raw, accepted);
    const { candle, missingBars } = accepted;
    features.push(candle);
    lane.lastBarMs = candle.openMs;
    lane.book.markPrice = candle.close;
    await store.commitBar(undecidedBar(key, candle, availableAtMs), lane.monitor.onCandle(candle));
    return { kind: 'learned', stream: key, openMs: candle.openMs, missingBars };
  }

  async function take(lane: Lane, raw: RawCandle): Promise<BarOutcome> {
    const { key, ingestion, features } = lane.setup;
    const accepted = ingestion.accept(raw);
    if (accepted.kind === 'rejected') return turnAway(store, key, raw, accepted);
    const row = features.push(accepted.candle);
    const prediction = await lane.inference.predict(row);
    const values = row.status === 'ok' ? row.values : null;
    return decide(lane, accepted.candle, values, prediction, accepted.missingBars);
  }

  return {
    portfolio,
    start: (known) =>
      inTurn(async () => {
        const restored = known ?? (await store.restore());
        for (const fill of restored.fills) portfolio.apply(fill);
        if (restored.account) breaker.restore(restored.account);
        restoreCapital(restored);
        for (const [name, lastActedBarMs] of Object.entries(restored.lastActedBarMs)) {
          lanes.get(name)?.signals.restore(lastActedBarMs);
        }
        for (const [name, lane] of lanes) {
          lane.monitor.restore(restored.outcomes.filter((outcome) => outcome.stream === name));
        }
        await execution.restore(restored.openOrders, restored.fills);
        if (execution.unsettledCount > 0) await settleOnce();
        await reconciler?.open();
      }),
    warmUp: (stream, candles) =>
      inTurn(async () => {
        const lane = laneOf(stream);
        for (const candle of candles) {
          const accepted = lane.setup.ingestion.accept(candle);
          if (accepted.kind === 'rejected') continue;
          lane.setup.features.push(accepted.candle);
          // The candle is stored; the outcome of a prediction before it may not be, where history was added by hand.
          const outcomes = lane.monitor.onCandle(accepted.candle);
          if (outcomes.length > 0)
            await store.commitBar(undecidedBar(stream, accepted.candle, clock.wallMs()), outcomes);
          lane.lastBarMs = candle.openMs;
          lane.book.markPrice = candle.close;
        }
      }),
    onCandle: (stream, raw) => {
      const lane = laneOf(stream);
      return inTurn(() => take(lane, raw));
    },
    onHistory: (stream, raw) => {
      const lane = laneOf(stream);
      return inTurn(() => learn(lane, raw));
    },
    fillGap: (stream, rows) => {
      const lane = laneOf(stream);
      return inTurn(() => fillGap(lane.setup, store, rows, clock.wallMs()));
    },
    decideBar: (stream, candle, features, prediction, missingBars) =>
      decide(laneOf(stream), candle, features, prediction, missingBars),
    settle: () => inTurn(settleOnce),
    reconcile: () =>
      inTurn(async () => {
        if (reconciler === null) return null;
        const result = await reconciler.compare();
        if (result.kind !== 'unreachable') settledUntold.push(...result.taken);
        return result;
      }),
    mayLeave: execution.mayLeave,
    flatten: () =>
      inTurn(async () => {
        if (execution.unsettledCount > 0) await settleOnce();
        const { outcomes, unclosed } = await flattenLanes([...lanes.values()], {
          quote: async (lane, candle) => quote(lane, candle),
          send,
        });
        settledUntold.push(...outcomes);
        return unclosed;
      }),
    resumeBreaker: () => breaker.resume(portfolio.equity()),
    useModel: (model, inferenceOf) =>
      inTurn(async () => {
        // All are made before any is used: a model that does not fit changes nothing.
        const layers = [...lanes.values()].map((lane) => inferenceOf(lane.setup.key));
        [...lanes.values()].forEach((lane, i) => {
          lane.inference = layers[i]!;
          lane.monitor.useModel(model);
        });
      }),
    health: (stream) => laneOf(stream).monitor.health(),
    state: () => ({
      account: snapshot(portfolio.equity()),
      positions: Object.fromEntries(
        portfolio.books().map((book) => [`${book.exchange}:${book.symbol}`, book.unitsNumber]),
      ),
      unsettledOrders: execution.unsettledCount,
      lastBarMs: Object.fromEntries([...lanes].map(([name, lane]) => [name, lane.lastBarMs])),
    }),
  };
}

function undecidedBar(stream: StreamKey, candle: Candle, availableAtMs: number): BarRecord {
  return {
    stream,
    candle,
    availableAtMs,
    decided: false,
    prediction: null,
    features: null,
    signal: null,
    risk: null,
    decidedAtMs: null,
    account: null,
  };
}
