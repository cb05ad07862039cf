import type { BarRecord } from '../../core/records.js';
import type { DecidedBar } from '../../pipeline/bar-outcome.js';
import type { BarRecorder } from '../../pipeline/bar-recorder.js';
import { type OpenBar, outcomeOf, recordOf } from '../../pipeline/open-bar.js';
import type { Account } from '../../portfolio/account.js';
import type { Clock } from '../../ports/time.js';
import { type AccountView, createAccountView } from './account-view.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Bars of a backtest whose caller takes each outcome as it comes: nothing has to be waited for. */
export const UNSTORED_BARS: BarRecorder = { commit: () => undefined };

/**
 * Bars of a backtest of which nothing is kept: all without a signal are reported in one memory, each until the next. For runs
 * of millions of bars, where making these objects costs more than deciding does.
 */
export function sharedMemoryBars(clock: Pick<Clock, 'wallMs'>): BarRecorder {
  let memory: BarMemory | null = null;
  return {
    ...UNSTORED_BARS,
    outcomeWithoutSignal(bar, account) {
      memory ??= createBarMemory(bar, account, clock);
      return reuseMemory(memory, bar);
    },
  };
}

interface BarMemory {
  readonly account: AccountView;
  readonly record: Writable<BarRecord>;
  readonly outcome: Writable<DecidedBar>;
}

function createBarMemory(bar: OpenBar, account: Account, clock: Pick<Clock, 'wallMs'>): BarMemory {
  const view = createAccountView(account, clock);
  const record = recordOf(bar, null, view);
  return { account: view, record, outcome: outcomeOf(bar, record, null, false) };
}

function reuseMemory({ account, record, outcome }: BarMemory, bar: OpenBar): DecidedBar {
  const { key } = bar.stream;
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
