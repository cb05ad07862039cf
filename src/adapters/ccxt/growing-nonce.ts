import type { Clock } from '../../ports/time.js';

/** The last number given for each key of this process, whichever connection asked for it. */
const last = new Map<string, number>();

/**
 * Numbers that grow with every request of one key, in microseconds of its clock. Connections of the same key share them: an
 * exchange that compares them would refuse the slower of two.
 */
export function growingNonce(key: string, clock: Pick<Clock, 'wallMs'>): () => number {
  return () => {
    const next = Math.max((last.get(key) ?? 0) + 1, Math.floor(clock.wallMs() * 1000));
    last.set(key, next);
    return next;
  };
}
