import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../ports/time.js';
import type { ExchangeSimulator } from './exchange-simulator.js';

/** Wall time of the simulator, monotonic time and sleep of the real world; for use in the simulator's own process. */
export function simulatedClock(simulator: ExchangeSimulator): Clock {
  return {
    wallMs: () => simulator.wallMs(),
    monotonicMs: monotonicNowMs,
    sleep: async (ms, signal) => {
      await sleepReal(ms, signal);
    },
  };
}

/** CLOCK_MONOTONIC, the same in every process of the machine: permits are judged by it. */
export function monotonicNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Resolves after real time; rejects with the signal's reason when aborted. */
export async function sleepReal(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}
