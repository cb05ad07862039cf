import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import type { Side } from '../../src/core/order.js';
import type { NewOrder } from '../../src/simulator/new-order.js';
import { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import { ACCOUNT, walk } from './world.js';

let exchange: SimulatedExchange;
beforeEach(() => {
  exchange = exchangeOf();
});

function exchangeOf(book = { topSize: '0.5', levels: 4 }) {
  return new SimulatedExchange({
    markets: [{ symbol: 'BTC/USDT', timeframe: '1h', candles: walk(200), priceTick: '0.01' }],
    startIndex: 100,
    accounts: [ACCOUNT],
    book,
    monotonicMs: () => 0,
  });
}

function place(rest: Partial<NewOrder>) {
  const instrument = exchange.replay.instruments[0]!;
  const { engine } = exchange.account(ACCOUNT.apiKey)!;
  const request: NewOrder = {
    clientOrderId: `id-${engine.orders.length}`,
    side: 'buy',
    type: 'MARKET',
    timeInForce: 'GTC',
    amount: decimal('0.1'),
    ...rest,
  };
  return engine.place(request, instrument, exchange.book(instrument), 0);
}

const best = () => {
  const book = exchange.book(exchange.replay.instruments[0]!);
  return { bid: book.bids(1)[0]!, ask: book.asks(1)[0]! };
};

describe('stops', () => {
  const bar = (open: number, low: number) => {
    const instrument = exchange.replay.instruments[0]!;
    const candle = { openMs: 0, open, high: open, low, close: low, volume: 1 };
    exchange.account(ACCOUNT.apiKey)!.engine.barClosed(instrument, candle, exchange.book(instrument), 1);
  };
  const stop = (rest: Partial<NewOrder> = {}) =>
    place({
      type: 'STOP_LOSS',
      side: 'sell',
      amount: decimal('1'),
      trigger: best().bid.price.minus(1000).round(0),
      ...rest,
    });
  const btc = () => exchange.account(ACCOUNT.apiKey)!.engine.ledger.holding('BTC');

  it('lock what they sell, wait, and fill at the trigger once the price has come to it', () => {
    const order = stop();
    expect([order.status, btc().free.toFixed(), btc().locked.toFixed()]).toEqual(['NEW', '1', '1']);
    bar(order.trigger!.toNumber() + 500, order.trigger!.toNumber() + 0.01);
    expect(order.status).toBe('NEW');
    bar(order.trigger!.toNumber() + 500, order.trigger!.toNumber() - 300);
    expect(order.status).toBe('FILLED');
    expect(order.trades).toMatchObject([{ price: order.trigger!.toFixed(), amount: '1', maker: false }]);
    expect([btc().free.toFixed(), btc().locked.toFixed()]).toEqual(['1', '0']);
  });

  it('fill at the open where the bar opened beyond the trigger, and expire where the book ends', () => {
    exchange = exchangeOf({ topSize: '0.1', levels: 2 });
    const order = stop();
    bar(order.trigger!.toNumber() - 200, order.trigger!.toNumber() - 300);
    expect(order.trades).toMatchObject([{ price: order.trigger!.minus(200).toFixed(), amount: '0.3' }]);
    expect([order.status, btc().locked.toFixed()]).toEqual(['EXPIRED', '0']);
  });

  it('with a limit rest as such where the price has gone past it', () => {
    const trigger = best().bid.price.minus(1000).round(0);
    const order = stop({ type: 'STOP_LOSS_LIMIT', price: trigger.minus(10), trigger });
    bar(trigger.toNumber() - 100, trigger.toNumber() - 200);
    expect([order.status, order.triggered]).toEqual(['NEW', true]);
    bar(trigger.toNumber(), trigger.toNumber() - 200);
    expect(order).toMatchObject({ status: 'FILLED' });
    expect(order.trades).toMatchObject([{ price: trigger.minus(10).toFixed() }]);
  });

  it('are refused where they would be triggered at once', () => {
    expect(() => stop({ trigger: best().ask.price.plus(100) })).toThrow(/trigger immediately/);
    expect(exchange.account(ACCOUNT.apiKey)!.engine.orders).toEqual([]);
  });
});

describe('taking', () => {
  it('walks the levels, best first, and leaves the book thinner until the next close', () => {
    const order = place({ amount: decimal('0.7') });
    expect(order.status).toBe('FILLED');
    expect(order.trades.map((trade) => trade.amount)).toEqual(['0.5', '0.2']);
    expect(decimal(order.trades[1]!.price).gt(order.trades[0]!.price)).toBe(true);
    expect(best().ask.size.toFixed()).toBe('0.8');
    exchange.step();
    expect(best().ask.size.toFixed()).toBe('0.5');
  });

  it('lets a FOK that the book cannot fill go without a fill, and an IOC with a part', () => {
    const limit = best().ask.price;
    const fok = place({ type: 'LIMIT', timeInForce: 'FOK', amount: decimal('0.6'), price: limit });
    const ioc = place({ type: 'LIMIT', timeInForce: 'IOC', amount: decimal('0.6'), price: limit });
    expect([fok.status, fok.filled.toFixed()]).toEqual(['EXPIRED', '0']);
    expect([ioc.status, ioc.filled.toFixed()]).toEqual(['EXPIRED', '0.5']);
  });

  it('refuses a post-only order that would take', () => {
    expect(() => place({ type: 'LIMIT_MAKER', price: best().ask.price })).toThrow(/immediately match/);
  });
});

describe('resting', () => {
  it('fills at its own price once a bar trades through it, not before', () => {
    const instrument = exchange.replay.instruments[0]!;
    const lows = [...instrument.candles.low.slice(100, 130)];
    const target = Math.min(...lows) + 0.5;
    const price = decimal(target.toFixed(2));
    const due = lows.findIndex((low) => price.gt(low));
    const order = place({ type: 'LIMIT', amount: decimal('0.1'), price });
    for (let i = 0; i < due; i++) exchange.step();
    expect(order.status).toBe('NEW');
    exchange.step();
    expect(order.status).toBe('FILLED');
    expect(order.trades[0]).toMatchObject({ price: price.toFixed(), maker: true });
  });

  it('holds back what it may need and frees it on cancel', () => {
    const { engine } = exchange.account(ACCOUNT.apiKey)!;
    const order = place({ type: 'LIMIT', amount: decimal('2'), price: decimal('30000') });
    expect(engine.ledger.holding('USDT').locked.toFixed()).toBe('60000');
    expect(() => place({ type: 'LIMIT', amount: decimal('2'), price: decimal('30000') })).toThrow(
      /insufficient/,
    );
    engine.cancel(order, 0);
    expect(engine.ledger.holding('USDT').locked.toFixed()).toBe('0');
    expect(() => engine.cancel(order, 0)).toThrow(/Unknown order/);
  });
});

describe('money', () => {
  it('is neither made nor lost: balances equal the sum of the trades, whatever is done', () => {
    const action = fc.record({
      side: fc.constantFrom<Side>('buy', 'sell'),
      type: fc.constantFrom('MARKET' as const, 'LIMIT' as const),
      timeInForce: fc.constantFrom('GTC' as const, 'IOC' as const, 'FOK' as const),
      units: fc.integer({ min: 1, max: 150_000 }),
      offset: fc.integer({ min: -300, max: 300 }),
      after: fc.constantFrom('nothing', 'step', 'cancel'),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        exchange = exchangeOf();
        const { engine } = exchange.account(ACCOUNT.apiKey)!;
        for (const { side, type, timeInForce, units, offset, after } of actions) {
          const price = best().ask.price.plus(offset);
          try {
            const order = place({
              side,
              type,
              timeInForce,
              amount: decimal(units).times('0.00001'),
              ...(type === 'LIMIT' && { price }),
            });
            if (after === 'cancel' && order.status === 'NEW') engine.cancel(order, 0);
          } catch (error) {
            expect(String(error)).toMatch(/insufficient balance/);
          }
          if (after === 'step') exchange.step();
        }
        let btc = decimal(ACCOUNT.balances.BTC);
        let usdt = decimal(ACCOUNT.balances.USDT);
        for (const trade of engine.ledger.trades) {
          const sign = trade.side === 'buy' ? 1 : -1;
          btc = btc.plus(decimal(trade.amount).times(sign)).minus(trade.feeAsset === 'BTC' ? trade.fee : 0);
          usdt = usdt
            .minus(decimal(trade.quoteAmount).times(sign))
            .minus(trade.feeAsset === 'USDT' ? trade.fee : 0);
        }
        for (const [asset, expected] of [
          ['BTC', btc],
          ['USDT', usdt],
        ] as const) {
          const { free, locked } = engine.ledger.holding(asset);
          expect(free.plus(locked).toFixed()).toBe(expected.toFixed());
        }
      }),
      { numRuns: 60 },
    );
  });
});
