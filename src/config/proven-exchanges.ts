/** An exchange and a kind of market on which the project has shown that the box trades right. */
export interface ProvenExchange {
  /** ccxt id. */
  readonly id: string;
  readonly kind: 'spot' | 'linear';
  /** Protective stops rest, are found, and end with their position. */
  readonly stops: boolean;
  /** `execution.orderType = "market"`: buys and sells in base units, without a price. */
  readonly marketOrders: boolean;
  /** What rests is cancelled by the exchange when the box is not heard of. */
  readonly deadMansSwitch: boolean;
}

/**
 * What real money may be traded on. A row is added when the tests of orders, fills, fees, halts and comparisons pass against a
 * server that speaks that exchange's dialect. `docs/exchanges.md` is this table.
 */
export const PROVEN_EXCHANGES: readonly ProvenExchange[] = [
  { id: 'binance', kind: 'spot', stops: true, marketOrders: true, deadMansSwitch: false },
];

/** Futures that ccxt's orders go wrong at, and why, by the beginning of the id. `marked`: only symbols with `:` are futures there. */
export const REFUSED_FUTURES = [
  {
    id: /^krakenfutures/,
    marked: false,
    reason: 'on its futures an immediate-or-cancel order rests in the book',
  },
  {
    id: /^gate/,
    marked: true,
    reason: 'its futures count contracts of many coins, and orders would be many times too large',
  },
] as const;

export function provenSpot(id: string): ProvenExchange | undefined {
  return PROVEN_EXCHANGES.find((row) => row.id === id && row.kind === 'spot');
}
