import type { Candle, StreamKey } from '../core/candle.js';
import type { ModelManifest } from '../core/manifest.js';
import type { DenialReason, OrderHint, OrderRequest } from '../core/order.js';
import type { AccountSnapshot, PeakRebase, RestoredState, TradesSoFar } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { ExecutionSettings, OrdersDeps } from '../execution/orders.js';
import type { Reconciliation } from '../execution/reconciliation.js';
import type { Unprotected } from '../execution/resting-stops.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { RawCandle } from '../ports/market.js';
import type { BarOutcome } from './bar-outcome.js';
import type { InferenceLayer, StreamSetup } from './layer-ports.js';
import type { HealthReport, MonitoringConfig } from './monitoring/index.js';
import type { RiskConfig } from './risk/index.js';
import type { SignalConfig } from './signals/index.js';

export interface PipelineConfig {
  readonly mode: 'paper' | 'live';
  readonly signals: SignalConfig;
  readonly risk: RiskConfig & {
    readonly averageWin: number;
    readonly averageLoss: number;
    readonly protectiveStopPct?: number;
  };
  readonly execution: ExecutionSettings & {
    /** Where entries go: to the stream's own exchange (also when absent), or to the best net price among those of the symbol. */
    readonly routing?: 'own' | 'best';
  };
  readonly monitoring: MonitoringConfig;
}

export interface PipelineDeps extends OrdersDeps {
  readonly config: PipelineConfig;
  readonly streams: readonly StreamSetup[];
  readonly model: Pick<ModelManifest, 'horizonBars' | 'reference'>;
  /**
   * Cash before the first stored fill and flow, in quote units, as decimal text. With a live broker `0`: what the account
   * held when it was first seen is stored as an opening flow.
   */
  readonly startCash: string;
  /** Report the model's health with each bar (live); without it {@link Pipeline.health} computes it when asked. */
  readonly healthEachBar?: boolean;
  /** Bars and outcomes are not given to the store, orders and fills are: for a backtest whose caller takes the outcomes. */
  readonly keepsNoBars?: boolean;
  /**
   * With {@link keepsNoBars}: the caller keeps no outcome either, so those of bars without a signal share their memory, and
   * what became of earlier predictions is neither told nor counted: {@link Pipeline.health} cannot be asked.
   */
  readonly sharesOutcomes?: boolean;
}

/**
 * Decides on a bar whose candle is accepted and whose prediction is known. The outcome is there at once, not as a promise,
 * where nothing had to be waited for.
 */
export type BarDecider = (
  candle: Candle,
  features: Float64Array | null,
  prediction: Prediction | NoPredictionReason,
  missingBars: number,
) => BarOutcome | Promise<BarOutcome>;

/**
 * The one pipeline of live, paper, backtest and simulation: seven layers in fixed order, one bar of a stream at a time.
 *
 * The order of steps is what makes it safe to lose power at any of them. The bar and its decision are committed in one
 * transaction; only then is an order's intent written, and only then is it sent. A bar that was committed is never
 * decided again; one that was not left nothing behind.
 */
export interface Pipeline {
  /** Restores from the store (or from what the caller already read of it); before warm-up and the first bar. */
  start(restored?: RestoredState): Promise<void>;
  /** Known candles that {@link warmUp} needs to fill all windows, with a margin. */
  readonly warmUpBars: number;
  /** Feeds known candles, oldest first, without deciding on them or storing them. */
  warmUp(stream: StreamKey, candles: readonly Candle[]): Promise<void>;
  /** Takes a closed bar. Those of a stream are worked off one after the other; streams do not wait for each other. */
  onCandle(stream: StreamKey, raw: RawCandle): Promise<BarOutcome>;
  /** Takes a closed bar of history (backfill): validated, stored and learned from, never decided on. */
  onHistory(stream: StreamKey, raw: RawCandle): Promise<BarOutcome>;
  /** Takes late bars of a gap: stored, never decided on, and part of the windows from then on. Resolves to how many were new. */
  fillGap(stream: StreamKey, rows: readonly RawCandle[]): Promise<number>;
  /** Layers 4 to 7 of one stream, for backtests, which accept and predict in batches. */
  deciderOf(stream: StreamKey): BarDecider;
  /** Asks once for each order whose outcome is unknown, of one venue or all; to be called between bars while there is one. */
  settle(exchange?: string): Promise<readonly ExecutionOutcome[]>;
  /** How many orders of the venue have an unknown outcome. */
  unsettledAt(exchange: string): number;
  /**
   * Compares orders, fills and balances with one exchange. Until a comparison agreed, that venue is at most REDUCING.
   * Null with a paper broker, which knows nothing that the store does not.
   */
  reconcile(exchange: string): Promise<Reconciliation | null>;
  /** Takes an exchange's word that something has become of an order of ours; see ExchangeOrders. */
  heard(exchange: string, hint: OrderHint): Promise<void>;
  /** Takes that agreement back until the next comparison; does nothing on paper. */
  doubt(exchange: string): void;
  /** Positions at a venue without the stop that they should have, and why. */
  unprotected(exchange: string): readonly Unprotected[];
  /** Asked at the moment a create request leaves the box: why it may not; null when it may. */
  mayLeave(order: OrderRequest): DenialReason | null;
  /** Closes every position of a venue through the gate, for a halt that flattens. What could not be closed, in words. */
  flatten(exchange: string): Promise<readonly string[]>;
  /**
   * A person's word after the drawdown circuit breaker tripped: written down with who said it, then the drawdown is measured
   * from equity as it is. Null, and nothing is done, where the breaker has not tripped or there is no equity to measure from.
   */
  rebasePeak(by: string): Promise<PeakRebase | null>;
  /** Lets another model decide from the next bar on: the change falls between two bars, never into one. */
  useModel(model: PipelineDeps['model'], inferenceOf: (stream: StreamKey) => InferenceLayer): Promise<void>;
  health(stream: StreamKey): HealthReport;
  state(): PipelineState;
  /** Open time of the last bar taken; null before the first. */
  lastBarMs(stream: StreamKey): number | null;
  readonly portfolio: Portfolio;
}

export interface PipelineState {
  readonly account: AccountSnapshot;
  /** Signed units of base, by `exchange:symbol`. */
  readonly positions: Readonly<Record<string, number>>;
  readonly trades: TradesSoFar;
  readonly unsettledOrders: number;
  /** Open time of the last bar taken, by stream name; null before the first. */
  readonly lastBarMs: Readonly<Record<string, number | null>>;
}
