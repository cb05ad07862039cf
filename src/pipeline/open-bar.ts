import type { Candle } from '../core/candle.js';
import type { RiskDecision } from '../core/order.js';
import type { AccountSnapshot, BarRecord } from '../core/records.js';
import type { Prediction, SignalResult } from '../core/signal.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { AccountView } from '../portfolio/account.js';
import type { DecidedBar } from './bar-outcome.js';
import type { ResolvedOutcome } from './monitoring/index.js';
import type { StreamState } from './stream-state.js';

/** A bar between its signal and its commit. */
export interface OpenBar {
  readonly lane: StreamState;
  readonly candle: Candle;
  readonly features: Float64Array | null;
  readonly predicted: Prediction | null;
  readonly missingBars: number;
  readonly availableAtMs: number;
  readonly equity: number;
  readonly breakerTripped: boolean;
  readonly resolved: readonly ResolvedOutcome[];
  readonly signal: SignalResult;
}

/** The bar as it is stored: with its decision, before any order of it. `account` is of the moment of the decision. */
export function recordOf(bar: OpenBar, decision: RiskDecision | null, account: AccountSnapshot): BarRecord {
  return {
    stream: bar.lane.setup.key,
    candle: bar.candle,
    availableAtMs: bar.availableAtMs,
    decided: true,
    prediction: bar.predicted,
    features: bar.features,
    signal: bar.signal,
    risk: decision,
    decidedAtMs: account.atMs,
    account,
  };
}

/** What is told of the bar once all is done; `sent` is what became of its order, `health` asks for the model's. */
export function outcomeOf(
  bar: OpenBar,
  record: BarRecord,
  sent: ExecutionOutcome | null,
  health: boolean,
): DecidedBar {
  return {
    kind: 'decided',
    stream: bar.lane.setup.key,
    record,
    missingBars: bar.missingBars,
    resolved: bar.resolved,
    execution: sent,
    breakerTripped: bar.breakerTripped,
    health: health ? bar.lane.monitor.health() : null,
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What is told of one bar. */
export interface BarMemory {
  readonly account: AccountView;
  readonly record: Writable<BarRecord>;
  readonly outcome: Writable<DecidedBar>;
}

/**
 * Memory in which all bars of a run are told that bring no signal, each until the next: for runs of millions of bars whose
 * caller keeps none. Making these objects costs more than deciding does.
 */
export function createBarMemory(bar: OpenBar, account: AccountView): BarMemory {
  const record = recordOf(bar, null, account);
  return { account, record, outcome: outcomeOf(bar, record, null, false) };
}

/** Tells of a bar without a signal in `memory`. */
export function reuseRecord({ account, record, outcome }: BarMemory, bar: OpenBar): DecidedBar {
  const { key } = bar.lane.setup;
  record.stream = key;
  record.candle = bar.candle;
  record.availableAtMs = bar.availableAtMs;
  record.prediction = bar.predicted;
  record.features = bar.features;
  record.signal = bar.signal;
  account.equity = bar.equity;
  record.decidedAtMs = account.atMs;
  outcome.stream = key;
  outcome.missingBars = bar.missingBars;
  outcome.resolved = bar.resolved;
  outcome.breakerTripped = bar.breakerTripped;
  return outcome;
}
