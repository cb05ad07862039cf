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

/** What a signal layer goes on from; the store has all of it. */
export interface SignalState {
  /** Bar of the last signal that risk let an order through for. */
  readonly lastActedBarMs: number | null;
  /** As of the last bar decided. */
  readonly held: Holding | null;
  /** The last predictions, oldest first. */
  readonly predictions: readonly Pick<Prediction, 'openMs' | 'probabilityUp'>[];
}

/**
 * Layer 4 for one stream: turns a probability into a direction, or says why there is none; and says when a position is to
 * be closed.
 *
 * Intervals and ages count bars by time and calendar: so a bar that never came, or a restart, changes nothing. Acted on
 * means that risk let an order through; the pipeline says so with {@link acted}.
 */
export interface SignalLayer {
  /** The signal of the bar that opens at `openMs`. Depends beside its arguments on what {@link SignalState} names. */
  decide(
    prediction: Prediction | NoPredictionReason,
    openMs: number,
    surroundings?: SignalSurroundings,
  ): SignalResult;
  /** The signal of this bar was acted on. */
  acted(openMs: number): void;
  /** Takes up where the store left it. */
  restore(state: SignalState): void;
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

export function createSignalLayer(
  config: SignalConfig,
  timeframeMs: number,
  calendar: Calendar,
  market: 'spot' | 'swap' = 'spot',
): SignalLayer {
  const { confidenceThreshold, convictionBars, allowRegimes } = config;
  const minHoldingBars = config.minHoldingBars ?? 0;
  const maxHoldingBars = config.maxHoldingBars ?? Number.POSITIVE_INFINITY;
  let lastActedMs: number | null = null;
  let held: Holding | null = null;
  /** Bars on which the model was last convinced of either side. */
  let convincedUpMs = Number.NEGATIVE_INFINITY;
  let convincedDownMs = Number.NEGATIVE_INFINITY;

  const barsSince = (fromMs: number, openMs: number) => barsBetween(fromMs, openMs, timeframeMs, calendar);

  function intervalPassed(openMs: number): boolean {
    if (lastActedMs === null) return true;
    if (openMs <= lastActedMs) return config.minSignalIntervalBars === 0;
    return barsSince(lastActedMs, openMs) >= config.minSignalIntervalBars;
  }

  /** The position's age begins with the bar that was acted on; a position nobody acted for begins where it is seen. */
  function hold(units: number, openMs: number): Holding | null {
    if (units === 0) held = null;
    else if (held === null || held.units * units < 0) held = { units, sinceMs: lastActedMs ?? openMs };
    else if (held.units !== units) held = { units, sinceMs: held.sinceMs };
    return held;
  }

  function remember(probabilityUp: number, openMs: number): void {
    if (confidenceOf(probabilityUp) < confidenceThreshold || probabilityUp === 0.5) return;
    if (probabilityUp > 0.5) convincedUpMs = openMs;
    else convincedDownMs = openMs;
  }

  /** Why what is held is to be closed now, whatever the model says of this bar; null when it is not. */
  function reasonToClose(
    holding: Holding,
    heldBars: number,
    openMs: number,
    regime: Regime | null | undefined,
  ): FlatCause | null {
    if (heldBars >= maxHoldingBars) return 'max_holding';
    if (heldBars < minHoldingBars) return null;
    if (allowRegimes !== undefined && regime && !allows(allowRegimes, regime)) return 'regime';
    if (convictionBars === undefined) return null;
    const convincedMs = Math.max(holding.sinceMs, holding.units > 0 ? convincedUpMs : convincedDownMs);
    return barsSince(convincedMs, openMs) >= convictionBars ? 'expiry' : null;
  }

  function judge(
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
      remember(probabilityUp, openMs);
    }
    const heldBars = holding === null ? 0 : barsSince(holding.sinceMs, openMs);
    if (holding !== null) {
      const cause = reasonToClose(holding, heldBars, openMs, regime);
      if (cause !== null) return flat(cause, confidence);
    }
    if (typeof prediction === 'string') return none(prediction, null);
    const p = prediction.probabilityUp;
    if (p === 0.5) return none('exactly_even', confidence);
    if (confidence! < confidenceThreshold) return none('below_threshold', confidence);
    const reverses = holding !== null && holding.units > 0 !== p > 0.5;
    if (reverses && heldBars < minHoldingBars) return none('min_holding', confidence);
    if (!intervalPassed(openMs)) return none('interval', confidence);
    // There is nothing on the other side of flat on spot.
    if (reverses && market === 'spot') return flat('reversal', confidence);
    if (allowRegimes !== undefined && !(regime && allows(allowRegimes, regime))) {
      if (reverses) return flat('reversal', confidence);
      return none(regime ? 'regime_blocked' : 'regime_unknown', confidence);
    }
    const calibrated = prediction.probabilityUpCalibrated;
    return p > 0.5
      ? { kind: 'signal', direction: 'long', confidence: confidence!, probabilityWin: calibrated }
      : { kind: 'signal', direction: 'short', confidence: confidence!, probabilityWin: 1 - calibrated };
  }

  return {
    decide(prediction, openMs, { heldUnits, regime } = NOTHING_AROUND) {
      const holding = hold(heldUnits, openMs);
      const result = judge(prediction, openMs, holding, regime);
      if (holding === null && regime === undefined) return result;
      return {
        ...result,
        ...(regime !== undefined && { regime }),
        ...(holding !== null && { held: holding }),
      };
    },
    acted(openMs) {
      lastActedMs = openMs;
    },
    restore(state) {
      lastActedMs = state.lastActedBarMs;
      held = state.held;
      for (const { openMs, probabilityUp } of state.predictions) remember(probabilityUp, openMs);
    },
  };
}
