import type { Clock } from '../../src/ports/time.js';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const EVENTS_A_TURN = 256;

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
      if (signal === undefined) return this.after(ms, resolve);
      if (signal.aborted) return reject(signal.reason);
      const abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.after(ms, () => {
        signal.removeEventListener('abort', abort);
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
    await new Promise<void>((resolve, reject) => {
      let asked = 0;
      let ended = false;
      // Nothing in the world waits for anything but promises, and Node runs all of them out between one immediate and the
      // next. So each event gets an immediate of its own; a turn of the event loop, which is expensive, serves many.
      const ask = () => {
        for (asked = 0; asked < EVENTS_A_TURN; asked++) setImmediate(turn);
      };
      const end = (resolveUnknown: () => void) => {
        ended = true;
        resolveUnknown();
      };
      const turn = () => {
        if (ended) return;
        const next = this.#heap[0];
        if (next === undefined || next.atMs > endMs) return end(resolve);
        this.#pop();
        this.#elapsedMs = next.atMs;
        try {
          next.run();
        } catch (error) {
          return end(() => reject(error));
        }
        if (--asked === 0) ask();
      };
      asked = 1;
      turn();
    });
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
