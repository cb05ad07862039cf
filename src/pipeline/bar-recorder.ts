import type { BarRecord } from '../core/records.js';
import type { Account } from '../portfolio/account.js';
import type { Store } from '../ports/store.js';
import type { DecidedBar } from './bar-outcome.js';
import type { ResolvedOutcome } from './monitoring/index.js';
import type { OpenBar } from './open-bar.js';

/** Keeps what came of each bar: the store, or a backtest that keeps its bars itself. */
export interface BarRecorder {
  /** Resolves once the bar and its decision are durable; undefined where there is nothing to wait for. */
  commit(record: BarRecord, resolved: readonly ResolvedOutcome[]): Promise<void> | undefined;
  /**
   * Where nothing is kept of bars without a signal: the outcome of one, good until the next. No prediction is followed up then,
   * and the model's health cannot be asked for.
   */
  readonly outcomeWithoutSignal?: (bar: OpenBar, account: Account) => DecidedBar;
}

/** Bars are kept in the store, as in every run but a backtest. */
export function storedBars(store: Pick<Store, 'commitBar'>): BarRecorder {
  return { commit: (record, resolved) => store.commitBar(record, resolved) };
}
