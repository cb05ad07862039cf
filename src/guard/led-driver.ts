import { messageOf } from '../core/errors.js';
import type { OutputLine } from '../ports/gpio.js';
import { type LedMode, ledMoment } from './led.js';

/** Drives the LED's line. A line that fails is tried again at each change; it halts nothing. */
export class LedDriver {
  readonly #line: OutputLine | null;
  #mode: LedMode | null = null;
  #sinceMs = 0;
  #shown: 0 | 1 | null = null;
  #fault: string | null;

  /** `absent`: why there is no line. */
  constructor(line: OutputLine | null, absent: string | null) {
    this.#line = line;
    this.#fault = absent;
  }

  /** Why the LED cannot be driven; null when it can. */
  get fault(): string | null {
    return this.#fault;
  }

  /**
   * Called at each tick; a new mode starts its pattern lit, so that it shows at once. Returns in how many milliseconds
   * it wants to be called again at the latest.
   */
  show(next: LedMode, nowMs: number): number {
    if (next !== this.#mode) {
      this.#mode = next;
      this.#sinceMs = nowMs;
    }
    const { level, leftMs } = ledMoment(next, nowMs - this.#sinceMs);
    if (this.#line === null || level === this.#shown) return leftMs;
    try {
      this.#line.write(level);
      this.#fault = null;
    } catch (error) {
      this.#fault = messageOf(error);
    }
    this.#shown = level;
    return leftMs;
  }

  /** Dark, and closed. */
  close(): void {
    if (this.#line === null) return;
    try {
      this.#line.write(0);
    } catch {
      // Dark or steady both say that the guard is gone.
    }
    this.#line.close();
  }
}
