interface ExchangeQueue {
  /** End of the last work that had, or will have, the exchange alone. */
  lone: Promise<unknown>;
  /** End of the last work by name. */
  readonly tails: Map<string, Promise<unknown>>;
}

/**
 * Who may work when. Work on one stream is done one piece after the other; streams do not wait for each other, so a slow
 * exchange holds up only its own. A comparison with an exchange has it alone: an order on its way in the middle of
 * it would look like a difference.
 */
/** A failed piece of work does not hold up the next. Work must not wait for other work of its own exchange. */
export class OrderQueue {
  readonly #exchanges = new Map<string, ExchangeQueue>();

  /** After all earlier work of this name, and after whoever had the exchange alone. */
  serialize<T>(exchange: string, name: string, work: () => Promise<T>): Promise<T> {
    const { lone, tails } = this.#queueOf(exchange);
    const before = tails.get(name);
    const result = before === undefined ? lone.then(work) : before.then(() => lone).then(work);
    tails.set(
      name,
      result.catch(() => undefined),
    );
    return result;
  }

  /** After everything that the exchange was doing, and before everything that comes later. */
  exclusively<T>(exchange: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queueOf(exchange);
    const result = Promise.all([queue.lone, ...queue.tails.values()]).then(work);
    queue.lone = result.catch(() => undefined);
    // Whoever comes next waits for the lone work, which waits for these.
    queue.tails.clear();
    return result;
  }

  #queueOf(exchange: string): ExchangeQueue {
    let queue = this.#exchanges.get(exchange);
    if (queue === undefined) {
      queue = { lone: Promise.resolve(), tails: new Map() };
      this.#exchanges.set(exchange, queue);
    }
    return queue;
  }
}
