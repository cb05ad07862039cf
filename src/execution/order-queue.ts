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
    const { lone, tails } = this.#turnsOf(exchange);
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
    const turns = this.#turnsOf(exchange);
    const result = Promise.all([turns.lone, ...turns.tails.values()]).then(work);
    turns.lone = result.catch(() => undefined);
    // Whoever comes next waits for the lone work, which waits for these.
    turns.tails.clear();
    return result;
  }

  #turnsOf(exchange: string): ExchangeQueue {
    let turns = this.#exchanges.get(exchange);
    if (turns === undefined) {
      turns = { lone: Promise.resolve(), tails: new Map() };
      this.#exchanges.set(exchange, turns);
    }
    return turns;
  }
}
