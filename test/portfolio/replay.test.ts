import { describe, expect, it } from 'vitest';
import type { Fill, Side } from '../../src/core/order.js';
import { replayFills } from '../../src/portfolio/replay.js';
import { madeFill } from '../support/made-fill.js';

const DAY = 86_400_000;
let made = 0;

const fill = (day: number, side: Side, amount: string, price: string, of: Partial<Fill> = {}) =>
  madeFill(++made, side, amount, price, { clientOrderId: `${side} on day ${day}`, atMs: day * DAY, ...of });
const paying = (fee: string): Partial<Fill> => ({ fee });

describe('fills, replayed', () => {
  it('close a position, average its prices and take the fees off', () => {
    const { trades, traded } = replayFills([
      fill(1, 'buy', '1', '100', paying('0.1')),
      fill(2, 'buy', '3', '120', paying('0.3')),
      fill(3, 'sell', '2', '130', paying('0.2')),
      fill(4, 'sell', '2', '110', paying('0.4')),
    ]);
    expect(trades).toMatchObject([
      {
        direction: 'long',
        openedAtMs: DAY,
        closedAtMs: 4 * DAY,
        amount: 4,
        entryPrice: 115,
        exitPrice: 120,
        firstOrderId: 'buy on day 1',
        lastOrderId: 'sell on day 4',
        // 480 received − 460 paid − 1 in fees
        profit: 19,
        returnFraction: 19 / 460,
      },
    ]);
    expect(traded).toBe(940);
  });

  it('turn a long into a short by one fill, sharing its fee', () => {
    const { trades, effects } = replayFills([
      fill(1, 'buy', '2', '100'),
      fill(2, 'sell', '3', '90', paying('0.3')),
      fill(3, 'buy', '1', '80', paying('0.1')),
    ]);
    expect(trades.map(({ direction, profit }) => [direction, profit])).toEqual([
      ['long', -20.2],
      ['short', 9.8],
    ]);
    expect(effects.map(({ effect, unitsAfter }) => [effect, unitsAfter])).toEqual([
      ['entry', 2],
      ['exit', -1],
      ['exit', 0],
    ]);
  });

  it('keep symbols and exchanges apart, and an open position open', () => {
    const { trades } = replayFills([
      fill(1, 'buy', '1', '100'),
      fill(2, 'sell', '5', '10', { symbol: 'ETH/USDT' }),
      fill(3, 'sell', '0.5', '110', { exchange: 'kraken' }),
      fill(4, 'sell', '0.5', '110'),
    ]);
    expect(trades).toMatchObject([
      { exchange: 'binance', symbol: 'BTC/USDT', closedAtMs: null, exitPrice: 110, profit: 5 },
      { symbol: 'ETH/USDT', direction: 'short', closedAtMs: null, exitPrice: null },
      { exchange: 'kraken', direction: 'short', closedAtMs: null },
    ]);
  });

  it('are not kept open by what binary fractions leave', () => {
    const { trades } = replayFills([
      fill(1, 'buy', '0.1', '100'),
      fill(2, 'buy', '0.2', '100'),
      fill(3, 'sell', '0.3', '101'),
      fill(4, 'buy', '1', '100'),
      fill(5, 'sell', '1', '100'),
    ]);
    expect(trades.map(({ closedAtMs }) => closedAtMs)).toEqual([3 * DAY, 5 * DAY]);
  });

  it('hold nothing where less than a step is left, and say whose fees have no price', () => {
    const { trades, effects, portfolio } = replayFills(
      [
        fill(1, 'buy', '1', '100', { fee: '0.0005', feeCurrency: 'BTC' }),
        fill(2, 'sell', '0.999', '110', { fee: '0.01', feeCurrency: 'BNB' }),
        fill(3, 'buy', '1', '100', { fee: '0.01', feeCurrency: 'BNB', feePrice: '600' }),
      ],
      () => '0.001',
    );
    expect(effects.map(({ unitsAfter }) => unitsAfter)).toEqual([0.9995, 0, 1.0005]);
    // 0.999 · (110 − 100) − 0.0005 · 100; the sale's own fee has no price
    expect(trades[0]).toMatchObject({ profit: 9.94, fees: 0.05 });
    expect(trades[1]).toMatchObject({ fees: 6 });
    expect(portfolio.fees()).toEqual({ USDT: '6.05', BNB: '0.01' });
  });
});
