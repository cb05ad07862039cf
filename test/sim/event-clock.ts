import type { Clock } from '../../src/ports.js';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * The time of a simulated world: events in a heap, one run after the other, and all that each sets off done before the
 * next. Time stands still in between. Events of the same time run in the order they were asked for.
 */
export class EventClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #count = 0;
  readonly #heap: Event[] = [];

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  wallMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      this.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
    });
  }

  after(ms: number, run: () => void): void {
    this.#push({ atMs: this.#elapsedMs + Math.max(0, ms), order: this.#count++, run });
  }

  /** Runs all events up to then. */
  async runUntil(wallMs: number): Promise<void> {
    const endMs = wallMs - this.#startMs;
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#pop();
      this.#elapsedMs = next.atMs;
      next.run();
      // Nothing in the world waits for anything but promises, so one turn of the loop lets all of it run.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#elapsedMs = endMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!earlier(event, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++;
      if (!earlier(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function earlier(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
