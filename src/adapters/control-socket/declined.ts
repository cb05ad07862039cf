import type { Clock } from '../../ports/time.js';

/** Reports which requests were declined: of each kind the first immediately, then at most one a minute, with how many came between. */
export interface Declined {
  report(request: string, detail: string): void;
}

const PERIOD_MS = 60_000;

export function createDeclined(
  clock: Pick<Clock, 'monotonicMs'>,
  onReport: (detail: string) => void,
): Declined {
  const last = new Map<string, { readonly atMs: number; between: number }>();
  return {
    report(request, detail) {
      const atMs = clock.monotonicMs();
      const before = last.get(request);
      if (before !== undefined && atMs - before.atMs < PERIOD_MS) {
        before.between += 1;
        return;
      }
      const between = before?.between ?? 0;
      last.set(request, { atMs, between: 0 });
      onReport(between === 0 ? detail : `${detail} (and ${between} more since the last report)`);
    },
  };
}
