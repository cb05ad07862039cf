import { fault } from '../core/errors.js';
import type { BarOutcome, DecidedBar } from '../pipeline/bar-outcome.js';
import type { ExchangeSimulator } from '../simulator/index.js';

const WAIT_MS_MAX = 30_000;

/** Moves the market on by one bar at a time, each only after the trader has dealt with the one before. */
export class Lockstep {
  readonly #simulator: ExchangeSimulator;
  #waiting: { resolve: (bar: DecidedBar) => void; reject: (error: unknown) => void } | null = null;
  #failed: unknown;

  constructor(simulator: ExchangeSimulator) {
    this.#simulator = simulator;
  }

  /** To be called with each outcome of the trader. */
  onBar(outcome: BarOutcome): void {
    if (outcome.kind === 'decided') this.#waiting?.resolve(outcome);
  }

  /** Closes the next bar and resolves with what the trader made of it. */
  async next(): Promise<DecidedBar> {
    if (this.#failed !== undefined) throw this.#failed;
    let timer: NodeJS.Timeout | undefined;
    const decided = new Promise<DecidedBar>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      timer = setTimeout(() => reject(stuck()), WAIT_MS_MAX);
    });
    try {
      await this.#simulator.step();
      return await decided;
    } finally {
      clearTimeout(timer);
      this.#waiting = null;
    }
  }

  /** The trader will bring no more bars: whoever waits is told why. */
  fail(error: unknown): void {
    this.#failed = error;
    this.#waiting?.reject(error);
  }
}

function stuck(): Error {
  return fault(
    'E_DEMO_STUCK',
    `the trader dealt with no bar for ${WAIT_MS_MAX / 1000} s`,
    'run the demo again and look at its log',
  );
}

/** Waits until `condition` holds, looking every few milliseconds; a fault after `msMax`. */
export async function until(condition: () => boolean, what: string, msMax = 10_000): Promise<void> {
  const endMs = performance.now() + msMax;
  while (!condition()) {
    if (performance.now() > endMs)
      throw fault('E_DEMO_STUCK', `${what} did not happen in ${msMax / 1000} s`, 'run the demo again');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
