import type { Trade } from './ledger.js';
import { orderAnswer } from './order-wire.js';
import type { SimulatedExchange } from './simulated-exchange.js';
import type { Transfer } from './transfers.js';

/** Everything the exchange knows of its accounts, ready for JSON. Decimal text. */
export interface LedgerSnapshot {
  readonly wallMs: number;
  readonly accounts: readonly {
    readonly apiKey: string;
    readonly balances: Readonly<Record<string, { readonly free: string; readonly locked: string }>>;
    readonly orders: readonly object[];
    readonly trades: readonly Trade[];
    readonly transfers: readonly Transfer[];
  }[];
}

export function ledgerSnapshot(exchange: SimulatedExchange): LedgerSnapshot {
  return {
    wallMs: exchange.clock.wallMs(),
    accounts: [...exchange.accounts].map(([apiKey, { engine, transfers }]) => ({
      apiKey,
      balances: Object.fromEntries(
        engine.ledger.assets().map((asset) => {
          const { free, locked } = engine.ledger.holding(asset);
          return [asset, { free: free.toFixed(), locked: locked.toFixed() }];
        }),
      ),
      orders: engine.orders.map(orderAnswer),
      trades: [...engine.ledger.trades],
      transfers: [...transfers],
    })),
  };
}
