import type { Log } from '../adapters/log/log.js';

/** What has to be closed at the end, or when a start fails half-way: in the reverse order in which it was opened. */
export class Closing {
  readonly #log: Log;
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** All of it, also where one part fails to close. */
  async close(): Promise<void> {
    for (const close of this.#closers.reverse())
      await close().catch((error: unknown) => this.#log.error({ err: error }, 'closing failed'));
  }
}
