import { describe, expect, it } from 'vitest';
import type { OrderRequest } from '../../src/core/order.js';
import { createPortfolio, type ExecutionOutcome } from '../../src/pipeline/execution/index.js';
import { flattenLane } from '../../src/pipeline/flatten.js';
import type { Lane } from '../../src/pipeline/lane.js';
import { KEY, SPOT } from '../support/tiny-stream.js';

/** A lane that holds 1 BTC, at an exchange whose book gives each order a part of what it asks for. */
function holding(parts: readonly string[]) {
  const portfolio = createPortfolio({ startCash: '1000' });
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
  const lane = { book, setup: { key: KEY, rules: SPOT }, lastBarMs: 7 } as unknown as Lane;
  const asked: { units: number; bid: number }[] = [];
  const left = [...parts];
  const flattened = flattenLane(lane, {
    quote: () => ({ bid: 100 - asked.length, ask: 101, atMs: 1, source: 'book' }),
    async send(_lane, _candle, { side, units, inputs }): Promise<ExecutionOutcome> {
      asked.push({ units, bid: inputs.quote.bid });
      const part = left.shift() ?? '0';
      if (part === 'refused') return outcome('rejected', 'no_permit');
      if (part !== '0') portfolio.apply(fill(side, part));
      return outcome(Number(part) === units ? 'filled' : 'expired', null);
    },
  });
  return { flattened, asked };
}

const outcome = (status: ExecutionOutcome['status'], message: string | null): ExecutionOutcome => ({
  order: {} as OrderRequest,
  status,
  message,
  refusal: null,
  tries: 1,
  fills: [],
  slippage: null,
});

describe('closing a position in a halt', () => {
  it('given orders that end where the book does, then sends what is left at the price of now until nothing is', async () => {
    const { flattened, asked } = holding(['0.5', '0', '0.25', '0.25']);
    expect(await flattened).toMatchObject({ unclosed: null, outcomes: { length: 4 } });
    expect(asked).toEqual([
      { units: 1, bid: 100 },
      { units: 0.5, bid: 99 },
      { units: 0.5, bid: 98 },
      { units: 0.25, bid: 97 },
    ]);
  });

  it('given a market that stays away, then ends after five orders and says what is held', async () => {
    const { flattened } = holding([]);
    expect(await flattened).toMatchObject({
      unclosed: '1 BTC/USDT (expired)',
      outcomes: { length: 5 },
    });
  });

  it('given a refusal, then does not ask again', async () => {
    const { flattened } = holding(['0.5', 'refused', '0.5']);
    expect(await flattened).toMatchObject({
      unclosed: '0.5 BTC/USDT (rejected: no_permit)',
      outcomes: { length: 2 },
    });
  });
});
