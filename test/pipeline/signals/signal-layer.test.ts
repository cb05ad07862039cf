import { describe, expect, it } from 'vitest';
import type { Regime } from '../../../src/core/regime.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import type { NoPredictionReason, Prediction, SignalResult } from '../../../src/core/signal.js';
import { type SignalConfig, SignalLayer } from '../../../src/pipeline/signals/index.js';
import { confidenceOf } from '../../../src/pipeline/signals/signal-layer.js';
import { articleRows } from '../../support/article-vectors.js';
import { pythonRound } from '../../support/python-round.js';

const BAR_MS = 60_000;

function prediction(probabilityUp: number, probabilityUpCalibrated = probabilityUp): Prediction {
  return { openMs: 0, probabilityUp, probabilityUpCalibrated, modelHash: 'test' };
}

function layer(confidenceThreshold: number, minSignalIntervalBars: number) {
  return new SignalLayer({ confidenceThreshold, minSignalIntervalBars }, BAR_MS, '24x7');
}

const told = (result: SignalResult): string => (result.kind === 'signal' ? result.direction : 'none');

describe('the article’s rounding, for its vectors only', () => {
  it('rounds as Python does', () => {
    for (const row of articleRows('python_round.csv')) {
      expect(pythonRound(Number(row.x), Number(row.ndigits)), `round(${row.x}, ${row.ndigits})`).toBe(
        Number(row.round_x),
      );
    }
  });

  it('gives the article’s confidence once rounded', () => {
    const rows = articleRows('confidence.csv');
    expect(rows.length).toBeGreaterThan(300);
    for (const row of rows) {
      expect(pythonRound(confidenceOf(Number(row.prob_up)), 4), row.prob_up).toBe(Number(row.confidence));
    }
  });
});

/** A probability on that side of 0.5 with at least that confidence, and less than one ulp's worth more. */
function probabilityOf(confidence: number, above: boolean): number {
  const away = (half: number) => (above ? 0.5 + half : 0.5 - half);
  const p = away(confidence / 2);
  return confidenceOf(p) >= confidence ? p : away(confidence / 2 + 1e-16);
}

describe('signals against the article', () => {
  it('agrees on every row but those of exactly 0.5', () => {
    // Given the article's sequences: its threshold saw the confidence as stored, already rounded
    let current = '';
    let signals = layer(0, 1);
    let even = 0;
    const rows = articleRows('signals.csv');
    for (const row of rows) {
      if (row.sequence !== current) {
        current = row.sequence!;
        signals = layer(Number(row.confidence_threshold), Number(row.min_signal_interval_bars));
      }
      const openMs = Number(row.bar) * BAR_MS;
      const p = probabilityOf(Number(row.confidence), Number(row.probability_up) > 0.5);
      // When this layer sees a probability of that confidence, and every signal of the article's counts as acted on
      const result = signals.decide(prediction(p), openMs);
      // Then it says the same
      if (p === 0.5) {
        even++;
        expect(result).toMatchObject({ kind: 'none', reason: 'exactly_even' });
      } else {
        expect(told(result), JSON.stringify(row)).toBe(row.result);
      }
      if (row.result !== 'none') signals.acted(openMs);
    }
    expect(rows.length).toBe(480);
    expect(even).toBeLessThan(100);
  });
});

