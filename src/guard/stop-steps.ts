import { messageOf } from '../core/errors.js';
import type { Scheduler } from '../ports/time.js';

/** One thing to be undone when the guard stops. */
export interface StopStep {
  /** What it ends, for a sentence: "the control socket". */
  readonly name: string;
  /** How long it may take, in milliseconds; the ones after it then come anyway. */
  readonly limitMs?: number;
  run(): void | Promise<void>;
}

const LIMIT_MS = 200;

/**
 * Runs every step in its order, once in their life, whatever the ones before it did. The first runs before this returns, as
 * do all up to the first that has to be waited for. Resolves to a sentence for each that failed or took too long; never
 * rejects. `onStep` is called with the name of each before it runs.
 */
export async function runStopSteps(
  steps: readonly StopStep[],
  scheduler: Pick<Scheduler, 'after'>,
  onStep: (name: string) => void = () => {},
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { name, limitMs = LIMIT_MS, run } of steps) {
    try {
      onStep(name);
      const ending = run();
      if (ending !== undefined) await within(limitMs, ending, scheduler);
    } catch (error) {
      faults.push(`${name}: ${messageOf(error)}`);
    }
  }
  return faults;
}

/** The step, made to run at its first call only: a start that fails half-way stops, and so does the process after it. */
export function once(step: StopStep): StopStep {
  let ran = false;
  return {
    ...step,
    run() {
      if (ran) return;
      ran = true;
      return step.run();
    },
  };
}

function within(limitMs: number, ending: Promise<void>, scheduler: Pick<Scheduler, 'after'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = scheduler.after(limitMs, () => reject(new Error(`not ended in ${limitMs} ms`)));
    ending.then(resolve, reject).finally(giveUp);
  });
}
