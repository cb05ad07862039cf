import type { Clock } from '../../ports/time.js';

/** Keeps repeated events to one line a minute and source. */
export interface CountedLines {
  /** `write` gets how often it happened since its last line: 1 at once, all others together a minute later. */
  happened(source: string, write: (times: number) => void): void;
  /** Writes what is still to be written. */
  flush(): void;
}

const EVERY_MS = 60_000;

/** `source` must come from a small fixed set: each costs a timer and a place in memory. */
export function createCountedLines(clock: Clock, everyMs = EVERY_MS): CountedLines {
  const waiting = new Map<string, { times: number; write: (times: number) => void; wake: AbortController }>();
  const end = (source: string) => {
    const entry = waiting.get(source);
    waiting.delete(source);
    entry?.wake.abort(new Error('written'));
    if (entry !== undefined && entry.times > 0) entry.write(entry.times);
    return entry !== undefined && entry.times > 0;
  };
  function wait(source: string, write: (times: number) => void): void {
    const wake = new AbortController();
    waiting.set(source, { times: 0, write, wake });
    clock.sleep(everyMs, wake.signal).then(
      // While it continues, the next line comes a minute after this one.
      () => void (end(source) && wait(source, write)),
      () => undefined,
    );
  }
  return {
    happened(source, write) {
      const entry = waiting.get(source);
      if (entry !== undefined) {
        entry.times += 1;
        entry.write = write;
        return;
      }
      write(1);
      wait(source, write);
    },
    flush() {
      for (const source of [...waiting.keys()]) end(source);
    },
  };
}
