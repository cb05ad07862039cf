import type { Rng } from '../../src/ports/time.js';
import {
  ORDER_FATES,
  type OrderFate,
  REQUEST_FAULTS,
  type RequestFault,
} from '../../src/simulator/fault-kinds.js';

export interface FaultRates {
  /** Share of requests that meet a fault. */
  readonly request: number;
  /** Share of orders with another fate than `at_once`. */
  readonly fate: number;
}

/** Draws faults by seed: the same rng gives the same faults in the same order of asking. */
export interface FaultPlan {
  /** Null = the request goes well. */
  request(): RequestFault | null;
  fate(): OrderFate;
  /** A number of milliseconds between both, evenly. */
  delayMs(fromMs: number, toMs: number): number;
  chance(share: number): boolean;
  /** From now on nothing goes wrong. */
  heal(): void;
  readonly healthy: boolean;
  /** How often each fault was drawn. */
  readonly drawn: Readonly<Record<string, number>>;
}

export function createFaultPlan(rng: Rng, rates: FaultRates): FaultPlan {
  let healthy = false;
  const drawn: Record<string, number> = {};
  function pick<T extends string>(kinds: readonly T[]): T {
    const kind = kinds[Math.floor(rng.next() * kinds.length)]!;
    drawn[kind] = (drawn[kind] ?? 0) + 1;
    return kind;
  }
  return {
    request: () => (healthy || rng.next() >= rates.request ? null : pick(REQUEST_FAULTS)),
    fate: () => (healthy || rng.next() >= rates.fate ? 'at_once' : pick(ORDER_FATES.slice(1))),
    delayMs: (fromMs, toMs) => Math.floor(fromMs + rng.next() * (toMs - fromMs)),
    chance: (share) => !healthy && rng.next() < share,
    heal() {
      healthy = true;
    },
    get healthy() {
      return healthy;
    },
    drawn,
  };
}
