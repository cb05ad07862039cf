import { journalPriority } from '../adapters/log/journal-priority.js';
import { type ProcessEnd, processEnd } from '../adapters/native/process-end.js';
import { EXIT, fault } from '../core/errors.js';
import type { Scheduler } from '../ports/time.js';
import { runStopSteps, type StopStep } from './stop-steps.js';

/** Within the unit's TimeoutStopSec=5, with room for a busy machine. */
const STOP_MS_MAX = 4_000;
/** What is left for the process to end by itself once every step has run. */
const LEAVE_MS_MAX = 600;

/**
 * Stops the guard and sees to it that its process ends: each step whatever the others do, and the process after
 * `STOP_MS_MAX` even when a step never gives the event loop back, or a thread of the pool hangs on a disk (for which Node
 * waits at its exit). The first step has to be the one that revokes the permit.
 * `code` is what it exits with where all steps hold. Fails with `E_GUARD_STOP`, which names each step that failed.
 */
export async function endGuard(
  steps: readonly StopStep[],
  scheduler: Pick<Scheduler, 'after'>,
  code: number,
  addon: ProcessEnd = processEnd(),
): Promise<void> {
  const { endProcessAfter } = addon;
  const atPriority = journalPriority(2, process.env);
  const endMs = performance.now() + STOP_MS_MAX;
  const faults = await runStopSteps(steps, scheduler, (name) =>
    endProcessAfter(
      Math.max(0, endMs - performance.now()),
      EXIT.failed,
      atPriority(
        'error',
        `redbutton: the guard hung while it stopped, at ${name}, and was ended after ${STOP_MS_MAX / 1000} s. Its permit lapses by itself.\n`,
      ),
    ),
  );
  endProcessAfter(LEAVE_MS_MAX, faults.length === 0 ? code : EXIT.failed, '');
  if (faults.length === 0) return;
  throw fault(
    'E_GUARD_STOP',
    `the guard has ended, but could not stop cleanly: ${faults.join('; ')}`,
    'nothing for the halt, the permit is not renewed any more; look at the place named before the next start',
  );
}

/** For a process that ends in any other way: what has to be done at once is done, and nothing holds it up for long. */
export function endAtExit(revoke: () => void, code: number): void {
  try {
    revoke();
  } finally {
    processEnd().endProcessAfter(LEAVE_MS_MAX, code, '');
  }
}
