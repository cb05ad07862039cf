import type { TradingState } from './trading-state.js';

export type Side = 'buy' | 'sell';

/** Best bid and ask of one symbol. `atMs` is the exchange's or the box's wall time of the quote. */
export interface Quote {
  readonly bid: number;
  readonly ask: number;
  readonly atMs: number;
  /** Where it came from: a real book, or the close moved by the configured slippage where no book is known. */
  readonly source: 'book' | 'close';
}

/** Steps and minimums of one symbol, as decimal text in the exchange's own words. */
export interface MarketRules {
  readonly symbol: string;
  readonly kind: 'spot' | 'swap';
  readonly priceTick: string;
  readonly amountStep: string;
  readonly amountMin: string;
  /** Least price × amount in quote units. */
  readonly notionalMin: string;
  readonly takerFeeRate: string;
}

/** A symbol as the exchange lists it; `trading` is false while it takes no orders. */
export interface MarketListing {
  readonly rules: MarketRules;
  readonly trading: boolean;
}

/** What the execution layer wants to send. Amount and limit price are decimal text, already on the exchange's steps. */
export interface OrderRequest {
  /** `<prefix>-<device>-<unique>`; unique forever, at most 36 characters of [A-Za-z0-9_-]. */
  readonly clientOrderId: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly side: Side;
  /** A `stop` rests at the exchange and sells (or buys back) at market once the price has come to `triggerPrice`. */
  readonly type: 'market' | 'limit_ioc' | 'stop';
  readonly amount: string;
  readonly limitPrice?: string;
  readonly triggerPrice?: string;
  /** Open time of the bar whose decision this is. */
  readonly barOpenMs: number;
  /** The price the decision was made at, for slippage. */
  readonly decisionPrice: number;
  /** Whether filling it brings the position nearer to zero; computed by the gate from fills, never taken on trust. */
  readonly reducing: boolean;
  /** Epoch of the permit under which the gate let it pass; absent before the gate. */
  readonly permitEpoch?: number;
}

