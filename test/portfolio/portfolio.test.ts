import { describe, expect, it } from 'vitest';
import type { Fill, Side } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import { madeFill } from '../support/made-fill.js';

let next = 0;
const fill = (side: Side, amount: string, price: string, over: Partial<Fill> = {}) =>
  madeFill(++next, side, amount, price, over);

const fresh = () => new Portfolio({ startCash: '1000', amountStepOf: () => '0.001' });

describe('the portfolio', () => {
  it('follows a long from entry to exit, fees taken off', () => {
    const portfolio = fresh();
    portfolio.apply(fill('buy', '1', '100', { fee: '0.1' }));
    portfolio.apply(fill('buy', '1', '110', { fee: '0.11' }));
    const book = portfolio.book('binance', 'BTC/USDT');
    expect(book).toMatchObject({ unitsNumber: 2, averageEntry: 105 });
    expect(portfolio.cash()).toBe(789.79);
    book.markPrice = 120;
    expect(portfolio.equity()).toBeCloseTo(1029.79, 10);
    portfolio.apply(fill('sell', '2', '120', { fee: '0.24' }));
    expect(portfolio.cash()).toBe(1029.55);
    expect(portfolio.equity()).toBe(1029.55);
    expect(portfolio.trades()).toMatchObject([
      { direction: 'long', entryNotional: 210, profit: 29.55, fees: 0.45, returnFraction: 29.55 / 210 },
    ]);
  });

  it('follows a reversal into a short', () => {
    const portfolio = fresh();
    portfolio.apply(fill('buy', '1', '100'));
    portfolio.apply(fill('sell', '3', '90'));
    expect(portfolio.book('binance', 'BTC/USDT')).toMatchObject({
      unitsNumber: -2,
      averageEntry: 90,
    });
    portfolio.apply(fill('buy', '2', '80'));
    expect(portfolio.cash()).toBe(1010);
    expect(portfolio.trades().map(({ direction, profit }) => [direction, profit])).toEqual([
      ['long', -10],
      ['short', 20],
    ]);
    expect(portfolio.statistics()).toEqual({ closedTrades: 2, averageWin: 20 / 180, averageLoss: 0.1 });
  });

  it('takes a fee in base off the position, and counts a residual as flat', () => {
    const portfolio = fresh();
    portfolio.apply(fill('buy', '1', '100', { fee: '0.0005', feeCurrency: 'BTC' }));
    expect(portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(0.9995);
    portfolio.apply(fill('sell', '0.999', '100'));
    expect(portfolio.trades()).toHaveLength(1);
    expect(portfolio.trades()[0]?.profit).toBe(-0.05);
  });

  it('lets a fill go through what is less than a step of a trade that is over', () => {
    // Of an exchange's fills the later one may be known first: here the second sale is, before what was bought for it.
    const portfolio = fresh();
    portfolio.apply(fill('buy', '1', '100', { fee: '0.0005', feeCurrency: 'BTC' }));
    portfolio.apply(fill('sell', '0.999', '110'));
    portfolio.apply(fill('sell', '0.2', '110'));
    expect(portfolio.book('binance', 'BTC/USDT')).toMatchObject({ unitsNumber: -0.1995, averageEntry: 110 });
    portfolio.apply(fill('buy', '0.2', '105'));
    expect(portfolio.cash()).toBe(1010.89);
    expect(portfolio.trades().map(({ direction, entryNotional }) => [direction, entryNotional])).toEqual([
      ['long', 100],
      ['short', 21.945],
    ]);
  });

  it('keeps fees in a third currency apart', () => {
    const portfolio = fresh();
    portfolio.apply(fill('buy', '1', '100', { fee: '0.01', feeCurrency: 'BNB' }));
    portfolio.apply(fill('sell', '1', '100', { fee: '0.02', feeCurrency: 'BNB' }));
    expect(portfolio.cash()).toBe(1000);
    expect(portfolio.fees()).toEqual({ BNB: '0.03' });
  });

  it('values a fee in a third currency at its mark, where that is traded at the same exchange', () => {
    const portfolio = fresh();
    const fee = { fee: '0.01', feeCurrency: 'BNB' };
    expect(portfolio.valued(fill('buy', '1', '100', fee)).feePrice).toBeUndefined();
    portfolio.book('kraken', 'BNB/USDT').markPrice = 700;
    expect(portfolio.valued(fill('buy', '1', '100', fee)).feePrice).toBeUndefined();
    portfolio.book('binance', 'BNB/USDT').markPrice = 600;
    portfolio.apply(portfolio.valued(fill('buy', '1', '100', fee)));
    portfolio.apply(portfolio.valued(fill('sell', '1', '120', { fee: '0.1' })));
    expect(portfolio.trades()).toMatchObject([{ profit: 13.9, fees: 6.1 }]);
    // The account pays it in that currency, so the cash of the quote currency is what was paid and got in quote.
    expect(portfolio.cash()).toBe(1019.9);
    expect(portfolio.soFar()).toEqual({ closed: 1, profit: '13.9', fees: { USDT: '6.1' } });
  });

  it('takes a fill once, however often it is told', () => {
    const portfolio = fresh();
    const once = fill('buy', '1', '100');
    expect(portfolio.apply(once)).toBe(true);
    expect(portfolio.apply(once)).toBe(false);
    expect(portfolio.cash()).toBe(900);
  });

  it('refuses a fill without price or amount', () => {
    expect(() => fresh().apply(fill('buy', '1', '0'))).toThrow('broken invariant');
    expect(() => fresh().apply(fill('buy', '0', '1'))).toThrow('broken invariant');
  });

  it('takes any fills in any order, whatever fees in base leave of them', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const rng = seededRng(seed);
      const portfolio = fresh();
      for (let i = 0; i < 100; i++) {
        const held = portfolio.book('binance', 'BTC/USDT').unitsNumber;
        // Half of them close to within a step or so of flat, which is where trades end.
        const amount = Math.max(
          0.001,
          rng.next() < 0.5 ? Math.abs(held) + (rng.next() - 0.5) * 0.004 : rng.next(),
        );
        const side = rng.next() < 0.7 === held > 0 ? 'sell' : 'buy';
        const fee = rng.next() < 0.5 ? { fee: (amount * 0.001).toFixed(7), feeCurrency: 'BTC' } : {};
        portfolio.apply(fill(side, amount.toFixed(3), '100', fee));
      }
      for (const { returnFraction } of portfolio.trades())
        expect(Number.isFinite(returnFraction), `seed ${seed}`).toBe(true);
    }
  });

  it('is exact: what was paid and got adds up to the last decimal, for any fills', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const rng = seededRng(seed);
      const portfolio = fresh();
      let cash = 0n;
      let units = 0n;
      for (let i = 0; i < 200; i++) {
        // Whole numbers of 10⁻³ units at 10⁻² prices: 10⁻⁵ quote units, exact as integers
        const amount = BigInt(1 + Math.floor(rng.next() * 5000));
        const price = BigInt(100 + Math.floor(rng.next() * 100_000));
        const side = rng.next() < 0.5 ? 'buy' : 'sell';
        const sign = side === 'buy' ? 1n : -1n;
        units += sign * amount;
        cash -= sign * amount * price;
        portfolio.apply(fill(side, String(Number(amount) / 1000), String(Number(price) / 100)));
      }
      expect(portfolio.book('binance', 'BTC/USDT').unitsNumber, `seed ${seed}`).toBe(Number(units) / 1000);
      expect(portfolio.cash(), `seed ${seed}`).toBe(Number(cash + 100_000_000n) / 100_000);
    }
  });
});
