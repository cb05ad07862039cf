import type { RightOfWay } from './order-priority.js';

/**
 * Runs asynchronous work one after the other, in the order it was handed in, each piece once it has the right of way. A
 * failure concerns only its own caller.
 */
export class SerialQueue {
  readonly #rightOfWay: Pick<RightOfWay, 'isFree' | 'wait'>;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(rightOfWay: Pick<RightOfWay, 'isFree' | 'wait'>) {
    this.#rightOfWay = rightOfWay;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(async () => {
      if (!this.#rightOfWay.isFree) await this.#rightOfWay.wait();
      return work();
    });
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything handed in so far is over. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
