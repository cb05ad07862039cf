import type { StreamKey } from '../core/candle.js';
import type { FeatureColumn } from '../core/feature-set.js';
import type { ReferenceHistogram } from '../core/manifest.js';
import type { Fill } from '../core/order.js';
import type { DecidedBar } from '../pipeline/bar-outcome.js';
import type { ClosedTrade, ExecutionOutcome } from '../pipeline/execution/index.js';
import { createDrift } from '../pipeline/monitoring/index.js';
import type { BarRecord } from '../ports.js';

/** Element i is accepted bar i. `probabilityUp` is NaN where there was no prediction. */
export interface BarColumns {
  readonly length: number;
  readonly openMs: Float64Array;
  readonly close: Float64Array;
  /** Of the whole account, after the bar's close and before its own order. */
  readonly equity: Float64Array;
  readonly drawdown: Float64Array;
  readonly probabilityUp: Float64Array;
}

/** What a backtest brought for one stream. */
export interface InstrumentResult {
  readonly stream: StreamKey;
  /** One for each accepted bar, oldest first; empty without `keepDecisions`. */
  readonly decisions: readonly BarRecord[];
  readonly executions: readonly ExecutionOutcome[];
  readonly fills: readonly Fill[];
  readonly bars: BarColumns;
  readonly rejectedRows: number;
  /** How many decisions risk refused, by reason. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Bars without a prediction, by reason. */
  readonly silent: Readonly<Record<string, number>>;
  /** PSI of the whole run's features against the model's training reference; empty without `withDrift`. */
  readonly psi: Readonly<Partial<Record<FeatureColumn, number>>>;
}

/** The result of a backtest of one stream. */
export interface BacktestResult extends InstrumentResult {
  readonly trades: readonly ClosedTrade[];
  readonly finalEquity: number;
}

/** Gathers what a stream's bars bring, bar by bar, in columns. */
export interface BacktestCollector {
  reject(rows: number): void;
  take(outcome: DecidedBar): void;
  finish(): InstrumentResult;
}

export function createBacktestCollector(
  stream: StreamKey,
  barsExpected: number,
  keepDecisions: boolean,
  reference: readonly ReferenceHistogram[] | null,
): BacktestCollector {
  // Plain arrays that are widened together: a column of its own for each would double the cost of a bar.
  let capacity = Math.max(16, barsExpected);
  let openMs = new Float64Array(capacity);
  let close = new Float64Array(capacity);
  let equity = new Float64Array(capacity);
  let drawdown = new Float64Array(capacity);
  let probabilityUp = new Float64Array(capacity);
  let length = 0;
  const drift = reference === null ? null : createDrift(reference);
  const decisions: BarRecord[] = [];
  const executions: ExecutionOutcome[] = [];
  const fills: Fill[] = [];
  const refusals: Record<string, number> = {};
  const silent: Record<string, number> = {};
  let rejectedRows = 0;

  const count = (counts: Record<string, number>, reason: string) => {
    counts[reason] = (counts[reason] ?? 0) + 1;
  };

  function widen(): void {
    capacity *= 2;
    openMs = widened(openMs, capacity);
    close = widened(close, capacity);
    equity = widened(equity, capacity);
    drawdown = widened(drawdown, capacity);
    probabilityUp = widened(probabilityUp, capacity);
  }

  return {
    reject(rows) {
      rejectedRows += rows;
    },
    take({ record, execution, settled }) {
      if (length === capacity) widen();
      openMs[length] = record.candle.openMs;
      close[length] = record.candle.close;
      equity[length] = record.account?.equity ?? Number.NaN;
      drawdown[length] = record.account?.drawdown ?? Number.NaN;
      probabilityUp[length] = record.prediction?.probabilityUp ?? Number.NaN;
      length++;
      if (drift !== null && record.features !== null) drift.add(record.features);
      if (keepDecisions) decisions.push(record);
      if (record.prediction === null && record.signal?.kind === 'none') count(silent, record.signal.reason);
      if (record.risk?.kind === 'refusal') count(refusals, record.risk.reason);
      for (const outcome of settled) {
        executions.push(outcome);
        fills.push(...outcome.fills);
      }
      if (execution) {
        executions.push(execution);
        fills.push(...execution.fills);
      }
    },
    finish: () => ({
      stream,
      decisions,
      executions,
      fills,
      bars: {
        length,
        openMs: openMs.subarray(0, length),
        close: close.subarray(0, length),
        equity: equity.subarray(0, length),
        drawdown: drawdown.subarray(0, length),
        probabilityUp: probabilityUp.subarray(0, length),
      },
      rejectedRows,
      refusals,
      silent,
      psi: drift?.psi() ?? {},
    }),
  };
}

function widened(values: Float64Array<ArrayBuffer>, capacity: number): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(capacity);
  wider.set(values);
  return wider;
}
