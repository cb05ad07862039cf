import type { OrderPriority } from './order-priority.js';

/**
 * Runs asynchronous work one after the other, in the order it was handed in, each piece once it has the right of way. A
 * failure concerns only its own caller.
 */
export class SerialQueue {
  readonly #orderPriority: Pick<OrderPriority, 'isFree' | 'wait'>;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(orderPriority: Pick<OrderPriority, 'isFree' | 'wait'>) {
    this.#orderPriority = orderPriority;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(async () => {
      if (!this.#orderPriority.isFree) await this.#orderPriority.wait();
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
