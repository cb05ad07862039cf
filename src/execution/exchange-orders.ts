import { type Decimal, decimal } from '../core/money.js';
import type { OrderHint } from '../core/order.js';
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
  readonly turns: OrderQueue;
  readonly streams: readonly Pick<Instrument, 'key'>[];
  /** Lets what rests for a symbol, or for a venue that has just agreed, follow what is held. */
  readonly stops: Pick<RestingStops, 'sync' | 'syncAll'>;
  /** See ReconciliationDeps. */
  readonly onCapital: (equityBefore: number, equityAfter: number) => void;
}

/** What is to be settled and compared with the exchanges between bars, each venue by itself: a sick one waits alone. */
export interface ExchangeOrders {
  restore(restored: RestoredState): void;
  /** Asks for what the last life left open, and opens the account where that was never done. */
  start(): Promise<void>;
  /** Asks once for each order of this symbol whose outcome is unknown; in the symbol's own turn. */
  settleSymbol(exchange: string, symbol: string): Promise<void>;
  /** The same for all symbols of a venue, or of all venues, each in its turn. */
  settle(exchange?: string): Promise<readonly ExecutionOutcome[]>;
  /** One comparison with this venue, while nothing else happens there. Null on paper: there is nobody to agree with. */
  reconcile(exchange: string): Promise<Reconciliation | null>;
  /**
   * Takes an exchange's word that something has become of an order: asks for it by its id, in the symbol's turn, where
   * the word speaks of something new. Rejects only when the store fails.
   */
  heard(exchange: string, hint: OrderHint): Promise<void>;
  /** Takes that venue's agreement back until the next comparison. */
  doubt(exchange: string): void;
  /** Whether the venue and the store agreed when they were last compared; always on paper. */
  agreed(exchange: string): boolean;
  /** Units of a position that the exchange did not hold when it was last compared; always 0 on paper. */
  shortfall(exchange: string, symbol: string): Decimal;
}

const ZERO = decimal(0);

export function createExchangeOrders(deps: ExchangeOrdersDeps): ExchangeOrders {
  const { brokers, execution, turns, streams } = deps;
  /** Words that wait for their turn, by order: of several the one that tells of more stands for all. */
  const words = new Map<string, OrderHint>();
  const reconcilers = new Map<string, Reconciler>();
  if (brokers.kind === 'live') {
    for (const broker of brokers.all) {
      const own = streams.filter(({ key }) => key.exchange === broker.exchange);
      const { store, clock, portfolio, onCapital } = deps;
      reconcilers.set(
        broker.exchange,
        new Reconciler({
          store,
          broker,
          clock,
          portfolio,
          execution,
          symbols: [...new Set(own.map(({ key }) => key.symbol))],
          isOurs: deps.ids.isOurs,
          barBefore: (atMs) => barBefore(broker.exchange, atMs),
          onCapital,
        }),
      );
    }
  }

  function barBefore(exchange: string, atMs: number): number {
    const barMs = timeframeMs(streams.find(({ key }) => key.exchange === exchange)!.key.timeframe);
    return Math.floor(atMs / barMs) * barMs - barMs;
  }

  async function settleSymbol(exchange: string, symbol: string): Promise<readonly ExecutionOutcome[]> {
    const settled = await execution.resolveUnknown(exchange, symbol);
    if (settled.length > 0) await deps.stops.sync(exchange, symbol);
    return settled;
  }

  async function ask(exchange: string, { clientOrderId, symbol }: OrderHint): Promise<void> {
    if (execution.unresolved(exchange).some((order) => order.clientOrderId === clientOrderId)) {
      await settleSymbol(exchange, symbol);
      return;
    }
    // An exchange that does not answer says nothing; the next comparison finds what there is.
    const report = await brokers
      .of(exchange)
      .find(clientOrderId, symbol)
      .catch(() => undefined);
    if (report === undefined) return;
    const outcome = await execution.applyListedOrder(exchange, report, barBefore(exchange, report.atMs));
    if (outcome === null) return;
    // A stop that the exchange took away leaves its position without one; a late fill leaves more than the stop covers.
    await deps.stops.sync(exchange, symbol);
  }

  async function heard(exchange: string, hint: OrderHint): Promise<void> {
    const { clientOrderId, symbol } = hint;
    if (!deps.ids.isOurs(clientOrderId)) return;
    const name = `${exchange}:${clientOrderId}`;
    const waiting = words.get(name);
    if (waiting === undefined || tellsMore(hint, waiting)) words.set(name, hint);
    if (waiting !== undefined) return;
    await turns.serialize(exchange, symbol, async () => {
      const word = words.get(name)!;
      words.delete(name);
      if (execution.isNewer(word)) await ask(exchange, word);
    });
  }

  async function settle(venue?: string): Promise<readonly ExecutionOutcome[]> {
    const symbols = new Map(
      execution.unresolved(venue).map((order) => [`${order.exchange}:${order.symbol}`, order]),
    );
    const settled = await Promise.all(
      [...symbols.values()].map(({ exchange, symbol }) =>
        turns.serialize(exchange, symbol, () => settleSymbol(exchange, symbol)),
      ),
    );
    return settled.flat();
  }

  return {
    settle,
    heard,
    restore(restored) {
      for (const reconciler of reconcilers.values()) reconciler.restore(restored);
    },
    async start() {
      await settle();
      await Promise.all([...reconcilers.values()].map((reconciler) => reconciler.open()));
    },
    async settleSymbol(exchange, symbol) {
      await settleSymbol(exchange, symbol);
    },
    reconcile(exchange) {
      const reconciler = reconcilers.get(exchange);
      if (reconciler === undefined) return Promise.resolve(null);
      return turns.exclusively(exchange, async () => {
        const result = await reconciler.compare();
        if (result.kind === 'agreed') await deps.stops.syncAll(exchange);
        return result;
      });
    },
    doubt: (exchange) => reconcilers.get(exchange)?.doubt(),
    agreed: (exchange) => reconcilers.get(exchange)?.agreed ?? brokers.kind === 'paper',
    shortfall: (exchange, symbol) => reconcilers.get(exchange)?.shortfall(symbol) ?? ZERO,
  };
}

function tellsMore(hint: OrderHint, than: OrderHint): boolean {
  if (than.filled === null) return false;
  return hint.filled === null || decimal(hint.filled).gt(than.filled);
}
