import type { Rng } from '../ports/time.js';

/** What can go wrong with one request. The first group leaves the order unplaced, the second placed. */
export const REQUEST_FAULTS = [
  'drop_request', // never arrives; the caller waits in vain
  'server_error', // 5xx, and nothing was done
  'rate_limit', // 429 with a time to wait
  'reset', // the connection breaks before the request is out
  'delay_request', // arrives late, perhaps after its time window
  'drop_answer', // done, and the answer never comes
  'server_error_after', // done, and answered with a 5xx
  'reset_after', // done, and the connection breaks
  'malformed', // done, and the answer cannot be read
  'absurd', // done, and the answer's figures cannot be right
  'delay_answer', // done, and answered late
  'lagging', // answered from a state some seconds old, or without the newest fills
  'doubled', // executions stand twice in the answer, and out of order
] as const;
export type RequestFault = (typeof REQUEST_FAULTS)[number];

/** What an exchange can do with an order that it took. */
export const ORDER_FATES = [
  'at_once', // matched as it arrives
  'later', // answered as new, filled in parts afterwards
  'canceled', // taken, perhaps filled in part, then canceled by the exchange
  'filled_after_cancel', // told as canceled, and an execution follows
] as const;
export type OrderFate = (typeof ORDER_FATES)[number];

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
