import type { Alerts } from '../core/alert.js';
import type { Fill } from '../core/order.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { AuditLog } from '../ports/store.js';

export interface OrderAlertsOptions {
  readonly alerts: Alerts;
  readonly store: Pick<AuditLog, 'recordReported'>;
  /** Given each fill that is reported. */
  readonly onFill: (fill: Fill) => void;
}

/**
 * Reports what has become of orders, as soon as it is known: no bar is waited for. A fill counts as reported once its alert
 * cannot be lost any more; that is stored, so that a fill whose report the power cut short is reported at the next start.
 */
export class OrderAlerts {
  readonly #options: OrderAlertsOptions;
  /** What became known before {@link start}; null from then on. */
  #early: ExecutionOutcome[] | null = [];
  #work: Promise<void> = Promise.resolve();
  /** Orders that were reported as unknown: fills that come while they still are do not make it news again. */
  readonly #unknown = new Set<string>();
  #onFailure: (error: unknown) => void = () => {};

  constructor(options: OrderAlertsOptions) {
    this.#options = options;
  }

  /** Reports what the last run did not, then what has become known since. */
  start(unreported: readonly Fill[]): void {
    this.#enqueue(() => this.#reportFills(unreported));
    const early = this.#early ?? [];
    this.#early = null;
    for (const outcome of early) this.report(outcome);
  }

  /** Queues the outcome; one report is made after the other. */
  report(outcome: ExecutionOutcome): void {
    if (this.#early !== null) this.#early.push(outcome);
    else this.#enqueue(() => this.#report(outcome));
  }

  /** Resolves when everything so far is reported. Rejects where a report could not be made. */
  reported(): Promise<void> {
    return this.#work;
  }

  /** Rejects once a report cannot be made: the process must not continue as if it had been. Resolves when aborted. */
  readonly run = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#onFailure = reject;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.#work.catch(reject);
    });

  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work);
    this.#work.catch((error: unknown) => this.#onFailure(error));
  }

  async #report({ order, status, reason, message, fills }: ExecutionOutcome): Promise<void> {
    const { alerts } = this.#options;
    const { symbol, side, clientOrderId, amount } = order;
    await this.#reportFills(fills);
    if (status === 'unknown' && !this.#unknown.has(clientOrderId))
      await alerts.raise('ORDER_UNKNOWN', { symbol, clientOrderId });
    if (status === 'unknown') this.#unknown.add(clientOrderId);
    else this.#unknown.delete(clientOrderId);
    // What our own gate denied is nothing for a phone: a halt is reported as a halt, and risk's denials are in the store.
    const figures = { symbol, side, amount, reason: message ?? 'no reason given' };
    // A market that the exchange calls closed has an alert of its own.
    if (status === 'rejected' && reason === null) await alerts.raise('ORDER_REJECTED', figures);
    if (status === 'never_placed' && reason === null) await alerts.raise('ORDER_NEVER_PLACED', figures);
  }

  async #reportFills(fills: readonly Fill[]): Promise<void> {
    for (const fill of fills) {
      const { symbol, side, amount, price } = fill;
      this.#options.onFill(fill);
      await this.#options.alerts.raise('ORDER_FILLED', { symbol, side, amount, price });
      await this.#options.store.recordReported([fill]);
    }
  }
}
