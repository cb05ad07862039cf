import type { Alerts } from '../core/alert.js';
import { Backoff } from '../core/backoff.js';
import type { Clock } from '../ports/time.js';
import type { Orders } from './orders.js';
import type { Reconciliation } from './reconciliation.js';

export interface ReconcileLoopOptions {
  readonly orders: Pick<Orders, 'reconcile' | 'unprotected'>;
  readonly exchange: string;
  readonly clock: Clock;
  readonly alerts: Alerts;
  /** Between comparisons while all is well. */
  readonly periodMs: number;
  /** Told of every comparison; for the log. */
  readonly onResult?: (result: Reconciliation) => void;
}

/** To the next comparison while something is open, unclear, unanswered or to be closed; doubles from one to the next. */
const RETRY_MS = 2000;

/** Compares with one exchange on start, after every reconnect and each period. */
export class ReconcileLoop {
  readonly #options: ReconcileLoopOptions;
  /** Ends the wait between two comparisons; used again until it has done so. */
  #pause = new AbortController();
  #waiting = false;
  /** The difference that was told last; the same one is told once. */
  #told: string | null = null;
  /** Positions without a stop, as they were told last. */
  #unprotected = new Map<string, string>();

  constructor(options: ReconcileLoopOptions) {
    this.#options = options;
  }

  /** Rejects when the store fails: then the process must end. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: RETRY_MS, maxMs: this.#options.periodMs });
    const stop = () => this.#pause.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const result = await this.#options.orders.reconcile(this.#options.exchange);
        if (result === null) return;
        await this.#tell(result);
        await this.#reportUnprotected();
        if (signal.aborted) return;
        if (this.#pause.signal.aborted) this.#pause = new AbortController();
        this.#waiting = true;
        const urgent = this.#options.orders.unprotected(this.#options.exchange).some((each) => each.urgent);
        const calm = result.kind === 'agreed' && !urgent;
        if (calm) backoff.reset();
        const waitMs = calm ? this.#options.periodMs : backoff.failed();
        // An aborted sleep rejects: it is time then.
        await this.#options.clock.sleep(waitMs, this.#pause.signal).catch(() => undefined);
        this.#waiting = false;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Compares now; what is said over a line that was away must be checked. */
  wake(): void {
    if (this.#waiting) this.#pause.abort();
  }

  async #tell(result: Reconciliation): Promise<void> {
    this.#options.onResult?.(result);
    if (result.kind === 'agreed') this.#told = null;
    if (result.kind !== 'mismatch' || !result.confirmed) return;
    const { symbol } = result;
    const detail = `${this.#options.exchange}: ${result.detail}`;
    const words = `${symbol}: ${detail}`;
    if (words === this.#told) return;
    this.#told = words;
    await this.#options.alerts.raise('RECONCILE_MISMATCH', { symbol, detail });
  }

  /** A position is told when it is found without its stop, and again only for another reason. */
  async #reportUnprotected(): Promise<void> {
    const found = this.#options.orders.unprotected(this.#options.exchange);
    const fresh = found.filter(({ symbol, detail }) => this.#unprotected.get(symbol) !== detail);
    this.#unprotected = new Map(found.map(({ symbol, detail }) => [symbol, detail]));
    for (const { symbol, detail } of fresh)
      await this.#options.alerts.raise('STOP_MISSING', { symbol, detail });
  }
}
