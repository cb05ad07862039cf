import type { TraderDuties } from '../ports/guard.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';

export interface RecordedDutiesOptions {
  readonly store: Pick<Store, 'recordHalt'>;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** The trading state may have changed. */
  readonly onChange: () => void;
}

/**
 * A trader whose guard is a process of its own hears of halts through its duties: they are written down here. Telling a
 * person of them is the guard's, which lives when the trader does not.
 */
export function recordedDuties(inner: TraderDuties, options: RecordedDutiesOptions): TraderDuties {
  const { store, clock } = options;
  let recorded = -1;
  return {
    async cancelAll(order) {
      const { cause, epoch } = order;
      if (epoch !== recorded) {
        recorded = epoch;
        await store.recordHalt({ atMs: clock.wallMs(), state: 'HALTED', cause, epoch });
        options.onChange();
      }
      return inner.cancelAll(order);
    },
    async reconcile() {
      await inner.reconcile();
      await store.recordHalt({ atMs: clock.wallMs(), state: 'ACTIVE', cause: 'reconciled', epoch: recorded });
      options.onChange();
    },
  };
}
