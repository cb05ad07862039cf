import { performance } from 'node:perf_hooks';
import { fault, messageOf } from '../core/errors.js';
import type { Clock } from '../ports/time.js';
import { monotonicNowMs, sleepReal } from './simulated-clock.js';

/** A clock that follows a simulator in another process. */
export interface FollowingClock extends Clock {
  /** Moves wall time up to at least `wallMs`: a bar that has arrived closed proves that its time has come. */
  atLeast(wallMs: number): void;
  stop(): void;
}

/**
 * Follows the wall time of a simulator over `GET /sim/time`, asked for every `periodMs`, and runs with real time in
 * between. Never goes back. Rejects with `E_SIM_CLOCK` when the simulator does not answer the first time.
 */
export async function createFollowingClock(restUrl: string, periodMs = 50): Promise<FollowingClock> {
  let baseMs = await serverTime(restUrl);
  let baseMonotonicMs = performance.now();
  let lastMs = baseMs;
  const stopping = new AbortController();

  const wallMs = () => {
    lastMs = Math.max(lastMs + 1, Math.floor(baseMs + performance.now() - baseMonotonicMs));
    return lastMs;
  };
  const rebase = (ms: number) => {
    baseMs = ms;
    baseMonotonicMs = performance.now();
  };
  void (async () => {
    while (!stopping.signal.aborted) {
      await sleepReal(periodMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      // A simulator that is gone shows itself on the feed; the clock continues with real time.
      const asked = await serverTime(restUrl, stopping.signal).catch(() => undefined);
      if (asked !== undefined) rebase(asked);
    }
  })();

  return {
    wallMs,
    monotonicMs: monotonicNowMs,
    sleep: sleepReal,
    atLeast: (ms) => {
      if (wallMs() < ms) rebase(ms);
    },
    stop: () => stopping.abort(),
  };
}

async function serverTime(restUrl: string, signal?: AbortSignal): Promise<number> {
  let answer: unknown;
  try {
    const response = await fetch(`${restUrl}/sim/time`, signal ? { signal } : {});
    answer = await response.json();
  } catch (error) {
    throw fault(
      'E_SIM_CLOCK',
      `no time from ${restUrl}: ${messageOf(error)}`,
      'start the simulator first',
      error,
    );
  }
  const serverTimeMs = (answer as { serverTime?: unknown } | null)?.serverTime;
  if (typeof serverTimeMs !== 'number' || !Number.isSafeInteger(serverTimeMs)) {
    throw fault(
      'E_SIM_CLOCK',
      `${restUrl} does not report its time`,
      'point it at redbutton simulate-exchange',
    );
  }
  return serverTimeMs;
}
