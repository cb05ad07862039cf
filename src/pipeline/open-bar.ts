import type { Candle, StreamKey } from '../core/candle.js';
import type { RiskDecision } from '../core/order.js';
import type { AccountSnapshot, BarRecord } from '../core/records.js';
import type { Prediction, SignalResult } from '../core/signal.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { DecidedBar } from './bar-outcome.js';
import type { ResolvedOutcome } from './monitoring/index.js';
import type { StreamState } from './stream-state.js';

/** A bar between its signal and its commit. */
export interface OpenBar {
  readonly stream: StreamState;
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
    stream: bar.stream.key,
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
    stream: bar.stream.key,
    record,
    missingBars: bar.missingBars,
    resolved: bar.resolved,
    execution: sent,
    breakerTripped: bar.breakerTripped,
    health: health ? bar.stream.monitor.health() : null,
  };
}

/** A bar of history, as it is stored. */
export function undecidedBar(stream: StreamKey, candle: Candle, availableAtMs: number): BarRecord {
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
