import type { Clock, Scheduler } from '../ports/time.js';
import type { RecordWriter } from './record-writer.js';

/** How often the guard tries whether a halt could be recorded, and how often while it could not. */
const PERIOD_MS = 60_000;
const AGAIN_MS = 10_000;
/** A second place is written at halts and armings alone: each try wears the same block. */
const SECOND_MS = 24 * 3_600_000;
const TIMER_EARLY_MS = 2;

/**
 * Tries, from now on and each minute, whether a halt could be recorded, and tells what came of it: null where it could.
 * Returns what ends it.
 */
export function startRecordProbe(
  records: Pick<RecordWriter, 'probe' | 'probeSecond'>,
  clock: Pick<Clock, 'monotonicMs'>,
  scheduler: Pick<Scheduler, 'every'>,
  told: (fault: string | null) => void,
): () => void {
  let triedMs = Number.NEGATIVE_INFINITY;
  let well = true;
  const attempt = () => {
    const nowMs = clock.monotonicMs();
    if (well && nowMs - triedMs < PERIOD_MS - TIMER_EARLY_MS) return;
    triedMs = nowMs;
    records.probe((fault) => {
      well = fault === null;
      told(fault);
    });
  };
  const endFirst = scheduler.every(AGAIN_MS, attempt);
  const endSecond = scheduler.every(SECOND_MS, () => records.probeSecond());
  attempt();
  return () => {
    endFirst();
    endSecond();
  };
}