describe('departures', () => {
  it('applies the threshold to the unrounded confidence', () => {
    // 0.64998 has a confidence of 0.29996, which the article rounds up to 0.3 and lets through
    expect(pythonRound(confidenceOf(0.64998), 4)).toBe(0.3);
    expect(layer(0.3, 1).decide(prediction(0.64998), 0)).toMatchObject({
      kind: 'none',
      reason: 'below_threshold',
    });
    expect(layer(0.29995, 1).decide(prediction(0.64998), 0)).toMatchObject({
      kind: 'signal',
      direction: 'long',
    });
  });

  it('takes exactly 0.5 as flat, even with a threshold of 0', () => {
    expect(layer(0, 0).decide(prediction(0.5), 0)).toMatchObject({ kind: 'none', reason: 'exactly_even' });
  });

  it('lets only an acted-on signal use up the interval', () => {
    const signals = layer(0.3, 3);
    // Given a signal that risk refused, so that nobody said it was acted on
    expect(told(signals.decide(prediction(0.9), 0))).toBe('long');
    // Then the next bar may signal again
    expect(told(signals.decide(prediction(0.9), BAR_MS))).toBe('long');
    // And when that one is acted on, the interval holds for three bars
    signals.acted(BAR_MS);
    expect(signals.decide(prediction(0.9), 2 * BAR_MS)).toMatchObject({ kind: 'none', reason: 'interval' });
    expect(signals.decide(prediction(0.9), 3 * BAR_MS)).toMatchObject({ kind: 'none', reason: 'interval' });
    expect(told(signals.decide(prediction(0.9), 4 * BAR_MS))).toBe('long');
  });

  it('keeps the interval over a restart', () => {
    const signals = layer(0.3, 3);
    signals.restore({ lastActedBarMs: BAR_MS, held: null, predictions: [] });
    expect(signals.decide(prediction(0.9), 3 * BAR_MS)).toMatchObject({ kind: 'none', reason: 'interval' });
    expect(told(signals.decide(prediction(0.9), 4 * BAR_MS))).toBe('long');
  });

  it('counts bars of the calendar, so Monday follows Friday', () => {
    const day = 86_400_000;
    const signals = new SignalLayer({ confidenceThreshold: 0.3, minSignalIntervalBars: 2 }, day, 'weekdays');
    signals.acted(Date.UTC(2024, 0, 5));
    expect(signals.decide(prediction(0.9), Date.UTC(2024, 0, 8))).toMatchObject({ reason: 'interval' });
    expect(told(signals.decide(prediction(0.9), Date.UTC(2024, 0, 9)))).toBe('long');
  });

  it('gives Kelly the calibrated probability of winning in the signal’s direction', () => {
    expect(layer(0.3, 1).decide(prediction(0.9, 0.6), 0)).toMatchObject({
      direction: 'long',
      probabilityWin: 0.6,
    });
    expect(layer(0.3, 1).decide(prediction(0.1, 0.4), 0)).toMatchObject({
      direction: 'short',
      probabilityWin: 0.6,
    });
  });

  it('never makes a signal of a probability that is none', () => {
    expect(() => layer(0, 0).decide(prediction(Number.NaN), 0)).toThrow('broken invariant');
    expect(layer(0, 0).decide('inference_fault', 0)).toEqual({
      kind: 'none',
      reason: 'inference_fault',
      confidence: null,
    });
  });
});