/** docs/design.md, "An order's life". */
const ORDER_STATUSES = [
  'intended',
  'sent',
  'accepted',
  'partially_filled',
  'filled',
  'canceled',
  'expired',
  // By the exchange.
  'rejected',
  // By our own gate.
  'denied',
  // Surely not at the exchange, which never rejected it: it could not be handed over, or was looked up and not found.
  'never_placed',
  'unknown',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** Statuses of an order that the exchange never had; one that it speaks of all the same has been placed. */
const UNPLACED: readonly OrderStatus[] = ['rejected', 'denied', 'never_placed'];
/** Statuses after which nothing more can happen to an order. */
export const FINAL_STATUSES: readonly OrderStatus[] = ['filled', 'canceled', 'expired', ...UNPLACED];

export const isUnplaced = (status: OrderStatus): boolean => UNPLACED.includes(status);
export const isFinal = (status: OrderStatus): boolean => FINAL_STATUSES.includes(status);

/** One execution of (a part of) an order. Decimal text throughout. */
export interface Fill {
  readonly fillId: string;
  readonly clientOrderId: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: string;
  readonly amount: string;
  readonly fee: string;
  readonly feeCurrency: string;
  /** Quote units that one unit of a fee in a third currency was worth on that day; absent where that is not known. */
  readonly feePrice?: string;
  readonly atMs: number;
}

/** What tells a fill from every other: an exchange numbers its fills symbol by symbol. */
export type FillId = Pick<Fill, 'exchange' | 'symbol' | 'fillId'>;

/** What an exchange (or the paper broker) says of an order. */
export interface OrderReport {
  readonly clientOrderId: string;
  readonly exchangeOrderId: string | null;
  readonly symbol: string;
  readonly side: Side;
  /** An exchange never says of an order that our gate denied it, or that it never was there. */
  readonly status: Exclude<OrderStatus, 'denied' | 'never_placed'>;
  readonly amount: string;
  readonly filled: string;
  readonly averagePrice: string | null;
  readonly fills: readonly Fill[];
  readonly atMs: number;
  /** The exchange's own words, where it gave any. */
  readonly message?: string;
  /** It waits for a trigger price, and so protects a position. */
  readonly protective?: true;
  readonly triggerPrice?: string;
}

/** Stops as a person reads them in the report of a halt. */
export function stopsInWords(
  stops: readonly Pick<OrderReport, 'side' | 'amount' | 'symbol' | 'triggerPrice'>[],
): string {
  return stops
    .map(({ side, amount, symbol, triggerPrice }) => `${side} ${amount} ${symbol} at ${triggerPrice ?? '?'}`)
    .join(', ');
}

/** Why risk or the gate denies an order. A denial is a value. */
export type DenialReason =
  // risk
  | 'kelly_zero'
  | 'already_at_target'
  | 'below_minimum'
  | 'drawdown_halt'
  | 'volatility'
  | 'outside_training'
  | 'daily_loss'
  | 'cool_down'
  | 'gross_cap'
  | 'correlated_cap'
  | 'insufficient_cash'
  | 'state_reducing'
  | 'state_halted'
  | 'nothing_to_close'
  | 'bad_equity'
  | 'symbol_unknown'
  // gate
  | 'no_permit'
  | 'permit_changed'
  | 'price_stale'
  | 'notional_cap'
  | 'price_collar'
  | 'order_rate'
  | 'stop_rests'
  | 'exit_in_flight'
  | 'stop_not_protective'
  | 'exchange_filter'
  | 'market_closed';

/** What the risk layer looked at; stored with the decision so that it can be recomputed. */
export interface RiskInputs {
  readonly equity: number;
  /** In quote units. */
  readonly cash: number;
  readonly peakEquity: number;
  readonly drawdown: number;
  /** Equity at the end of the day before (UTC), and the lowest at a bar's close since; 0 while there was no bar. */
  readonly dayStartEquity: number;
  readonly dayLowEquity: number;
  /** Signed units of base held in this symbol. */
  readonly positionUnits: number;
  /** Size of all other positions at their marks, in quote units, orders of unknown outcome counted as filled. */
  readonly otherExposure: number;
  /** The part of it that is the same bet: correlated with this symbol in the signal's direction, or not known to be not. */
  readonly correlatedExposure: number;
  /** The run of losing trades that the account has just had, and bars closed since the last of them; null without one. */
  readonly losingTrades: number;
  readonly barsSinceLoss: number | null;
  readonly quote: Quote;
  readonly state: TradingState;
  readonly averageWin: number;
  readonly averageLoss: number;
  /** Realised volatility of the last bars, annualised by timeframe and calendar; null while unknown. */
  readonly annualVolatility: number | null;
  /** The exchange that the quote and the market's rules are of: where the order goes. */
  readonly exchange: string;
  /** Share of the model's features that lie outside their range in its training; null where one of the two is not known. */
  readonly outsideTraining: number | null;
}

export type RiskDecision =
  | {
      readonly kind: 'order';
      readonly side: Side;
      /** Units of base to trade now, before the exchange's steps. */
      readonly units: number;
      readonly targetUnits: number;
      /** Fraction of equity the target is worth. */
      readonly positionFraction: number;
      readonly kellyRaw: number;
      readonly inputs: RiskInputs;
    }
  | {
      readonly kind: 'denial';
      readonly reason: DenialReason;
      /** One sentence with the figures. */
      readonly detail: string;
      readonly inputs: RiskInputs;
    };

/**
 * A word of an exchange that something has become of an order. It may be lost, come twice, late or in the wrong order, so it
 * is a reason to ask and nothing more: what is true is what the exchange answers.
 */
export interface OrderUpdate {
  readonly clientOrderId: string;
  readonly symbol: string;
  /** Decimal text; null where the word does not say. */
  readonly filled: string | null;
}
