import { readFileSync, writeFileSync } from 'node:fs';
import type { LineNote } from './sysfs-lines.js';

interface Note {
  readonly pid: number;
  readonly startTicks: string;
  readonly lines: readonly number[];
}

/** When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); undefined when it is not there. */
function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds no line any more.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The note as a small JSON file in the run directory (tmpfs: it does not outlive a boot, nor do exported lines). */
export function createLineNote(path: string): LineNote & { left(): readonly number[] } {
  const read = (): Note | undefined => {
    try {
      const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<Note>;
      const sound =
        Number.isInteger(value.pid) && typeof value.startTicks === 'string' && Array.isArray(value.lines);
      return sound ? (value as Note) : undefined;
    } catch {
      return undefined;
    }
  };
  // What a guard before us left stays known until it is taken over, also once the note is ours.
  const before = read();
  const left = new Set(
    before !== undefined && startTicksOf(before.pid) !== before.startTicks ? before.lines : [],
  );
  const mine = new Set<number>();
  const write = () => {
    const note: Note = {
      pid: process.pid,
      startTicks: startTicksOf(process.pid) ?? '',
      lines: [...new Set([...mine, ...left])],
    };
    writeFileSync(path, JSON.stringify(note), { mode: 0o644 });
  };
  return {
    leftBehind: (number) => left.has(number),
    left: () => [...left],
    add(number) {
      left.delete(number);
      mine.add(number);
      write();
    },
    remove(number) {
      mine.delete(number);
      write();
    },
  };
}
