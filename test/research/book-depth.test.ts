import { describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import { bookUnits, walkedPrice } from '../../src/research/backtest/book-depth.js';
import { SyntheticBook } from '../../src/simulator/synthetic-book.js';

const QUOTE = { bid: 99.9, ask: 100.1, atMs: 1, source: 'book' } as const;

describe('the book of a backtest', () => {
  it('costs what the levels cost that an order takes: hand-computed', () => {
    // Levels of the asks: 10 at 100.1, 20 at 100.2, 30 at 100.3
    expect(walkedPrice('buy', 10, QUOTE, 10, '0.01')).toBe(100.1);
    expect(walkedPrice('buy', 30, QUOTE, 10, '0.01')).toBe(100.17);
    expect(walkedPrice('sell', 30, QUOTE, 10, '0.01')).toBe(99.83);
    // (10 · 100.1 + 20 · 100.2 + 10 · 100.3)/40 = 100.2
    expect(walkedPrice('buy', 40, QUOTE, 10, '0.01')).toBe(100.2);
    expect(bookUnits(10)).toBe(550);
  });

  it('is the book that the exchange simulator draws', () => {
    const book = new SyntheticBook({ priceTick: '0.01' } as never, {
      halfSpreadBps: 10,
      topSize: '10',
      levels: 10,
    });
    book.draw(100);
    for (const [side, amount] of [
      ['buy', 35],
      ['sell', 35],
      ['buy', 200],
      ['sell', 549],
    ] as const) {
      const takes = book.match(side, decimal(amount));
      const paid = takes.reduce((sum, { price, amount: units }) => sum + Number(price) * Number(units), 0);
      const walked = walkedPrice(side, amount, QUOTE, 10, '0.01');
      // Rounded outward to the tick, so never better than the simulator's average and less than a tick worse.
      const worse = (walked - paid / amount) * (side === 'buy' ? 1 : -1);
      expect(worse).toBeGreaterThan(-1e-9);
      expect(worse).toBeLessThan(0.01);
    }
  });
});
