import type { DenialReason, OrderReport, OrderRequest, OrderUpdate, Quote } from '../core/order.js';
import type { CapitalFlow } from '../core/records.js';

/** What came of handing an order to an exchange. */
export type SubmitResult =
  | { readonly kind: 'report'; readonly report: OrderReport }
  /** Kept in as its first byte was about to be written. */
  | { readonly kind: 'denied'; readonly reason: DenialReason; readonly message: string }
  /** By the exchange, and for good. */
  | { readonly kind: 'rejected'; readonly message: string; readonly about?: MarketChange }
  /** Surely not taken, and not rejected for good: it could not be sent, or came at a bad moment. */
  | {
      readonly kind: 'not_placed';
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
      readonly about?: MarketChange;
    }
  /** Nobody knows: time-out, 5xx, dropped connection, malformed answer. Resolve by client order id, never resend. */
  | { readonly kind: 'ambiguous'; readonly message: string };

/** What a failure may be about: steps and minimums that are no longer those known here, or a closed market. */
export type MarketChange = 'rules' | 'closed';

export interface Balance {
  readonly currency: string;
  readonly free: string;
  readonly total: string;
}

export interface AskOptions {
  /** A halt asks: no request limit of our own may hold the question up. */
  readonly urgent?: true;
}

export interface Broker {
  readonly exchange: string;
  readonly kind: 'paper' | 'live';
  /** Only the order gate may call this; a test enforces it. */
  create(order: OrderRequest, quote: Quote): Promise<SubmitResult>;
  /** Looks an order up by client order id among open orders, closed orders and trades. */
  find(clientOrderId: string, symbol: string): Promise<OrderReport | undefined>;
  cancel(clientOrderId: string, symbol: string): Promise<void>;
  /** Of these symbols; of the whole account when none is named. */
  openOrders(symbols: readonly string[], options?: AskOptions): Promise<readonly OrderReport[]>;
  /** Orders placed or traded at or after `sinceMs` (the exchange's time), each with all of its fills. */
  history(symbols: readonly string[], sinceMs: number, options?: AskOptions): Promise<readonly OrderReport[]>;
  /** Finished deposits and withdrawals; `atMs` is the exchange's time of each. Null where the exchange does not tell. */
  transfers(sinceMs: number): Promise<readonly CapitalFlow[] | null>;
  balances(): Promise<readonly Balance[]>;
  /** For how long after it was sent a create that is not found may still arrive; absent = as long as the caller counts on. */
  readonly inFlightMaxMs?: number;
  /** What is left of that for the last one sent. */
  mayStillArriveForMs?(): number;
  /** Whether a stop can rest here for the symbol and be followed like any other order; absent = never. */
  takesStops?(symbol: string): boolean;
}

/** Follows what an exchange says of our orders, until `signal` aborts (resolves) or the line fails (rejects). */
export type OrderStream = (onUpdate: (hint: OrderUpdate) => void, signal: AbortSignal) => Promise<void>;
