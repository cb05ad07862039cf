import type { Clock } from '../../ports/time.js';

/** A clock that stands where it was put. Sleeping moves its monotonic hand at once and its wall hand not at all. */
export interface SimulatedClock extends Clock {
  setWallMs(wallMs: number): void;
}

export function createSimulatedClock(): SimulatedClock {
  let wall = 0;
  let monotonic = 0;
  return {
    wallMs: () => wall,
    monotonicMs: () => monotonic,
    async sleep(ms) {
      monotonic += ms;
    },
    setWallMs(wallMs) {
      if (wallMs > wall) monotonic += wallMs - wall;
      wall = wallMs;
    },
  };
}
