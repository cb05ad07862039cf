/** One stretch between two steps: it began at wall time `baseMs`, which was monotonic time `startedMs`. */
interface Segment {
  readonly baseMs: number;
  readonly startedMs: number;
}

const SEGMENTS_KEPT = 4096;

/**
 * The simulator's wall clock. It jumps to a bar's close with each step and runs with real time in between, but never
 * reaches the next close by itself. Readings are integers and strictly increase until that bound.
 */
export class ReplayClock {
  readonly #monotonicMs: () => number;
  #segments: Segment[] = [];
  #boundMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Jumps to `baseMs`; `nextCloseMs` is the time that must not be reached before the next jump. */
  jump(baseMs: number, nextCloseMs: number): void {
    this.#segments.push({ baseMs, startedMs: this.#monotonicMs() });
    if (this.#segments.length > 2 * SEGMENTS_KEPT) this.#segments = this.#segments.slice(-SEGMENTS_KEPT);
    this.#boundMs = nextCloseMs;
  }

  /** UTC milliseconds of the simulated world. */
  wallMs(): number {
    const current = this.#segments.at(-1)!;
    const elapsedMs = Math.floor(this.#monotonicMs() - current.startedMs);
    const readingMs = Math.max(this.#lastMs + 1, current.baseMs + elapsedMs);
    this.#lastMs = Math.max(this.#lastMs, Math.min(readingMs, this.#boundMs - 1));
    return this.#lastMs;
  }

  /**
   * Real milliseconds since this clock showed `wallMs`; negative for a time still ahead, infinite for one before the
   * replay. A jump of the replay ages nothing, so that a request signed just before a step is still fresh after it.
   */
  ageMs(wallMs: number): number {
    const nowMs = this.#monotonicMs();
    const shownMs = this.wallMs();
    if (wallMs > shownMs) return shownMs - wallMs;
    let i = this.#segments.length - 1;
    while (i >= 0 && this.#segments[i]!.baseMs > wallMs) i--;
    const segment = this.#segments[i];
    if (!segment) return Number.POSITIVE_INFINITY;
    const endedMs = this.#segments[i + 1]?.startedMs ?? nowMs;
    return nowMs - Math.min(segment.startedMs + (wallMs - segment.baseMs), endedMs);
  }
}
