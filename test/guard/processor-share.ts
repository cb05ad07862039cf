import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Use {
  /** The share of a core, 1 being all of it. */
  readonly share: number;
  /** How often a thread went to sleep by itself, which is how often one was woken, each second. */
  readonly wakesPerS: number;
}

/** What a process with all its threads has used so far. */
function usedSoFar(pid: number): { ns: number; wakes: number } {
  const used = { ns: 0, wakes: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const at = `/proc/${pid}/task/${thread}`;
      // The first figure is the time on a processor.
      used.ns += Number(readFileSync(`${at}/schedstat`, 'utf8').split(' ')[0]);
      used.wakes += Number(
        /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`${at}/status`, 'utf8'))![1],
      );
    } catch {
      // A thread that ended between the list and the look.
    }
  }
  return used;
}

/**
 * What each process uses, over several windows, side by side. The share depends on what else the machine does, which
 * leaves cold caches for each wake-up: the same loop was seen at 1 % and at 8 %. How often a process wakes does not.
 */
export async function useOf(
  pids: readonly number[],
  windows: number,
  windowMs: number,
): Promise<readonly (readonly Use[])[]> {
  const uses: Use[][] = pids.map(() => []);
  for (let window = 0; window < windows; window++) {
    const from = pids.map(usedSoFar);
    const fromMs = performance.now();
    await delay(windowMs);
    const tookMs = performance.now() - fromMs;
    for (const [i, pid] of pids.entries()) {
      const to = usedSoFar(pid);
      uses[i]!.push({
        share: (to.ns - from[i]!.ns) / 1e6 / tookMs,
        wakesPerS: ((to.wakes - from[i]!.wakes) / tookMs) * 1000,
      });
    }
  }
  return uses;
}
