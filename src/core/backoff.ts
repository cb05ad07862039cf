import { invariant } from './errors.js';

/** Waits between tries: those of a list, of which the last repeats, or twice as long each time up to a greatest. */
export type Waits = readonly number[] | { readonly firstMs: number; readonly maxMs: number };

/** The wait after so many failures in a row; after the first one it is the first wait. */
export function waitMs(waits: Waits, failures: number): number {
  invariant(failures >= 1, `${failures} failures need no wait`);
  if ('firstMs' in waits) return Math.min(waits.maxMs, waits.firstMs * 2 ** (failures - 1));
  invariant(waits.length > 0, 'a list of waits has at least one');
  return waits[Math.min(failures, waits.length) - 1]!;
}

/** Between half of a wait and all of it, so that those who failed together do not try again together. */
export function withJitter(ms: number, rng: { next(): number }): number {
  return ms * (0.5 + 0.5 * rng.next());
}

/** Counts failures in a row. */
export class Backoff {
  readonly #waits: Waits;
  readonly #steadyMs: number;
  #failures = 0;

  /** What has worked for longer than `steadyMs` did not fail at once: the waits begin again. */
  constructor(waits: Waits, steadyMs = Number.POSITIVE_INFINITY) {
    this.#waits = waits;
    this.#steadyMs = steadyMs;
  }

  /** The wait that follows a failure of what had worked for `workedMs`. */
  failed(workedMs = 0): number {
    this.#failures = workedMs > this.#steadyMs ? 1 : this.#failures + 1;
    return waitMs(this.#waits, this.#failures);
  }

  reset(): void {
    this.#failures = 0;
  }
}
