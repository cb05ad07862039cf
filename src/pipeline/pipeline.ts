import { type Candle, type StreamKey, streamName } from '../core/candle.js';
import { invariant } from '../core/errors.js';
import type { RiskDecision } from '../core/order.js';
import type { BarRecord } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import { createOrderQueue } from '../execution/order-queue.js';
import { createOrders } from '../execution/orders.js';
import { createAccount } from '../portfolio/account.js';
import type { RawCandle } from '../ports/market.js';
import type { BarOutcome } from './bar-outcome.js';
import { fillGap } from './gap-fill.js';
import type { ResolvedOutcome } from './monitoring/index.js';
import {
  type BarMemory,
  createBarMemory,
  type OpenBar,
  outcomeOf,
  recordOf,
  reuseRecord,
} from './open-bar.js';
import type { Pipeline, PipelineDeps } from './pipeline-api.js';
import { quarantineRow } from './quarantine.js';
import { createRiskLayer } from './risk/index.js';
import { createRiskInputs, type Signal } from './risk-inputs.js';
import { createRouteLocks } from './route-locks.js';
import { createRouter, type Place } from './router.js';
import {
  createStreamState,
  observeClose,
  type StreamState,
  tradableUnits,
  windowBarsOf,
} from './stream-state.js';

const NONE_RESOLVED: readonly ResolvedOutcome[] = [];

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { config, clock, store } = deps;
  const withHealth = deps.healthEachBar === true;
  /** Nobody keeps anything of a bar without a signal, nor asks how the model does: layer 7 has nothing to tell. */
  const forgets = deps.keepsNoBars === true && deps.sharesOutcomes === true && !withHealth;
  const account = createAccount(deps, clock);
  const { portfolio, breaker } = account;
  const lanes = new Map<string, StreamState>(
    deps.streams.map((setup) => [
      streamName(setup.key),
      createStreamState(setup, config, deps.model, portfolio, deps.streams.length),
    ]),
  );
  const risk = createRiskLayer(config.risk);
  const turns = createOrderQueue();
  const desk = createOrders(deps, account, turns, [...lanes.values()]);
  const { execution } = desk;
  const serialize = <T>({ setup }: StreamState, work: () => Promise<T>) =>
    turns.serialize(setup.key.exchange, setup.key.symbol, work);
  const riskInputs = createRiskInputs(config, account, desk, [...lanes.values()]);
  const warmUpBars = windowBarsOf(config);
  const startCashEach = Number(deps.startCash) / deps.brokers.length;
  const router =
    config.execution.routing === 'best'
      ? createRouter({
          lanes: [...lanes.values()],
          desk,
          clock,
          quoteAgeMsMax: config.execution.quoteAgeMsMax,
          isBusy: riskInputs.isReserved,
          cashAt: (exchange) => startCashEach + portfolio.cashMoved(exchange),
          entryCostMax: () => config.risk.maxPositionFraction * portfolio.equity(),
        })
      : null;
  const routeLocks = createRouteLocks();

  /** Made with the first bar that can be told in it; null where outcomes are kept. */
  let quiet: BarMemory | null = null;

  function laneOf(stream: StreamKey): StreamState {
    const lane = lanes.get(streamName(stream));
    invariant(lane, `stream ${streamName(stream)} is not set up`);
    return lane;
  }

  /** `lane` is the one whose exchange would take the order. */
  function assess(bar: OpenBar, signal: Signal, { lane, quote }: Place): RiskDecision {
    const inputs = riskInputs.gather(lane === bar.lane ? bar : { ...bar, lane }, signal, quote);
    return risk.decide({ signal, inputs, breakerTripped: breaker.tripped, rules: lane.setup.rules });
  }

  /**
   * Layers 4 to 7. Every step that need not wait is taken at once, so that the bars of a backtest, most of which bring no
   * order, cost no promise; the steps and their order are the same for all.
   */
  function decide(
    lane: StreamState,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
  ): BarOutcome | Promise<BarOutcome> {
    if (lane.lastBarMs !== null && candle.openMs <= lane.lastBarMs) {
      return { kind: 'already_known', stream: lane.setup.key, openMs: candle.openMs };
    }
    const availableAtMs = clock.wallMs();
    const { exchange, symbol } = lane.setup.key;
    return !execution.blocks(exchange, symbol)
      ? judge(lane, candle, features, prediction, missingBars, availableAtMs)
      : desk
          .settleSymbol(exchange, symbol)
          .then(() => judge(lane, candle, features, prediction, missingBars, availableAtMs));
  }

  function judge(
    lane: StreamState,
    candle: Candle,
    features: Float64Array | null,
    prediction: Prediction | NoPredictionReason,
    missingBars: number,
    availableAtMs: number,
  ): BarOutcome | Promise<BarOutcome> {
    lane.lastBarMs = candle.openMs;
    lane.book.markPrice = candle.close;
    const equity = portfolio.equity();
    const breakerTripped = account.update(equity, candle.openMs + lane.barMs);
    observeClose(lane, candle);
    const predicted = typeof prediction === 'string' ? null : prediction;
    let resolved = NONE_RESOLVED;
    if (!forgets) {
      resolved = lane.monitor.onCandle(candle);
      if (predicted !== null) lane.monitor.onPrediction(candle.openMs, predicted.probabilityUp, features);
    }

    const signal = lane.signals.decide(prediction, candle.openMs, {
      heldUnits: tradableUnits(lane),
      regime: lane.regimes?.label(),
    });
    if (signal.kind === 'none' && quiet !== null) {
      // An object of its own, that the compiler can do without.
      return reuseRecord(quiet, {
        lane,
        candle,
        features,
        predicted,
        missingBars,
        availableAtMs,
        equity,
        breakerTripped,
        resolved,
        signal,
      });
    }
    const bar: OpenBar = {
      lane,
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
    if (signal.kind === 'none') {
      if (forgets) quiet = createBarMemory(bar, account.view);
      return closeBar(bar, null);
    }
    const at = placeOf(bar, signal);
    return at instanceof Promise
      ? at.then((place) => {
          // Other streams went on while the quote was fetched: the account is that of the decision.
          const now = { ...bar, equity: portfolio.equity() };
          const trippedNow = account.update(now.equity, candle.openMs + lane.barMs) || breakerTripped;
          return closeBar({ ...now, breakerTripped: trippedNow }, assess(now, signal, place), place.lane);
        })
      : closeBar(bar, assess(bar, signal, at), at.lane);
  }

  /** Where the order of a signal goes, with the quote there; at once where that is known at once. */
  function placeOf({ lane, candle }: OpenBar, signal: Signal): Place | Promise<Place> {
    if (router !== null && lane.releaseRoute !== null) return router.choose(lane, candle, signal);
    const quote = desk.quote(lane, candle);
    return quote instanceof Promise ? quote.then((found) => ({ lane, quote: found })) : { lane, quote };
  }

  /** Commits the bar with its decision; no order goes out before that. */
  function closeBar(
    bar: OpenBar,
    decision: RiskDecision | null,
    place: StreamState = bar.lane,
  ): BarOutcome | Promise<BarOutcome> {
    const record = recordOf(bar, decision, account.snapshot(bar.equity));
    if (deps.keepsNoBars === true && decision?.kind !== 'order')
      return outcomeOf(bar, record, null, withHealth);
    return commitAndSend(bar, record, decision, place);
  }

  async function commitAndSend(
    bar: OpenBar,
    record: BarRecord,
    decision: RiskDecision | null,
    place: StreamState,
  ): Promise<BarOutcome> {
    const { lane, candle } = bar;
    if (decision?.kind !== 'order') {
      await store.commitBar(record, bar.resolved);
      return outcomeOf(bar, record, null, withHealth);
    }
    riskInputs.reserve(place, decision);
    try {
      lane.signals.acted(candle.openMs);
      // The intent is written down right behind the decision, and waits for it: a card syncs once for both.
      const decided = deps.keepsNoBars === true ? Promise.resolve() : store.commitBar(record, bar.resolved);
      const sent = send(lane, place, candle, decision, decided);
      store.letPass?.(sent);
      const [outcome] = await Promise.all([sent, decided]);
      return outcomeOf(bar, record, outcome, withHealth);
    } finally {
      riskInputs.release(place);
    }
  }

  /** At the stream's own exchange in its own turn; at another one in a turn there, as any order there. */
  function send(
    lane: StreamState,
    place: StreamState,
    candle: Candle,
    decision: Extract<RiskDecision, { kind: 'order' }>,
    decided: Promise<void>,
  ): Promise<ExecutionOutcome> {
    if (place !== lane) return serialize(place, () => desk.send(place, candle, decision, decided));
    lane.releaseRoute?.();
    return desk.send(lane, candle, decision, decided);
  }

  /** A bar whose entry may go to another exchange: the streams of its symbol decide one after the other. */
  async function takeRouted(lane: StreamState, raw: RawCandle): Promise<BarOutcome> {
    const { exchange, symbol } = lane.setup.key;
    const letGo = await routeLocks.take(symbol);
    return serialize(lane, async () => {
      try {
        // To settle an order may take long, and a stream that must has no choice of its own.
        if (execution.blocks(exchange, symbol)) letGo();
        else lane.releaseRoute = letGo;
        return await take(lane, raw);
      } finally {
        lane.releaseRoute = null;
        letGo();
      }
    });
  }

  /** Layers 1 and 2 alone, and what became of earlier predictions: a bar of history is never decided on. */
  async function learn(lane: StreamState, raw: RawCandle): Promise<BarOutcome> {
    const { key, ingestion, features } = lane.setup;
    const availableAtMs = clock.wallMs();
    const accepted = ingestion.accept(raw);
    if (accepted.kind === 'rejected') return quarantineRow(store, key, raw, accepted);
    const { candle, missingBars } = accepted;
    features.push(candle);
    observeClose(lane, candle);
    lane.lastBarMs = candle.openMs;
    lane.book.markPrice = candle.close;
    await store.commitBar(undecidedBar(key, candle, availableAtMs), lane.monitor.onCandle(candle));
    return { kind: 'learned', stream: key, openMs: candle.openMs, missingBars };
  }

  async function take(lane: StreamState, raw: RawCandle): Promise<BarOutcome> {
    const { key, ingestion, features } = lane.setup;
    const accepted = ingestion.accept(raw);
    if (accepted.kind === 'rejected') return quarantineRow(store, key, raw, accepted);
    const row = features.push(accepted.candle);
    const prediction = await lane.inference.predict(row);
    const values = row.status === 'ok' ? row.values : null;
    return decide(lane, accepted.candle, values, prediction, accepted.missingBars);
  }

  return {
    portfolio,
    warmUpBars,
    async start(known) {
      const restored = known ?? (await store.restore());
      desk.restoreComparison(restored);
      account.restore(restored);
      for (const lane of lanes.values()) {
        const [last] = await store.lastCandles(lane.setup.key, 1);
        if (last) lane.book.markPrice = last.close;
      }
      for (const [name, lane] of lanes) {
        const predictions = restored.outcomes.filter((outcome) => outcome.stream === name);
        lane.monitor.restore(predictions);
        lane.signals.restore({
          lastActedBarMs: restored.lastActedBarMs[name] ?? null,
          held: restored.holdings[name] ?? null,
          predictions,
        });
      }
      await desk.open(restored);
    },
    warmUp: (stream, candles) => {
      const lane = laneOf(stream);
      return serialize(lane, async () => {
        for (const candle of candles) {
          const accepted = lane.setup.ingestion.accept(candle);
          if (accepted.kind === 'rejected') continue;
          lane.setup.features.push(accepted.candle);
          observeClose(lane, accepted.candle);
          // The candle is stored; the outcome of a prediction before it may not be, where history was added by hand.
          const outcomes = lane.monitor.onCandle(accepted.candle);
          if (outcomes.length > 0)
            await store.commitBar(undecidedBar(stream, accepted.candle, clock.wallMs()), outcomes);
          lane.lastBarMs = candle.openMs;
          lane.book.markPrice = candle.close;
        }
      });
    },
    onCandle: (stream, raw) => {
      const lane = laneOf(stream);
      if (router?.hasChoice(lane)) return takeRouted(lane, raw);
      return serialize(lane, () => take(lane, raw));
    },
    onHistory: (stream, raw) => {
      const lane = laneOf(stream);
      return serialize(lane, () => learn(lane, raw));
    },
    fillGap: (stream, rows) => {
      const lane = laneOf(stream);
      return serialize(lane, async () => {
        const added = await fillGap(lane, store, warmUpBars, rows, clock.wallMs());
        if (added > 0) riskInputs.candlesChanged();
        return added;
      });
    },
    deciderOf(stream) {
      const lane = laneOf(stream);
      return (candle, features, prediction, missingBars) =>
        decide(lane, candle, features, prediction, missingBars);
    },
    settle: desk.settle,
    unsettledAt: (exchange) => execution.unsettled(exchange).length,
    reconcile: desk.reconcile,
    heard: desk.heard,
    doubt: desk.doubt,
    unprotected: desk.unprotected,
    mayLeave: execution.mayLeave,
    flatten: (exchange) =>
      desk.flatten([...lanes.values()].filter(({ setup }) => setup.key.exchange === exchange)),
    rebasePeak: (by) => account.rebase(by, store),
    async useModel(model, inferenceOf) {
      // All are made before any is used: a model that does not fit changes nothing.
      const layers = [...lanes.values()].map((lane) => ({ lane, layer: inferenceOf(lane.setup.key) }));
      await Promise.all(
        layers.map(({ lane, layer }) =>
          serialize(lane, async () => {
            lane.inference = layer;
            lane.monitor.useModel(model);
          }),
        ),
      );
    },
    lastBarMs: (stream) => laneOf(stream).lastBarMs,
    health(stream) {
      invariant(!forgets, 'nothing is kept of which the health could be reckoned');
      return laneOf(stream).monitor.health();
    },
    state: () => ({
      account: account.snapshot(portfolio.equity()),
      positions: Object.fromEntries(
        portfolio.books().map((book) => [`${book.exchange}:${book.symbol}`, book.unitsNumber]),
      ),
      trades: portfolio.soFar(),
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
