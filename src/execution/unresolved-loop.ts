import type { Clock } from '../ports/time.js';
import type { ExchangeOrders } from './exchange-orders.js';

export interface UnresolvedLoopDeps {
  readonly unresolvedAt: (exchange: string) => number;
  readonly resolveUnknown: ExchangeOrders['resolveUnknown'];
  readonly clock: Pick<Clock, 'sleep'>;
}

/** How often an order of unknown outcome is asked for between bars. */
const PERIOD_MS = 1000;

/** Asks for orders of unknown outcome between bars: the next may be an hour away, and until then they block their symbols. */
export class UnresolvedLoop {
  readonly #deps: UnresolvedLoopDeps;
  /** Wake an exchange's loop; nothing waits on a timer while there is no such order. */
  readonly #wake = new Map<string, () => void>();

  constructor(deps: UnresolvedLoopDeps) {
    this.#deps = deps;
  }

  /** An order there may have been left with an unknown outcome. */
  wake(exchange: string): void {
    if (this.#deps.unresolvedAt(exchange) > 0) this.#wake.get(exchange)?.();
  }

  /** Until `signal` aborts. Rejects when the store fails. */
  async run(exchange: string, signal: AbortSignal): Promise<void> {
    const { unresolvedAt, resolveUnknown, clock } = this.#deps;
    const stop = () => this.#wake.get(exchange)?.();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      if (unresolvedAt(exchange) === 0) {
        await new Promise<void>((resolve) => {
          this.#wake.set(exchange, resolve);
        });
        continue;
      }
      // An aborted sleep rejects, and the loop ends by its own condition.
      await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
      if (!signal.aborted && unresolvedAt(exchange) > 0) await resolveUnknown(exchange);
    }
    signal.removeEventListener('abort', stop);
  }
}