describe('when a position is to be closed', () => {
  const base = { confidenceThreshold: 0.3, minSignalIntervalBars: 1 };
  const make = (more: Partial<SignalConfig>, market: 'spot' | 'swap' = 'spot') => {
    const signals = new SignalLayer({ ...base, ...more }, BAR_MS, '24x7', market);
    // Opened on bar 0
    signals.decide(prediction(0.9), 0);
    signals.acted(0);
    return signals;
  };
  const at = (signals: SignalLayer, bar: number, p: number | NoPredictionReason, heldUnits = 2) =>
    signals.decide(typeof p === 'number' ? prediction(p) : p, bar * BAR_MS, { heldUnits });
  const word = (result: SignalResult) =>
    result.kind === 'none' ? result.reason : result.direction === 'flat' ? result.cause : result.direction;

  it('tells a reversal: flat on spot, the other side on a swap, and short where nothing is held', () => {
    expect(word(at(make({}), 1, 0.1))).toBe('reversal');
    expect(word(at(make({}, 'swap'), 1, 0.1))).toBe('short');
    expect(word(at(make({}), 1, 0.1, 0))).toBe('short');
    expect(word(at(make({}), 1, 0.45))).toBe('below_threshold');
  });

  it('tells what is held, and since which bar', () => {
    const signals = make({});
    expect(at(signals, 1, 0.9)).toMatchObject({ held: { units: 2, sinceMs: 0 } });
    expect(at(signals, 2, 0.9, 3)).toMatchObject({ held: { units: 3, sinceMs: 0 } });
    expect(at(signals, 3, 0.9, 0)).not.toHaveProperty('held');
    // Acted on again, the other way: a new position with an age of its own
    signals.acted(3 * BAR_MS);
    expect(at(signals, 5, 0.1, -1)).toMatchObject({ held: { units: -1, sinceMs: 3 * BAR_MS } });
  });

  it('expires a conviction that nothing renews, on bars without a prediction too', () => {
    const signals = make({ convictionBars: 3 });
    expect(word(at(signals, 1, 0.5))).toBe('exactly_even');
    expect(word(at(signals, 2, 0.8))).toBe('long');
    expect(word(at(signals, 3, 0.55))).toBe('below_threshold');
    expect(word(at(signals, 4, 'no_value'))).toBe('no_value');
    expect(at(signals, 5, 'no_value')).toMatchObject({ cause: 'expiry', confidence: null });
    // It is told again until it is done, and a new conviction ends it
    expect(word(at(signals, 6, 0.5))).toBe('expiry');
    expect(word(at(signals, 7, 0.9))).toBe('long');
  });

  it('does not take a conviction of the other side for one', () => {
    const signals = make({ convictionBars: 2, minSignalIntervalBars: 9 });
    expect(word(at(signals, 1, 0.1))).toBe('interval');
    expect(word(at(signals, 2, 0.1))).toBe('expiry');
  });

  it('closes nothing that is too young, and what is too old even within the interval', () => {
    const signals = make({ minHoldingBars: 2, maxHoldingBars: 4, minSignalIntervalBars: 9 });
    expect(word(at(signals, 1, 0.1))).toBe('min_holding');
    expect(word(at(signals, 2, 0.1))).toBe('interval');
    expect(word(at(signals, 3, 0.9))).toBe('interval');
    expect(word(at(signals, 4, 0.9))).toBe('max_holding');
  });

  it('opens in allowed regimes only, and closes in others', () => {
    const config = { allowRegimes: ['calm', 'normal-up'] as const, minHoldingBars: 2 };
    const inRegime = (bar: number, regime: Regime | null, heldUnits: number, p = 0.9) =>
      make(config).decide(prediction(p), bar * BAR_MS, { heldUnits, regime });
    expect(inRegime(3, 'calm-down', 0)).toMatchObject({ direction: 'long', regime: 'calm-down' });
    expect(word(inRegime(3, 'normal-up', 0))).toBe('long');
    expect(inRegime(3, 'normal-flat', 0)).toMatchObject({ reason: 'regime_blocked', regime: 'normal-flat' });
    expect(inRegime(3, null, 0)).toMatchObject({ reason: 'regime_unknown', regime: null });
    expect(inRegime(3, 'turbulent-up', 2)).toMatchObject({ cause: 'regime', held: { units: 2 } });
    expect(word(inRegime(1, 'turbulent-up', 2))).toBe('regime_blocked');
    // What is not known blocks entries, and closes nothing but on a reversal.
    expect(word(inRegime(3, null, 2))).toBe('regime_unknown');
    expect(word(inRegime(3, null, 2, 0.1))).toBe('reversal');
  });

  it('continues after a restart as if there had been none', () => {
    const config = { convictionBars: 3, minHoldingBars: 2, maxHoldingBars: 9, minSignalIntervalBars: 3 };
    const lives = [make(config), make(config)];
    const rng = seededRng(5);
    const predictions: Prediction[] = [{ ...prediction(0.9), openMs: 0 }];
    let acted = 0;
    let restarts = 0;
    for (let bar = 1; bar < 400; bar++) {
      const heldUnits = [0, 1, 1, -1][Math.floor(bar / 11) % 4]!;
      const p = 0.2 + rng.next() * 0.6;
      const [whole, broken] = lives.map((one) => at(one, bar, p, heldUnits));
      expect(broken, `bar ${bar}`).toEqual(whole);
      predictions.push({ ...prediction(p), openMs: bar * BAR_MS });
      if (whole!.kind === 'signal' && rng.next() < 0.5) {
        acted = bar * BAR_MS;
        for (const one of lives) one.acted(acted);
      }
      if (rng.next() < 0.2) {
        lives[1] = new SignalLayer({ ...base, ...config }, BAR_MS, '24x7');
        lives[1].restore({ lastActedBarMs: acted, held: whole!.held ?? null, predictions });
        restarts++;
      }
    }
    expect(restarts).toBeGreaterThan(50);
  });
});
