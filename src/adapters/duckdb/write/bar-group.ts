import { streamName } from '../../../core/candle.js';
import type { BarRecord, PredictionOutcome } from '../../../core/records.js';

/** A bar to be committed, and the outcomes that go with it. */
export interface BarCommit {
  readonly record: BarRecord;
  readonly outcomes: readonly PredictionOutcome[];
}

interface Waiting {
  readonly bar: BarCommit;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Bars that wait for the same transaction: those of different streams that were handed in one after the other while the
 * disk was busy. At the turn of an hour many symbols close a bar at once, and one sync serves them all.
 */
export class BarGroup {
  readonly #waiting = new Map<string, Waiting>();
  #taken = false;

  /** Joins the group; undefined when it cannot: its turn has come, or it holds a bar of the same stream. */
  join(bar: BarCommit): Promise<void> | undefined {
    const name = streamName(bar.record.stream);
    if (this.#taken || this.#waiting.has(name)) return undefined;
    return new Promise((resolve, reject) => {
      this.#waiting.set(name, { bar, resolve, reject });
    });
  }

  /** The group's turn: commits all and tells each its own result. Never rejects. */
  async commit(commitAll: (bars: readonly BarCommit[]) => Promise<readonly unknown[]>): Promise<void> {
    this.#taken = true;
    const waiting = [...this.#waiting.values()];
    let results: readonly unknown[];
    try {
      results = await commitAll(waiting.map(({ bar }) => bar));
    } catch (error) {
      results = waiting.map(() => error);
    }
    waiting.forEach(({ resolve, reject }, i) => {
      if (results[i] === null) resolve();
      else reject(results[i]);
    });
  }
}
