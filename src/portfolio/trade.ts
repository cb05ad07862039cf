import { type Decimal, decimal, text } from '../core/money.js';
import type { Fill } from '../core/order.js';

/** A position from flat to flat, or as far as it has come. Figures in quote units unless they say otherwise. */
export interface Trade {
  readonly exchange: string;
  readonly symbol: string;
  readonly direction: 'long' | 'short';
  readonly openedAtMs: number;
  /** Null while it is open. */
  readonly closedAtMs: number | null;
  /** Base that was bought into it altogether (sold, for a short). */
  readonly amount: number;
  /** Averages by amount; the exit's is null until something of it was closed. */
  readonly entryPrice: number;
  readonly exitPrice: number | null;
  /** Quote put in over all entries. */
  readonly entryNotional: number;
  /** Realised profit after fees. */
  readonly profit: number;
  /** Fees, those in base at the fill's price; those in a third currency as far as its price is known. */
  readonly fees: number;
  /** profit / entryNotional: what average win and loss are made of. */
  readonly returnFraction: number;
  /** Orders that opened it, and that changed it last. */
  readonly firstOrderId: string;
  readonly lastOrderId: string;
  /** The same to the last decimal, for sums that people are shown. */
  readonly exact: { readonly entryNotional: Decimal; readonly profit: Decimal; readonly fees: Decimal };
}

export interface ClosedTrade extends Trade {
  readonly closedAtMs: number;
}

/** Closed trades added up. */
export interface TradeSums {
  readonly closed: number;
  readonly won: number;
  readonly lost: number;
  /** Quote units after fees: decimal text, exact. */
  readonly profit: string;
}

export function sumsOf(trades: readonly ClosedTrade[]): TradeSums {
  return {
    closed: trades.length,
    won: trades.filter(({ exact }) => exact.profit.gt(0)).length,
    lost: trades.filter(({ exact }) => exact.profit.lt(0)).length,
    profit: text(trades.reduce((total, { exact }) => total.plus(exact.profit), decimal(0))),
  };
}

/** Fees as they were paid, by currency, as decimal text. */
export function feesPaid(fills: readonly Fill[]): Readonly<Record<string, string>> {
  const sums = new Map<string, Decimal>();
  for (const { feeCurrency, fee } of fills) addTo(sums, feeCurrency, decimal(fee));
  return textOf(sums);
}

export function addTo(sums: Map<string, Decimal>, name: string, amount: Decimal): void {
  sums.set(name, sums.get(name)?.plus(amount) ?? amount);
}

export function textOf(sums: ReadonlyMap<string, Decimal>): Readonly<Record<string, string>> {
  return Object.fromEntries([...sums].map(([name, sum]) => [name, text(sum)]));
}
