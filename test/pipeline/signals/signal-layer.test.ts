import { describe, expect, it } from 'vitest';
import type { Prediction, SignalResult } from '../../../src/core/signal.js';
import { createSignalLayer } from '../../../src/pipeline/signals/index.js';
import { confidenceOf } from '../../../src/pipeline/signals/signal-layer.js';
import { articleRows } from '../../support/article-vectors.js';
import { pythonRound } from '../../support/python-round.js';

const BAR_MS = 60_000;

function prediction(probabilityUp: number, probabilityUpCalibrated = probabilityUp): Prediction {
  return { openMs: 0, probabilityUp, probabilityUpCalibrated, modelHash: 'test' };
}

function layer(confidenceThreshold: number, minSignalIntervalBars: number) {
  return createSignalLayer({ confidenceThreshold, minSignalIntervalBars }, BAR_MS, '24x7');
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
    signals.restore(BAR_MS);
    expect(signals.decide(prediction(0.9), 3 * BAR_MS)).toMatchObject({ kind: 'none', reason: 'interval' });
    expect(told(signals.decide(prediction(0.9), 4 * BAR_MS))).toBe('long');
  });

  it('counts bars of the calendar, so Monday follows Friday', () => {
    const day = 86_400_000;
    const signals = createSignalLayer(
      { confidenceThreshold: 0.3, minSignalIntervalBars: 2 },
      day,
      'weekdays',
    );
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
