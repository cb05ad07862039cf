import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Sets how nice a process is, with all the threads that it has by now. Below the caller's own it needs root. */
export function setNice(pid: number, nice: number): void {
  // Twice: a thread made meanwhile is as nice as the one that made it.
  for (let round = 0; round < 2; round++) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        setPriority(Number(thread), nice);
      } catch (error) {
        // Gone since.
        if (!(error instanceof Error && error.message.includes('ESRCH'))) throw error;
      }
    }
  }
}
