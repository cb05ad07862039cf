import { fault } from '../core/errors.js';
import type { BarOutcome, DecidedBar } from '../pipeline/bar-outcome.js';
import type { ExchangeSimulator } from '../simulator/index.js';

/** Moves the market on by one bar at a time, each only after the trader has dealt with the one before. */
export interface Lockstep {
  /** To be handed to the trader as `onBar`. */
  onBar(outcome: BarOutcome): void;
  /** Closes the next bar and resolves with what the trader made of it. */
  next(): Promise<DecidedBar>;
  /** The trader will bring no more bars: whoever waits is told why. */
  fail(error: unknown): void;
}

const WAIT_MS_MAX = 30_000;

export function createLockstep(simulator: ExchangeSimulator): Lockstep {
  let waiting: { resolve: (bar: DecidedBar) => void; reject: (error: unknown) => void } | null = null;
  let failed: unknown;
  return {
    onBar(outcome) {
      if (outcome.kind === 'decided') waiting?.resolve(outcome);
    },
    fail(error) {
      failed = error;
      waiting?.reject(error);
    },
    async next() {
      if (failed !== undefined) throw failed;
      let timer: NodeJS.Timeout | undefined;
      const decided = new Promise<DecidedBar>((resolve, reject) => {
        waiting = { resolve, reject };
        timer = setTimeout(() => {
          reject(
            fault(
              'E_DEMO_STUCK',
              `the trader dealt with no bar for ${WAIT_MS_MAX / 1000} s`,
              'run the demo again and look at its log',
            ),
          );
        }, WAIT_MS_MAX);
      });
      try {
        await simulator.step();
        return await decided;
      } finally {
        clearTimeout(timer);
        waiting = null;
      }
    },
  };
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
