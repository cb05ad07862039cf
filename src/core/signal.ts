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

/** The signal layer's answer for one bar. */
export type SignalResult =
  | {
      readonly kind: 'signal';
      readonly direction: Direction;
      /** |p − 0.5|·2, unrounded. */
      readonly confidence: number;
      /** Probability of winning in the signal's direction, calibrated; Kelly's p. */
      readonly probabilityWin: number;
    }
  | { readonly kind: 'none'; readonly reason: NoSignalReason; readonly confidence: number | null };

export type NoSignalReason = NoPredictionReason | 'exactly_even' | 'below_threshold' | 'interval';
