import { describe, expect, it } from 'vitest';
import type { OrderRequest, Quote } from '../../src/core/order.js';
import { closeQuote } from '../../src/execution/close-quote.js';
import { createPaperBroker } from '../../src/execution/paper-broker.js';
import { articleRows } from '../support/article-vectors.js';
import { pythonRound } from '../support/python-round.js';
import { SPOT } from '../support/tiny-stream.js';

const clock = { wallMs: () => 5000, monotonicMs: () => 0, sleep: async () => {} };
const QUOTE: Quote = { bid: 99, ask: 101, atMs: 5000, source: 'book' };

function paper(more: { availableOf?: () => string; cash?: string } = {}) {
  const { cash = '1000', ...options } = more;
  return createPaperBroker({
    exchange: 'binance',
    clock,
    rulesOf: (symbol) => (symbol === SPOT.symbol ? SPOT : undefined),
    startBalances: { USDT: cash },
    ...options,
  });
}

let ids = 0;
function order(over: Partial<OrderRequest> = {}): OrderRequest {
  ids++;
  return {
    clientOrderId: `o${ids}`,
    exchange: 'binance',
    symbol: 'BTC/USDT',
    side: 'buy',
    type: 'market',
    amount: '1',
    barOpenMs: 0,
    decisionPrice: 100,
    reducing: false,
    ...over,
  };
}

describe('the fill price without a book', () => {
  it('is the article’s, rounded against the trader to the price tick', () => {
    let compared = 0;
    for (const row of articleRows('paper_fill.csv')) {
      const close = Number(row.current_price);
      const exact = row.direction === 'long' ? close * 1.0005 : close * 0.9995;
      // The article's own figure: nearest cent
      expect(pythonRound(exact, 2), JSON.stringify(row)).toBe(Number(row.simulated_price));
      const quote = closeQuote(close, 5, '0.01', 0);
      const price = row.direction === 'long' ? quote.ask : quote.bid;
      if (close > 1) {
        // Departure: outward to the tick, so never better than the stated slippage, and within one tick of the article
        expect(Math.abs(price - Number(row.simulated_price)), JSON.stringify(row)).toBeLessThan(0.01 + 1e-9);
        expect(row.direction === 'long' ? price - exact : exact - price).toBeGreaterThan(-1e-8);
        compared++;
      }
      // Departure: a price below the article's two decimals is no price of 0
      expect(price, JSON.stringify(row)).toBeGreaterThan(0);
    }
    expect(compared).toBeGreaterThan(50);
    expect(closeQuote(2.345e-5, 5, '0.00000001', 0)).toMatchObject({ bid: 0.00002343, ask: 0.00002347 });
  });
});

describe('the paper broker', () => {
  it('buys at the ask and sells at the bid, with the taker’s fee in quote currency', async () => {
    const broker = paper();
    const bought = await broker.create(order(), QUOTE);
    expect(bought).toMatchObject({
      kind: 'report',
      report: {
        status: 'filled',
        filled: '1',
        averagePrice: '101',
        fills: [{ price: '101', fee: '0.101', feeCurrency: 'USDT' }],
      },
    });
    await broker.create(order({ side: 'sell' }), QUOTE);
    expect(await broker.balances()).toEqual([
      { currency: 'USDT', free: '997.8', total: '997.8' },
      { currency: 'BTC', free: '0', total: '0' },
    ]);
  });

  it('fills no more than there is, on steps', async () => {
    const broker = paper({ availableOf: () => '0.123456789' });
    expect(await broker.create(order(), QUOTE)).toMatchObject({
      report: { status: 'expired', filled: '0.12345', amount: '1' },
    });
    expect(await paper({ availableOf: () => '0' }).create(order(), QUOTE)).toMatchObject({
      report: { status: 'expired', filled: '0', fills: [] },
    });
  });

  it('rejects what cannot be paid for, is not held, not listed, or has no price', async () => {
    expect(await paper({ cash: '101' }).create(order(), QUOTE)).toMatchObject({
      kind: 'rejected',
    });
    expect(await paper().create(order({ side: 'sell' }), QUOTE)).toMatchObject({ kind: 'rejected' });
    expect(await paper().create(order({ symbol: 'DOGE/USDT' }), QUOTE)).toMatchObject({ kind: 'rejected' });
    expect(await paper().create(order(), { ...QUOTE, ask: 0 })).toMatchObject({ kind: 'rejected' });
    expect(await paper().create(order(), { ...QUOTE, ask: Number.NaN })).toMatchObject({
      kind: 'rejected',
    });
  });

  it('fills a limit order at the limit or better only', async () => {
    const limit = { type: 'limit_ioc', limitPrice: '100.99' } as const;
    expect(await paper().create(order(limit), QUOTE)).toMatchObject({
      report: { status: 'expired', filled: '0' },
    });
    expect(await paper().create(order({ ...limit, limitPrice: '101' }), QUOTE)).toMatchObject({
      report: { status: 'filled', averagePrice: '101' },
    });
  });

  it('never fills one id twice', async () => {
    const broker = paper();
    const once = order();
    await broker.create(once, QUOTE);
    expect(await broker.create(once, QUOTE)).toMatchObject({ kind: 'rejected' });
    expect(await broker.find(once.clientOrderId, 'BTC/USDT')).toMatchObject({
      status: 'filled',
      filled: '1',
    });
  });

  it('continues from its fills after a restart', async () => {
    const before = paper();
    const mine = order();
    const result = await before.create(mine, QUOTE);
    const after = paper();
    after.restore(result.kind === 'report' ? result.report.fills : []);
    expect(await after.balances()).toEqual(await before.balances());
    expect(await after.find(mine.clientOrderId, 'BTC/USDT')).toMatchObject({ filled: '1' });
    expect(await after.find('never', 'BTC/USDT')).toBeUndefined();
  });
});
