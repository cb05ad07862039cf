import { setImmediate } from 'node:timers/promises';

/** The longest that other work waits for one order: an exchange that does not answer holds up nothing. */
const ORDER_MS_MAX = 250;
/** An order comes in steps (its bar is written down, then its intent, then it leaves), and others may come beside it. */
const ROUNDS_MAX = 4;

/**
 * Lets orders go first: what nobody waits for begins once none is on its way, or after a second at most. On a small box the
 * database's work, of no matter which thread, would stand between a decision and its order.
 */
export class OrderPriority {
  readonly #orders = new Set<Promise<void>>();

  /** An order is on its way until `order` settles, which is given back. */
  give<T>(order: Promise<T>): Promise<T> {
    const passed = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ORDER_MS_MAX).unref();
      const over = () => {
        clearTimeout(timer);
        resolve();
      };
      order.then(over, over);
    }).then(() => {
      this.#orders.delete(passed);
    });
    this.#orders.add(passed);
    return order;
  }

  /** True where nothing has to wait. */
  get isFree(): boolean {
    return this.#orders.size === 0;
  }

  async wait(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX && !this.isFree; round++) {
      await Promise.all(this.#orders);
      // Whoever waited for the same word now says what comes next.
      await setImmediate();
    }
  }
}
