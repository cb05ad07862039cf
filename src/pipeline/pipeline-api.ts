import type { Candle } from '../core/candle.js';
import type { ModelManifest } from '../core/manifest.js';
import type { AccountSnapshot, TradesSoFar } from '../core/records.js';
import type { NoPredictionReason, Prediction } from '../core/signal.js';
import type { ExecutionSettings, OrdersDeps } from '../execution/orders.js';
import type { BarOutcome } from './bar-outcome.js';
import type { BarRecorder } from './bar-recorder.js';
import type { StreamSetup } from './layer-ports.js';
import type { MonitoringConfig } from './monitoring/index.js';
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
  /** Report the model's health with each bar (live); without it `Pipeline.health` computes it when asked. */
  readonly healthEachBar?: boolean;
  /** Who keeps the bars; the store where it is left out. Orders and fills are always the store's. */
  readonly bars?: BarRecorder;
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

export interface PipelineState {
  readonly account: AccountSnapshot;
  /** Signed units of base, by `exchange:symbol`. */
  readonly positions: Readonly<Record<string, number>>;
  readonly trades: TradesSoFar;
  readonly unresolvedOrders: number;
  /** Open time of the last bar taken, by stream name; null before the first. */
  readonly lastBarMs: Readonly<Record<string, number | null>>;
}
