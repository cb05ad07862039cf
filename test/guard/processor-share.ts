import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Time on a processor so far of a process with all its threads, in nanoseconds (first figure of each `schedstat`). */
function processorNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      return sum;
    }
  }, 0);
}

/**
 * The share of a core that each process uses, over several windows, side by side. On a machine that does other things as
 * well, every wake-up finds cold caches and costs more; so a process is judged by its best window, or beside another
 * that was measured in the same ones.
 */
export async function sharesOf(
  pids: readonly number[],
  windows: number,
  windowMs: number,
): Promise<readonly (readonly number[])[]> {
  const shares: number[][] = pids.map(() => []);
  for (let window = 0; window < windows; window++) {
    const fromNs = pids.map(processorNs);
    const fromMs = performance.now();
    await delay(windowMs);
    const tookMs = performance.now() - fromMs;
    for (const [i, pid] of pids.entries()) shares[i]!.push((processorNs(pid) - fromNs[i]!) / 1e6 / tookMs);
  }
  return shares;
}
