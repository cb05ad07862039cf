import { messageOf } from '../core/errors.js';
import type { OutputLine } from '../ports/gpio.js';
import { type LedMode, ledMoment } from './led.js';

/** Drives the LED's line. A line that fails is tried again at each change; it halts nothing. */
export interface LedDriver {
  /**
   * Called at each tick; a new mode starts its pattern lit, so that it shows at once. Returns in how many milliseconds
   * it wants to be called again at the latest.
   */
  show(mode: LedMode, nowMs: number): number;
  /** Why the LED cannot be driven; null when it can. */
  fault(): string | null;
  /** Dark, and closed. */
  close(): void;
}

export function createLedDriver(line: OutputLine | null, absent: string | null): LedDriver {
  let mode: LedMode | null = null;
  let sinceMs = 0;
  let shown: 0 | 1 | null = null;
  let failed = absent;
  return {
    show(next, nowMs) {
      if (next !== mode) {
        mode = next;
        sinceMs = nowMs;
      }
      const { level, leftMs } = ledMoment(next, nowMs - sinceMs);
      if (line === null || level === shown) return leftMs;
      try {
        line.write(level);
        failed = null;
      } catch (error) {
        failed = messageOf(error);
      }
      shown = level;
      return leftMs;
    },
    fault: () => failed,
    close() {
      if (line === null) return;
      try {
        line.write(0);
      } catch {
        // Dark or steady both say that the guard is gone.
      }
      line.close();
    },
  };
}
