import type { AlertRaiser } from '../core/alert.js';
import { Backoff } from '../core/backoff.js';
import type { Clock } from '../ports/time.js';
import type { Orders } from './orders.js';
import type { Reconciliation } from './reconciliation.js';

export interface ReconcileLoopOptions {
  readonly orders: Pick<Orders, 'reconcile' | 'unprotected'>;
  readonly exchange: string;
  readonly clock: Clock;
  readonly alerts: AlertRaiser;
  /** Between comparisons while all is well. */
  readonly periodMs: number;
  /** Told of every comparison; for the log. */
  readonly onResult?: (result: Reconciliation) => void;
}

/** Compares with one exchange on start, after every reconnect and each period. */
export interface ReconcileLoop {
  /** Rejects when the store fails: then the process must end. */
  run(signal: AbortSignal): Promise<void>;
  /** Compares now; what is said over a line that was away must be checked. */
  wake(): void;
}

/** To the next comparison while something is open, unclear, unanswered or to be closed; doubles from one to the next. */
const RETRY_MS = 2000;

export function createReconcileLoop(options: ReconcileLoopOptions): ReconcileLoop {
  const { orders, clock, alerts } = options;
  /** Ends the wait between two comparisons; used again until it has done so. */
  let pause = new AbortController();
  let waiting = false;
  /** The difference that was told last; the same one is told once. */
  let told: string | null = null;
  /** Positions without a stop, as they were told last. */
  let naked = new Map<string, string>();

  async function tell(result: Reconciliation): Promise<void> {
    options.onResult?.(result);
    if (result.kind === 'agreed') told = null;
    if (result.kind !== 'mismatch' || !result.confirmed) return;
    const { symbol } = result;
    const detail = `${options.exchange}: ${result.detail}`;
    const words = `${symbol}: ${detail}`;
    if (words === told) return;
    told = words;
    await alerts.raise('RECONCILE_MISMATCH', { symbol, detail });
  }

  /** A position is told when it is found without its stop, and again only for another reason. */
  async function tellUnprotected(): Promise<void> {
    const found = orders.unprotected(options.exchange);
    const fresh = found.filter(({ symbol, detail }) => naked.get(symbol) !== detail);
    naked = new Map(found.map(({ symbol, detail }) => [symbol, detail]));
    for (const { symbol, detail } of fresh) await alerts.raise('STOP_MISSING', { symbol, detail });
  }

  return {
    async run(signal) {
      const backoff = new Backoff({ firstMs: RETRY_MS, maxMs: options.periodMs });
      const stop = () => pause.abort();
      signal.addEventListener('abort', stop, { once: true });
      try {
        while (!signal.aborted) {
          const result = await orders.reconcile(options.exchange);
          if (result === null) return;
          await tell(result);
          await tellUnprotected();
          if (signal.aborted) return;
          if (pause.signal.aborted) pause = new AbortController();
          waiting = true;
          const urgent = orders.unprotected(options.exchange).some((each) => each.urgent);
          const calm = result.kind === 'agreed' && !urgent;
          if (calm) backoff.reset();
          const waitMs = calm ? options.periodMs : backoff.failed();
          // An aborted sleep rejects: it is time then.
          await clock.sleep(waitMs, pause.signal).catch(() => undefined);
          waiting = false;
        }
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    wake: () => {
      if (waiting) pause.abort();
    },
  };
}
