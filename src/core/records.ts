import type { Candle, CandleColumns, StreamKey } from './candle.js';
import type { DenialReason, Fill, OrderRequest, OrderStatus, RiskDecision } from './order.js';
import type { Holding, Prediction, SignalResult } from './signal.js';
import type { TradingState } from './trading-state.js';

/** A row that ingestion did not accept. */
export interface QuarantinedRow {
  readonly stream: StreamKey;
  readonly openMs: number;
  readonly reason: string;
  readonly raw: string;
  readonly atMs: number;
}

/** An exchange's later word on a bar that was already closed and stored. The stored candle stays. */
export interface Correction {
  readonly stream: StreamKey;
  readonly stored: Candle;
  readonly corrected: Candle;
  readonly atMs: number;
}

/** Everything one bar of one stream brought, written in one transaction. */
export interface BarRecord {
  readonly stream: StreamKey;
  readonly candle: Candle;
  /** Wall time at which the candle became known to the box. */
  readonly availableAtMs: number;
  /** False when the bar only fills history (backfill, warm-up): then there is no decision. */
  readonly decided: boolean;
  readonly prediction: Prediction | null;
  readonly features: Float64Array | null;
  readonly signal: SignalResult | null;
  readonly risk: RiskDecision | null;
  /** Wall time of the decision; null when none was made. */
  readonly decidedAtMs: number | null;
  readonly account: AccountSnapshot | null;
}

/** What came of an earlier prediction of the same stream: whether the close of its horizon's bar was higher. */
export interface PredictionOutcome {
  /** Open time of the bar the prediction was made on. */
  readonly openMs: number;
  readonly up: boolean;
}

export interface AccountSnapshot {
  readonly atMs: number;
  readonly equity: number;
  readonly cash: number;
  readonly peakEquity: number;
  readonly drawdown: number;
  readonly breakerTripped: boolean;
  /** First millisecond of the day (UTC) that the last bar belongs to; 0 before the first bar. */
  readonly dayMs: number;
  /** See RiskInputs. */
  readonly dayStartEquity: number;
  readonly dayLowEquity: number;
}

export interface OrderEvent {
  readonly order: OrderRequest;
  readonly status: OrderStatus;
  readonly exchangeOrderId: string | null;
  readonly filled: string;
  readonly averagePrice: string | null;
  /** Why it was denied; `market_closed` also where it was the exchange that said so. Null otherwise. */
  readonly reason: DenialReason | null;
  readonly message: string | null;
  readonly atMs: number;
}

export interface HaltRecord {
  readonly atMs: number;
  readonly state: TradingState;
  readonly cause: string;
  readonly epoch: number;
}

/**
 * Money that came to the account or left it by another way than a fill. `opening` is what it held when it was first
 * seen, a currency each; later ones are the exchange's own deposits and withdrawals.
 */
export interface CapitalFlow {
  readonly exchange: string;
  /** The exchange's own id of it; unique with kind and exchange. */
  readonly flowId: string;
  readonly kind: 'opening' | 'deposit' | 'withdrawal';
  readonly currency: string;
  /** Signed decimal text: a withdrawal is negative. */
  readonly amount: string;
  /** Wall time at which the box learned of it: an account snapshot that is older does not know it. */
  readonly atMs: number;
}

/** A person's word after the drawdown circuit breaker: from then on the drawdown is measured from `equity`. */
export interface PeakRebase {
  readonly atMs: number;
  /** Who said it, as the system knows the user. */
  readonly by: string;
  readonly peakBefore: number;
  readonly drawdownBefore: number;
  readonly equity: number;
}

/** What the trader needs to go on where it stopped. */
export interface RestoredState {
  readonly account: AccountSnapshot | null;
  readonly fills: readonly Fill[];
  /** Of these, in the order they were recorded, those that nobody has been told of. */
  readonly unreportedFills: readonly Fill[];
  /** In the order they were recorded. */
  readonly flows: readonly CapitalFlow[];
  /** Open time of the last acted-on signal's bar, by stream name. */
  readonly lastActedBarMs: Readonly<Record<string, number>>;
  /** What was held at the last bar decided, by stream name; absent where that was nothing. */
  readonly holdings: Readonly<Record<string, Holding>>;
  /** Orders whose last status is not final. */
  readonly openOrders: readonly OrderEvent[];
  /** Predictions whose outcome is not known yet, and the last resolved ones, oldest first. */
  readonly outcomes: readonly {
    readonly stream: string;
    readonly openMs: number;
    readonly probabilityUp: number;
    readonly up: boolean | null;
  }[];
}

/** Candles with the wall time at which each became known to the box. */
export interface KnownCandles extends CandleColumns {
  readonly availableAtMs: Float64Array;
}

/** A gap in a stream: bars that should be there and are not. */
export interface Gap {
  readonly stream: StreamKey;
  /** Open time of the first missing bar. */
  readonly fromMs: number;
  /** Open time of the first bar that is there again. */
  readonly toMs: number;
  readonly bars: number;
  /** `open`: to be backfilled; `filled`; `gone`: the exchange has no such bars. */
  readonly state: 'open' | 'filled' | 'gone';
  readonly atMs: number;
}

/**
 * What became of a model on this box. `manifest` is the manifest's JSON text. `loaded`: it decides from now on; `trained`: it
 * won its challenge; `refused`: it lost; `kept`: the champion stays, since nothing could be compared; `retired`: another decides.
 */
export interface ModelRecord {
  readonly modelHash: string;
  readonly event: 'loaded' | 'trained' | 'refused' | 'kept' | 'retired';
  readonly manifest: string;
  readonly atMs: number;
}

/** A start of the trader. `settings` is the JSON text of what its decisions depend on beside candles, models and the market. */
export interface RunRecord {
  readonly atMs: number;
  readonly settings: string;
}

/** Which rows of a stream's time to read: `fromMs` ≤ open time < `toMs`; a bound left out is no bound. */
export interface RowFilter {
  readonly stream?: StreamKey;
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** One stored prediction; `up` is its outcome, null while unknown. */
export interface StoredPrediction extends Prediction {
  readonly stream: StreamKey;
  readonly features: Float64Array | null;
  readonly up: boolean | null;
}

/** What a model that does not decide said of a bar that was decided on. */
export interface ShadowPrediction extends Prediction {
  readonly stream: StreamKey;
}

/** What all fills so far came to. */
export interface TradesSoFar {
  readonly closed: number;
  /** Of the closed trades, in quote units after fees: decimal text. */
  readonly profit: string;
  /** By currency: in quote what is known in quote, and by itself what has no price. */
  readonly fees: Readonly<Record<string, string>>;
}
