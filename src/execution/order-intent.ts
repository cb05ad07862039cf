import type {
  DenialReason,
  Fill,
  MarketRules,
  OrderRequest,
  OrderStatus,
  Quote,
  RiskDecision,
  RiskInputs,
} from '../core/order.js';

/** A risk decision on its way to the market. */
export interface OrderIntent {
  readonly exchange: string;
  readonly decision: Pick<Extract<RiskDecision, { kind: 'order' }>, 'side' | 'units'> & {
    readonly inputs: Pick<RiskInputs, 'quote'>;
  };
  readonly rules: MarketRules;
  readonly barOpenMs: number;
  /** Close of the bar decided on. */
  readonly decisionPrice: number;
  /** Which try at closing the same position this is, from 1: each has more room than the one before. */
  readonly exitTry?: number;
  /** A newer quote for another try; without it the first one is used until the gate finds it too old. */
  readonly refreshQuote?: () => Promise<Quote | undefined>;
  /** The decision on its way to the disk, beside the intent and before it: one sync serves both. No order leaves earlier. */
  readonly decided?: Promise<void>;
}

/** What became of an intent. All of it is in the store by the time it is returned. */
export interface ExecutionOutcome {
  readonly order: OrderRequest;
  readonly status: OrderStatus;
  /** As stored with the order's last event. */
  readonly reason: DenialReason | null;
  readonly message: string | null;
  readonly tries: number;
  /** Fills that were new. */
  readonly fills: readonly Fill[];
  /** Slippage of the fills' average price against the decision price and against the quote; null without a fill. */
  readonly slippage: { readonly decisionBps: number; readonly arrivalBps: number } | null;
}
