/**
 * Time and chance. Like every port: the narrow interface through which the world reaches what is pure. Adapters implement
 * it; the pipeline knows nothing else.
 */

export interface Clock {
  /** UTC milliseconds: candles, exchange time. Simulated in backtest, demo and simulation. */
  wallMs(): number;
  /** Milliseconds of CLOCK_MONOTONIC: permits, time-outs, watchdogs. Never goes back, never simulated with wall time. */
  monotonicMs(): number;
  /** Resolves after that much monotonic time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Timers on the monotonic clock. The returned function ends the task and may be called twice. */
export interface Scheduler {
  every(periodMs: number, task: () => void): () => void;
  after(delayMs: number, task: () => void): () => void;
}

/** Uniform on [0, 1). */
export interface Rng {
  next(): number;
}
