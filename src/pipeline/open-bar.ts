import type { Candle } from '../core/candle.js';
import type { RiskDecision } from '../core/order.js';
import type { Prediction, SignalResult } from '../core/signal.js';
import type { AccountSnapshot, BarRecord } from '../ports.js';
import type { DecidedBar } from './bar-outcome.js';
import type { ExecutionOutcome } from './execution/index.js';
import type { Lane } from './lane.js';
import type { ResolvedOutcome } from './monitoring/index.js';

/** A bar between its signal and its commit. */
export interface OpenBar {
  readonly lane: Lane;
  readonly candle: Candle;
  readonly features: Float64Array | null;
  readonly predicted: Prediction | null;
  readonly missingBars: number;
  readonly availableAtMs: number;
  readonly settled: readonly ExecutionOutcome[];
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
    settled: bar.settled,
    breakerTripped: bar.breakerTripped,
    health: health ? bar.lane.monitor.health() : null,
  };
}
