/** Runs asynchronous work one after the other, in the order it was handed in. A failure concerns only its own caller. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything handed in so far is over. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
