import { readFileSync } from 'node:fs';
import { messageOf } from '../core/errors.js';

/** What is known of a process so that its id cannot be mistaken for another's once it is gone. */
export interface ProcessMark {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot at which it started. */
  readonly startTicks: string;
}

/** Reads the mark of a running process; undefined where there is none, or where it is ours or a mere thread. */
export function markProcess(pid: number): ProcessMark | undefined {
  if (pid <= 1 || pid === process.pid) return undefined;
  try {
    // The id of a thread has a folder here too, and a signal to it ends the whole process.
    const group = /^Tgid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (group !== String(pid)) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, stands in brackets and may hold anything, so count from its end.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return startTicks === undefined ? undefined : { pid, startTicks };
  } catch {
    return undefined;
  }
}

/** SIGKILLs the process when it is still the one that was marked. Returns what was done, in words. */
export function killMarked(mark: ProcessMark | undefined, pid: number): string {
  if (mark === undefined || mark.pid !== pid || pid <= 1 || pid === process.pid)
    return `process ${pid} was never seen to be a trader; left alone`;
  if (markProcess(pid)?.startTicks !== mark.startTicks) return `process ${pid} is gone`;
  try {
    process.kill(pid, 'SIGKILL');
    return `process ${pid} was killed`;
  } catch (error) {
    return `process ${pid} could not be killed: ${messageOf(error)}`;
  }
}
