import { describe, expect, it } from 'vitest';
import { kellyFraction } from '../../../src/pipeline/risk/kelly.js';
import { targetPosition } from '../../../src/pipeline/risk/sizing.js';
import { DrawdownBreaker } from '../../../src/portfolio/drawdown.js';
import { articleRows } from '../../support/article-vectors.js';
import { pythonRound } from '../../support/python-round.js';

describe('Kelly', () => {
  it('equals the article bit for bit', () => {
    const rows = articleRows('kelly.csv');
    let failing = 0;
    for (const row of rows) {
      const mine = kellyFraction(
        Number(row.prob_up),
        Number(row.avg_win),
        Number(row.avg_loss),
        Number(row.kelly_fraction),
      );
      if (row.error !== '') {
        // Departure: no average win is no stake, where the article divides by zero.
        failing++;
        expect(mine, JSON.stringify(row)).toBe(0);
      } else {
        expect(mine, JSON.stringify(row)).toBe(Number(row.kelly_size));
      }
    }
    expect(rows.length).toBe(489);
    expect(failing).toBeGreaterThan(0);
  });
});

/** The article's order for one row, by our breaker and sizing; null = halted. */
function size(row: Record<string, string>, probabilityWin: number) {
  const breaker = new DrawdownBreaker(Number(row.max_drawdown_halt));
  breaker.update(Number(row.initial_value));
  breaker.update(Number(row.new_value));
  const price = Number(row.current_price);
  const target = targetPosition(
    // The article trades the same size either way; a swap's short is a negative long.
    row.direction === 'long' ? 'long' : 'short',
    probabilityWin,
    Number(row.new_value),
    { bid: price, ask: price, atMs: 1, source: 'book' },
    Number(row.avg_win),
    Number(row.avg_loss),
    'swap',
    { kellyFraction: Number(row.kelly_fraction), maxPositionFraction: Number(row.max_position_pct) },
  );
  return { halted: breaker.tripped, drawdown: breaker.drawdown, target };
}

describe('sizing', () => {
  const rows = articleRows('sizing.csv').filter((row) => row.outcome !== 'error');

  it('halts where the article halts', () => {
    for (const row of rows) {
      const { halted, drawdown } = size(row, Number(row.probability_up));
      expect(halted ? 'halt' : 'order', JSON.stringify(row)).toBe(row.outcome);
      expect(drawdown, JSON.stringify(row)).toBe(Number(row.raw_drawdown));
    }
    expect(rows.length).toBe(400);
  });

  it('sizes longs as the article does', () => {
    let compared = 0;
    for (const row of rows.filter((row) => row.outcome === 'order' && row.direction === 'long')) {
      const { target } = size(row, Number(row.probability_up));
      expect(pythonRound(target.kellyRaw, 4), JSON.stringify(row)).toBe(Number(row.kelly_raw));
      expect(pythonRound(target.positionFraction, 4), JSON.stringify(row)).toBe(Number(row.position_pct));
      const dollars = Number(row.new_value) * target.positionFraction;
      expect(pythonRound(dollars, 2), JSON.stringify(row)).toBe(Number(row.position_dollars));
      expect(pythonRound(target.units, 6), JSON.stringify(row)).toBeCloseTo(Number(row.units), 5);
      compared++;
    }
    expect(compared).toBeGreaterThan(100);
  });

  it('departs for shorts: the probability of winning is that of falling', () => {
    for (const row of rows.filter((row) => row.outcome === 'order' && row.direction === 'short')) {
      const up = Number(row.probability_up);
      const { target } = size(row, 1 - up);
      const wanted = Math.min(
        kellyFraction(1 - up, Number(row.avg_win), Number(row.avg_loss), Number(row.kelly_fraction)),
        Number(row.max_position_pct),
      );
      expect(target.positionFraction).toBe(wanted);
      expect(target.units).toBeLessThanOrEqual(0);
      // The article stakes on the rise, which is the same only by chance.
      const theirs = size(row, up).target.positionFraction;
      expect(pythonRound(theirs, 4), JSON.stringify(row)).toBe(Number(row.position_pct));
    }
    // At P(up) = 0.1 a short is nearly sure to win; the article would stake nothing on it.
    expect(kellyFraction(0.9, 0.02, 0.015, 0.25)).toBeGreaterThan(0.2);
    expect(kellyFraction(0.1, 0.02, 0.015, 0.25)).toBe(0);
  });
});
