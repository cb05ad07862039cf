import { barsBetween } from '../../core/calendar.js';
import { invariant } from '../../core/errors.js';
import { allows, type Regime, type RegimeConfig, type RegimeWord } from '../../core/regime.js';
import type {
  FlatCause,
  Holding,
  NoPredictionReason,
  NoSignalReason,
  Prediction,
  SignalResult,
} from '../../core/signal.js';
import type { Calendar } from '../../core/timeframe.js';

/** The configuration's `signals` slice. What is left out is no limit. */
export interface SignalConfig {
  readonly confidenceThreshold: number;
  readonly minSignalIntervalBars: number;
  /** Bars after which a conviction that was not renewed has expired: then its position is closed. */
  readonly convictionBars?: number | undefined;
  /** No signal closes a position that is younger. */
  readonly minHoldingBars?: number | undefined;
  /** A position that is as old is closed. */
  readonly maxHoldingBars?: number | undefined;
  /** Positions are opened in these regimes only, and closed in others; absent = regimes are not looked at. */
  readonly allowRegimes?: readonly RegimeWord[] | undefined;
  readonly regime?: RegimeConfig | undefined;
}

/** The bar's circumstances beside the prediction. */
export interface SignalSurroundings {
  /** Signed units of base that can be traded; 0 when nothing is held, or less than a step of it. */
  readonly heldUnits: number;
  /** Undefined where regimes are not looked at; null while unknown. */
  readonly regime?: Regime | null | undefined;
}

/** What a signal layer continues from; the store has all of it. */
export interface SignalState {
  /** Bar of the last signal that risk let an order through for. */
  readonly lastActedBarMs: number | null;
  /** As of the last bar decided. */
  readonly held: Holding | null;
  /** The last predictions, oldest first. */
  readonly predictions: readonly Pick<Prediction, 'openMs' | 'probabilityUp'>[];
}

/** Confidence of a probability: |p − 0.5|·2, unrounded, in [0, 1]. */
export function confidenceOf(probabilityUp: number): number {
  return Math.abs(probabilityUp - 0.5) * 2;
}

function none(reason: NoSignalReason, confidence: number | null): SignalResult {
  return { kind: 'none', reason, confidence };
}

function flat(cause: FlatCause, confidence: number | null): SignalResult {
  return { kind: 'signal', direction: 'flat', cause, confidence };
}

const NOTHING_AROUND: SignalSurroundings = { heldUnits: 0 };

/**
 * Layer 4 for one stream: turns a probability into a direction, or says why there is none; and says when a position is to
 * be closed.
 *
 * Intervals and ages count bars by time and calendar: so a bar that never came, or a restart, changes nothing. Acted on
 * means that risk let an order through; the pipeline says so with {@link acted}.
 */
export class SignalLayer {
  readonly #config: SignalConfig;
  readonly #timeframeMs: number;
  readonly #calendar: Calendar;
  readonly #market: 'spot' | 'swap';
  readonly #minHoldingBars;
  readonly #maxHoldingBars;
  #lastActedMs: number | null = null;
  #held: Holding | null = null;
  /** Bars on which the model was last convinced of either side. */
  #convincedUpMs = Number.NEGATIVE_INFINITY;
  #convincedDownMs = Number.NEGATIVE_INFINITY;

  constructor(
    config: SignalConfig,
    timeframeMs: number,
    calendar: Calendar,
    market: 'spot' | 'swap' = 'spot',
  ) {
    this.#config = config;
    this.#timeframeMs = timeframeMs;
    this.#calendar = calendar;
    this.#market = market;
    this.#minHoldingBars = config.minHoldingBars ?? 0;
    this.#maxHoldingBars = config.maxHoldingBars ?? Number.POSITIVE_INFINITY;
  }

  /** The signal of the bar that opens at `openMs`. Depends beside its arguments on what {@link SignalState} names. */
  decide(
    prediction: Prediction | NoPredictionReason,
    openMs: number,
    { heldUnits, regime }: SignalSurroundings = NOTHING_AROUND,
  ): SignalResult {
    const holding = this.#hold(heldUnits, openMs);
    const result = this.#judge(prediction, openMs, holding, regime);
    if (holding === null && regime === undefined) return result;
    return {
      ...result,
      ...(regime !== undefined && { regime }),
      ...(holding !== null && { held: holding }),
    };
  }

  /** The signal of this bar was acted on. */
  acted(openMs: number): void {
    this.#lastActedMs = openMs;
  }

