import type { Regime } from './regime.js';

/** Where the position should go. On spot a `short` means flat. */
export type Direction = 'long' | 'short' | 'flat';

/** One answer of the inference layer for one bar. */
export interface Prediction {
  /** The bar predicted from; its own open time. */
  readonly openMs: number;
  /** P(close of the bar after the horizon > this close), raw, unrounded, in [0, 1]. */
  readonly probabilityUp: number;
  /** The same after the manifest's calibration; what Kelly sizes with. */
  readonly probabilityUpCalibrated: number;
  /** sha256 of the model file. */
  readonly modelHash: string;
}

/** Why a bar brought no prediction. */
export type NoPredictionReason =
  | 'warming_up' // fewer than W candles known
  | 'no_value' // a feature of this row has no value (0/0)
  | 'hole' // the window holds a gap
  | 'inference_fault'; // the model failed or answered a non-finite value

/** What is held of a stream's symbol when a bar is decided. */
export interface Holding {
  /** Signed units of base. */
  readonly units: number;
  /** Open time of the bar whose signal opened the position; of the bar it was first seen at, where no signal did. */
  readonly sinceMs: number;
}

/** What every answer of the signal layer keeps of what it looked at beside the prediction. */
interface SignalContext {
  /** Absent where regimes are not looked at, and null while too few candles are known. */
  readonly regime?: Regime | null;
  /** Absent when nothing is held. */
  readonly held?: Holding;
}

/** Why a position is to be closed. */
export type FlatCause =
  | 'reversal' // the model is convinced of the other side
  | 'expiry' // nothing has renewed the conviction it was opened on
  | 'max_holding' // it has been held as long as it may
  | 'regime'; // the market has turned into one that is not allowed

/** The signal layer's answer for one bar. */
export type SignalResult = SignalContext &
  (
    | {
        readonly kind: 'signal';
        readonly direction: 'long' | 'short';
        /** |p − 0.5|·2, unrounded. */
        readonly confidence: number;
        /** Probability of winning in the signal's direction, calibrated; Kelly's p. */
        readonly probabilityWin: number;
      }
    | {
        readonly kind: 'signal';
        readonly direction: 'flat';
        readonly cause: FlatCause;
        /** Null on a bar without a prediction: a close needs none. */
        readonly confidence: number | null;
      }
    | { readonly kind: 'none'; readonly reason: NoSignalReason; readonly confidence: number | null }
  );

export type NoSignalReason =
  | NoPredictionReason
  | 'exactly_even'
  | 'below_threshold'
  | 'interval'
  | 'min_holding' // a reversal, but the position is too young to be closed
  | 'regime_blocked'
  | 'regime_unknown'; // too few candles for a label, and the filter is on
