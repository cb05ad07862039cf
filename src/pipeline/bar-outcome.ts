import type { StreamKey } from '../core/candle.js';
import type { BarRecord, Correction, QuarantinedRow } from '../core/records.js';
import type { ExecutionOutcome } from '../execution/order-intent.js';
import type { HealthReport, ResolvedOutcome } from './monitoring/index.js';

/** Everything that came of one raw candle; what progress, logs and alerts are made from. */
export type BarOutcome =
  /** Ingestion did not accept it; it is in quarantine. */
  | { readonly kind: 'quarantined'; readonly stream: StreamKey; readonly row: QuarantinedRow }
  /** The bar, or a later one, was taken before: nothing was decided again. */
  | { readonly kind: 'already_known'; readonly stream: StreamKey; readonly openMs: number }
  /** A bar of history: stored, and part of later windows, but not decided on. */
  | {
      readonly kind: 'learned';
      readonly stream: StreamKey;
      readonly openMs: number;
      readonly missingBars: number;
    }
  /** The exchange changed a bar that was taken before: recorded as such, and nothing else. */
  | { readonly kind: 'corrected'; readonly stream: StreamKey; readonly correction: Correction }
  | DecidedBar;

export interface DecidedBar {
  readonly kind: 'decided';
  readonly stream: StreamKey;
  /** As stored, before any order of this bar. */
  readonly record: BarRecord;
  readonly missingBars: number;
  /** Predictions whose horizon this bar closed. */
  readonly resolved: readonly ResolvedOutcome[];
  /** Null when risk let no order through. */
  readonly execution: ExecutionOutcome | null;
  /** The drawdown circuit breaker tripped on this bar. */
  readonly breakerTripped: boolean;
  /** Null unless the pipeline was made with `healthEachBar`. */
  readonly health: HealthReport | null;
}
