import { missingBars } from '../../core/calendar.js';
import { invariant } from '../../core/errors.js';
import type { NoPredictionReason, Prediction, SignalResult } from '../../core/signal.js';
import type { Calendar } from '../../core/timeframe.js';

/** The configuration's `signals` slice. */
export interface SignalConfig {
  readonly confidenceThreshold: number;
  readonly minSignalIntervalBars: number;
}

/**
 * Layer 4 for one stream: turns a probability into a direction, or says why there is none.
 *
 * The interval counts bars since the last signal that was acted on, by time and calendar: so a bar that never came, or a
 * restart, changes nothing. Acted on means that risk let an order through; the pipeline says so with {@link acted}.
 */
export interface SignalLayer {
  /** The signal of the bar that opens at `openMs`. Pure but for the last acted-on bar. */
  decide(prediction: Prediction | NoPredictionReason, openMs: number): SignalResult;
  /** The signal of this bar was acted on. */
  acted(openMs: number): void;
  /** Takes up the interval where the store left it. */
  restore(lastActedBarMs: number): void;
}

/** Confidence of a probability: |p − 0.5|·2, unrounded, in [0, 1]. */
export function confidenceOf(probabilityUp: number): number {
  return Math.abs(probabilityUp - 0.5) * 2;
}

export function createSignalLayer(
  config: SignalConfig,
  timeframeMs: number,
  calendar: Calendar,
): SignalLayer {
  let lastActedMs: number | null = null;

  function intervalPassed(openMs: number): boolean {
    if (lastActedMs === null) return true;
    if (openMs <= lastActedMs) return config.minSignalIntervalBars === 0;
    return 1 + missingBars(lastActedMs, openMs, timeframeMs, calendar) >= config.minSignalIntervalBars;
  }

  return {
    decide(prediction, openMs) {
      if (typeof prediction === 'string') return { kind: 'none', reason: prediction, confidence: null };
      const p = prediction.probabilityUp;
      const calibrated = prediction.probabilityUpCalibrated;
      // The inference layer refuses non-finite values; one that got here is our own mistake and must not become a short.
      // The message is made only when it is needed: writing out two doubles costs more than all else in here.
      if (!(p >= 0 && p <= 1 && calibrated >= 0 && calibrated <= 1)) {
        invariant(false, `probability ${p}, calibrated ${calibrated}, outside [0, 1]`);
      }
      const confidence = confidenceOf(p);
      if (p === 0.5) return { kind: 'none', reason: 'exactly_even', confidence };
      if (confidence < config.confidenceThreshold) {
        return { kind: 'none', reason: 'below_threshold', confidence };
      }
      if (!intervalPassed(openMs)) return { kind: 'none', reason: 'interval', confidence };
      return p > 0.5
        ? { kind: 'signal', direction: 'long', confidence, probabilityWin: calibrated }
        : { kind: 'signal', direction: 'short', confidence, probabilityWin: 1 - calibrated };
    },
    acted(openMs) {
      lastActedMs = openMs;
    },
    restore(lastActedBarMs) {
      lastActedMs = lastActedBarMs;
    },
  };
}