  /** Takes up where the store left it. */
  restore(state: SignalState): void {
    this.#lastActedMs = state.lastActedBarMs;
    this.#held = state.held;
    for (const { openMs, probabilityUp } of state.predictions) this.#remember(probabilityUp, openMs);
  }

  #barsSince(fromMs: number, openMs: number) {
    return barsBetween(fromMs, openMs, this.#timeframeMs, this.#calendar);
  }

  #intervalPassed(openMs: number): boolean {
    if (this.#lastActedMs === null) return true;
    if (openMs <= this.#lastActedMs) return this.#config.minSignalIntervalBars === 0;
    return this.#barsSince(this.#lastActedMs, openMs) >= this.#config.minSignalIntervalBars;
  }

  /** The position's age begins with the bar that was acted on; a position nobody acted for begins where it is seen. */
  #hold(units: number, openMs: number): Holding | null {
    if (units === 0) this.#held = null;
    else if (this.#held === null || this.#held.units * units < 0)
      this.#held = { units, sinceMs: this.#lastActedMs ?? openMs };
    else if (this.#held.units !== units) this.#held = { units, sinceMs: this.#held.sinceMs };
    return this.#held;
  }

  #remember(probabilityUp: number, openMs: number): void {
    if (confidenceOf(probabilityUp) < this.#config.confidenceThreshold || probabilityUp === 0.5) return;
    if (probabilityUp > 0.5) this.#convincedUpMs = openMs;
    else this.#convincedDownMs = openMs;
  }

  /** Why what is held is to be closed now, whatever the model says of this bar; null when it is not. */
  #reasonToClose(
    holding: Holding,
    heldBars: number,
    openMs: number,
    regime: Regime | null | undefined,
  ): FlatCause | null {
    if (heldBars >= this.#maxHoldingBars) return 'max_holding';
    if (heldBars < this.#minHoldingBars) return null;
    if (this.#config.allowRegimes !== undefined && regime && !allows(this.#config.allowRegimes, regime))
      return 'regime';
    if (this.#config.convictionBars === undefined) return null;
    const convincedMs = Math.max(
      holding.sinceMs,
      holding.units > 0 ? this.#convincedUpMs : this.#convincedDownMs,
    );
    return this.#barsSince(convincedMs, openMs) >= this.#config.convictionBars ? 'expiry' : null;
  }

  #judge(
    prediction: Prediction | NoPredictionReason,
    openMs: number,
    holding: Holding | null,
    regime: Regime | null | undefined,
  ): SignalResult {
    let confidence: number | null = null;
    if (typeof prediction !== 'string') {
      const { probabilityUp, probabilityUpCalibrated } = prediction;
      // The inference layer refuses non-finite values; one that got here is our own mistake and must not become a short.
      // The message is made only when it is needed: writing out two doubles costs more than all else in here.
      if (
        !(
          probabilityUp >= 0 &&
          probabilityUp <= 1 &&
          probabilityUpCalibrated >= 0 &&
          probabilityUpCalibrated <= 1
        )
      ) {
        invariant(
          false,
          `probability ${probabilityUp}, calibrated ${probabilityUpCalibrated}, outside [0, 1]`,
        );
      }
      confidence = confidenceOf(probabilityUp);
      this.#remember(probabilityUp, openMs);
    }
    const heldBars = holding === null ? 0 : this.#barsSince(holding.sinceMs, openMs);
    if (holding !== null) {
      const cause = this.#reasonToClose(holding, heldBars, openMs, regime);
      if (cause !== null) return flat(cause, confidence);
    }
    if (typeof prediction === 'string') return none(prediction, null);
    const p = prediction.probabilityUp;
    if (p === 0.5) return none('exactly_even', confidence);
    if (confidence! < this.#config.confidenceThreshold) return none('below_threshold', confidence);
    const reverses = holding !== null && holding.units > 0 !== p > 0.5;
    if (reverses && heldBars < this.#minHoldingBars) return none('min_holding', confidence);
    if (!this.#intervalPassed(openMs)) return none('interval', confidence);
    // There is nothing on the other side of flat on spot.
    if (reverses && this.#market === 'spot') return flat('reversal', confidence);
    if (this.#config.allowRegimes !== undefined && !(regime && allows(this.#config.allowRegimes, regime))) {
      if (reverses) return flat('reversal', confidence);
      return none(regime ? 'regime_blocked' : 'regime_unknown', confidence);
    }
    const calibrated = prediction.probabilityUpCalibrated;
    return p > 0.5
      ? { kind: 'signal', direction: 'long', confidence: confidence!, probabilityWin: calibrated }
      : { kind: 'signal', direction: 'short', confidence: confidence!, probabilityWin: 1 - calibrated };
  }
}
