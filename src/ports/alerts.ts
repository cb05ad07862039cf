import type { Alert } from '../core/alert.js';
import type { LayerHealth } from '../core/health.js';
import type { TradesSoFar } from '../core/records.js';
import type { TradingState } from '../core/trading-state.js';

/** Alerts that wait for delivery; removed at acknowledgement. */
export interface AlertOutbox {
  add(alert: Alert): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Oldest first. */
  pending(limit: number): Promise<readonly Alert[]>;
}

export interface AlertSink {
  /** Accepts an alert for delivery; resolves once it cannot be lost any more. */
  raise(alert: Alert): Promise<void>;
  /** The retained picture of the box; the newest replaces the one before. */
  publishState(state: BoxState): void;
}

/** The retained JSON on `redbutton/<device>/state`. */
export interface BoxState {
  readonly tradingState: TradingState;
  readonly mode: 'paper' | 'live';
  readonly equity: number | null;
  readonly drawdown: number | null;
  readonly positions: Readonly<Record<string, number>>;
  readonly trades: TradesSoFar;
  readonly feedAgeMs: number | null;
  readonly modelHealth: string;
  readonly rollingAuc: number | null;
  readonly layers: readonly LayerHealth[];
  /** Of the processor; absent or null where no sensor is known. */
  readonly temperatureC?: number | null;
  readonly version: string;
  readonly atMs: number;
}
