import { describe, expect, it } from 'vitest';
import type { OrderRequest } from '../../src/core/order.js';
import { flattenInstrument } from '../../src/execution/flatten.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import type { StreamState } from '../../src/pipeline/stream-state.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import { KEY, SPOT } from '../support/tiny-stream.js';

/** A lane that holds 1 BTC, at an exchange whose book gives each order a part of what it asks for. */
function holding(parts: readonly string[], missing = '0') {
  const portfolio = new Portfolio({ startCash: '1000' });
  let fills = 0;
  const fill = (side: 'buy' | 'sell', amount: string) => ({
    fillId: String(++fills),
    clientOrderId: 'rb-x',
    exchange: KEY.exchange,
    symbol: KEY.symbol,
    side,
    price: '100',
    amount,
    fee: '0',
    feeCurrency: 'USDT',
    atMs: fills,
  });
  portfolio.apply(fill('buy', '1'));
  const book = portfolio.book(KEY.exchange, KEY.symbol);
  const stream = { book, key: KEY, rules: SPOT, lastBarMs: 7 } as unknown as StreamState;
  const asked: { units: number; bid: number }[] = [];
  const left = [...parts];
  const rooms: number[] = [];
  let nowMs = 0;
  const flattened = flattenInstrument(stream, {
    closable: () => book.units.minus(missing),
    clock: {
      monotonicMs: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    },
    quote: () => ({ bid: 100 - asked.length, ask: 101, atMs: 1, source: 'book' }),
    async send(_stream, _candle, { side, units, inputs }, exitTry): Promise<ExecutionOutcome> {
      rooms.push(exitTry);
      nowMs += 200;
      asked.push({ units, bid: inputs.quote.bid });
      const part = left.shift() ?? '0';
      if (part === 'no_permit' || part === 'price_stale' || part === 'permit_changed')
        return outcome('denied', part, part);
      if (part === 'unanswered') return outcome('unknown', 'timed out');
      if (part !== '0') portfolio.apply(fill(side, part));
      return outcome(Number(part) === units ? 'filled' : 'expired', null);
    },
  });
  return { flattened, asked, rooms, nowMs: () => nowMs };
}

const outcome = (
  status: ExecutionOutcome['status'],
  message: string | null,
  reason: ExecutionOutcome['reason'] = null,
): ExecutionOutcome => ({
  order: {} as OrderRequest,
  status,
  message,
  reason,
  tries: 1,
  fills: [],
  slippage: null,
});

describe('closing a position in a halt', () => {
  it('given orders that end where the book does, then sends what is left at the price of now until nothing is', async () => {
    const { flattened, asked } = holding(['0.5', '0', '0.25', '0.25']);
    expect(await flattened).toBeNull();
    expect(asked).toEqual([
      { units: 1, bid: 100 },
      { units: 0.5, bid: 99 },
      { units: 0.5, bid: 98 },
      { units: 0.25, bid: 97 },
    ]);
  });

  it('given a market that stays away, then continues with more room each time, and gives the symbol back after a while', async () => {
    const { flattened, rooms, nowMs } = holding([]);
    expect(await flattened).toBe('1 BTC/USDT (expired)');
    expect(rooms).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    // The guard takes a trader that says nothing for 15 s for one that hangs.
    expect(nowMs()).toBeLessThan(12_000);
  });

  it('given a price that is old, or an exchange that says no, then asks again', async () => {
    const { flattened, asked } = holding(['price_stale', '0.5', 'price_stale', '0.5']);
    expect(await flattened).toBeNull();
    expect(asked).toHaveLength(4);
  });

  it('given an order that nobody knows the end of, then asks for no other before it is looked up', async () => {
    const { flattened, asked } = holding(['unanswered', '1']);
    expect(await flattened).toBe('1 BTC/USDT (unknown: timed out)');
    expect(asked).toHaveLength(1);
  });

  it('given an account that does not hold all of it, then sells what is there and says so', async () => {
    const { flattened, asked } = holding(['0.75'], '0.25');
    expect(await flattened).toBe('0.25 BTC/USDT (the account does not hold it)');
    expect(asked).toMatchObject([{ units: 0.75 }]);
  });

  it('given a permit that changed while an order was on its way, then asks again under the new one', async () => {
    const { flattened, asked } = holding(['permit_changed', '1']);
    expect(await flattened).toBeNull();
    expect(asked).toHaveLength(2);
  });

  it('given no leave, then does not ask again', async () => {
    const { flattened, asked } = holding(['0.5', 'no_permit', '0.5']);
    expect(await flattened).toBe('0.5 BTC/USDT (denied: no_permit)');
    expect(asked).toHaveLength(2);
  });
});
