import type { StreamKey } from '../../core/candle.js';
import type { FeatureColumn } from '../../core/feature-set.js';
import type { ReferenceHistogram } from '../../core/manifest.js';
import type { Fill } from '../../core/order.js';
import type { BarRecord, QuarantinedRow } from '../../core/records.js';
import type { ExecutionOutcome } from '../../execution/order-intent.js';
import type { DecidedBar } from '../../pipeline/bar-outcome.js';
import { createDrift } from '../../pipeline/monitoring/index.js';
import type { ClosedTrade } from '../../portfolio/trade.js';

/** Element i is accepted bar i. `probabilityUp` is NaN where there was no prediction. */
export interface BarColumns {
  readonly length: number;
  readonly openMs: Float64Array;
  readonly close: Float64Array;
  /** Of the whole account, after the bar's close and before its own order. */
  readonly equity: Float64Array;
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
  readonly quarantinedRows: number;
  /** The same by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** How many decisions risk denied, by reason. */
  readonly denials: Readonly<Record<string, number>>;
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
  quarantine(rows: readonly Pick<QuarantinedRow, 'reason'>[]): void;
  take(outcome: DecidedBar): void;
  /** What has become of an order of the stream. */
  order(outcome: ExecutionOutcome): void;
  finish(): InstrumentResult;
}

export function createBacktestCollector(
  stream: StreamKey,
  barsExpected: number,
  keepDecisions: boolean,
  reference: readonly ReferenceHistogram[] | null,
): BacktestCollector {
  const columns = createColumns(barsExpected);
  const drift = reference === null ? null : createDrift(reference);
  const decisions: BarRecord[] = [];
  const executions: ExecutionOutcome[] = [];
  const fills: Fill[] = [];
  const denials: Record<string, number> = {};
  const silent: Record<string, number> = {};
  const quarantined: Record<string, number> = {};
  let quarantinedRows = 0;

  const count = (counts: Record<string, number>, reason: string) => {
    counts[reason] = (counts[reason] ?? 0) + 1;
  };

  return {
    quarantine(rows) {
      quarantinedRows += rows.length;
      for (const { reason } of rows) count(quarantined, reason);
    },
    take({ record }) {
      columns.add(
        record.candle.openMs,
        record.candle.close,
        record.account === null ? Number.NaN : record.account.equity,
        record.prediction === null ? Number.NaN : record.prediction.probabilityUp,
      );
      if (drift !== null && record.features !== null) drift.add(record.features);
      if (keepDecisions) decisions.push(record);
      if (record.prediction === null && record.signal?.kind === 'none') count(silent, record.signal.reason);
      if (record.risk?.kind === 'denial') count(denials, record.risk.reason);
    },
    order(outcome) {
      executions.push(outcome);
      fills.push(...outcome.fills);
    },
    finish: () => ({
      stream,
      decisions,
      executions,
      fills,
      bars: columns.finish(),
      quarantinedRows,
      quarantined,
      denials,
      silent,
      psi: drift?.psi() ?? {},
    }),
  };
}

/** Bars gathered side by side before they are spread over their columns. */
const BLOCK_BARS = 64;
const BLOCK_WIDTH = 4;

/**
 * Columns that grow. With many streams in turn, each write into a column of its own would be a page of memory that the
 * processor has just forgotten; so a stream's bars go into one small block first.
 */
function createColumns(barsExpected: number): {
  add(openMs: number, close: number, equity: number, probabilityUp: number): void;
  finish(): BarColumns;
} {
  const block = new Float64Array(BLOCK_BARS * BLOCK_WIDTH);
  let inBlock = 0;
  let capacity = Math.max(BLOCK_BARS, barsExpected);
  let columns = Array.from({ length: BLOCK_WIDTH }, () => new Float64Array(capacity));
  let length = 0;

  function flush(): void {
    if (length + inBlock > capacity) {
      capacity = Math.max(2 * capacity, length + inBlock);
      columns = columns.map((values) => {
        const wider = new Float64Array(capacity);
        wider.set(values);
        return wider;
      });
    }
    for (let c = 0; c < BLOCK_WIDTH; c++) {
      const column = columns[c]!;
      for (let i = 0; i < inBlock; i++) column[length + i] = block[i * BLOCK_WIDTH + c]!;
    }
    length += inBlock;
    inBlock = 0;
  }

  return {
    add(openMs, close, equity, probabilityUp) {
      const at = inBlock * BLOCK_WIDTH;
      block[at] = openMs;
      block[at + 1] = close;
      block[at + 2] = equity;
      block[at + 3] = probabilityUp;
      if (++inBlock === BLOCK_BARS) flush();
    },
    finish() {
      flush();
      const [openMs, close, equity, probabilityUp] = columns.map((column) => column.subarray(0, length));
      return { length, openMs: openMs!, close: close!, equity: equity!, probabilityUp: probabilityUp! };
    },
  };
}
