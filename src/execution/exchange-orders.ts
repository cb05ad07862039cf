import { type Decimal, decimal } from '../core/money.js';
import type { OrderUpdate } from '../core/order.js';
import type { RestoredState } from '../core/records.js';
import { timeframeMs } from '../core/timeframe.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';
import type { Execution } from './execution.js';
import type { Instrument } from './instrument.js';
import type { OrderIds } from './order-id.js';
import type { ExecutionOutcome } from './order-intent.js';
import type { OrderQueue } from './order-queue.js';
import { Reconciler, type Reconciliation } from './reconciliation.js';
import type { RestingStops } from './resting-stops.js';

export interface ExchangeOrdersDeps {
  readonly brokers: Brokers;
  readonly execution: Execution;
  readonly portfolio: Portfolio;
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: OrderIds;
  readonly queue: OrderQueue;
  readonly streams: readonly Pick<Instrument, 'key'>[];
  /** Lets what rests for a symbol, or for an exchange that has just agreed, follow what is held. */
  readonly stops: Pick<RestingStops, 'sync' | 'syncAll'>;
  /** See ReconciliationDeps. */
  readonly onCapital: (equityBefore: number, equityAfter: number) => void;
}

const ZERO = decimal(0);

/** What is to be settled and compared with the exchanges between bars, each exchange by itself: a failing one waits alone. */
export class ExchangeOrders {
  readonly #deps: ExchangeOrdersDeps;
  /** Words that wait for their turn, by order: of several the one that tells of more stands for all. */
  readonly #updates = new Map<string, OrderUpdate>();
  readonly #reconcilers = new Map<string, Reconciler>();

  constructor(deps: ExchangeOrdersDeps) {
    this.#deps = deps;
    if (deps.brokers.kind === 'live') {
      for (const broker of deps.brokers.all) {
        const own = deps.streams.filter(({ key }) => key.exchange === broker.exchange);
        const { store, clock, portfolio, onCapital } = deps;
        this.#reconcilers.set(
          broker.exchange,
          new Reconciler({
            store,
            broker,
            clock,
            portfolio,
            execution: deps.execution,
            symbols: [...new Set(own.map(({ key }) => key.symbol))],
            isOurs: deps.ids.isOurs,
            barBefore: (atMs) => this.#barBefore(broker.exchange, atMs),
            onCapital,
          }),
        );
      }
    }
  }

  /** The same for all symbols of an exchange, or of all exchanges, each in its turn. */
  async resolveUnknown(exchange?: string): Promise<readonly ExecutionOutcome[]> {
    const symbols = new Map(
      this.#deps.execution.unresolved(exchange).map((order) => [`${order.exchange}:${order.symbol}`, order]),
    );
    const resolved = await Promise.all(
      [...symbols.values()].map(({ exchange, symbol }) =>
        this.#deps.queue.serialize(exchange, symbol, () => this.resolveSymbol(exchange, symbol)),
      ),
    );
    return resolved.flat();
  }

  /**
   * Takes an exchange's word that something has become of an order: asks for it by its id, in the symbol's turn, where
   * the word speaks of something new. Rejects only when the store fails.
   */
  async onOrderUpdate(exchange: string, hint: OrderUpdate): Promise<void> {
    const { clientOrderId, symbol } = hint;
    if (!this.#deps.ids.isOurs(clientOrderId)) return;
    const name = `${exchange}:${clientOrderId}`;
    const waiting = this.#updates.get(name);
    if (waiting === undefined || isNewer(hint, waiting)) this.#updates.set(name, hint);
    if (waiting !== undefined) return;
    await this.#deps.queue.serialize(exchange, symbol, async () => {
      const word = this.#updates.get(name)!;
      this.#updates.delete(name);
      if (this.#deps.execution.isNewer(word)) await this.#ask(exchange, word);
    });
  }

  restore(restored: RestoredState): void {
    for (const reconciler of this.#reconcilers.values()) reconciler.restore(restored);
  }

  /** Asks for what the last life left open, and opens the account where that was never done. */
  async start(): Promise<void> {
    await this.resolveUnknown();
    await Promise.all([...this.#reconcilers.values()].map((reconciler) => reconciler.open()));
  }

  /** Asks once for each order of this symbol whose outcome is unknown; in the symbol's own turn. */
  async resolveSymbol(exchange: string, symbol: string): Promise<readonly ExecutionOutcome[]> {
    const resolved = await this.#deps.execution.resolveUnknown(exchange, symbol);
    if (resolved.length > 0) await this.#deps.stops.sync(exchange, symbol);
    return resolved;
  }

  /** One comparison with this exchange, while nothing else happens there. Null on paper: there is nobody to agree with. */
  reconcile(exchange: string): Promise<Reconciliation | null> {
    const reconciler = this.#reconcilers.get(exchange);
    if (reconciler === undefined) return Promise.resolve(null);
    return this.#deps.queue.exclusively(exchange, async () => {
      const result = await reconciler.compare();
      if (result.kind === 'agreed') await this.#deps.stops.syncAll(exchange);
      return result;
    });
  }

  /** Takes that exchange's agreement back until the next comparison. */
  invalidate(exchange: string): void {
    this.#reconcilers.get(exchange)?.invalidate();
  }

  /** Whether the exchange and the store agreed when they were last compared; always on paper. */
  agreed(exchange: string): boolean {
    return this.#reconcilers.get(exchange)?.agreed ?? this.#deps.brokers.kind === 'paper';
  }

  /** Units of a position that the exchange did not hold when it was last compared; always 0 on paper. */
  shortfall(exchange: string, symbol: string): Decimal {
    return this.#reconcilers.get(exchange)?.shortfall(symbol) ?? ZERO;
  }

  #barBefore(exchange: string, atMs: number): number {
    const barMs = timeframeMs(this.#deps.streams.find(({ key }) => key.exchange === exchange)!.key.timeframe);
    return Math.floor(atMs / barMs) * barMs - barMs;
  }

  async #ask(exchange: string, { clientOrderId, symbol }: OrderUpdate): Promise<void> {
    if (this.#deps.execution.unresolved(exchange).some((order) => order.clientOrderId === clientOrderId)) {
      await this.resolveSymbol(exchange, symbol);
      return;
    }
    // An exchange that does not answer says nothing; the next comparison finds what there is.
    const report = await this.#deps.brokers
      .of(exchange)
      .find(clientOrderId, symbol)
      .catch(() => undefined);
    if (report === undefined) return;
    const outcome = await this.#deps.execution.applyListedOrder(
      exchange,
      report,
      this.#barBefore(exchange, report.atMs),
    );
    if (outcome === null) return;
    // A stop that the exchange took away leaves its position without one; a late fill leaves more than the stop covers.
    await this.#deps.stops.sync(exchange, symbol);
  }
}

function isNewer(hint: OrderUpdate, than: OrderUpdate): boolean {
  if (than.filled === null) return false;
  return hint.filled === null || decimal(hint.filled).gt(than.filled);
}
