import { describe, expect, it } from 'vitest';
import { IN_FLIGHT_MAX_MS } from '../../src/core/in-flight.js';
import type { OrderReport } from '../../src/core/order.js';
import { isOrderOf } from '../../src/core/order-owner.js';
import type { HaltRecord } from '../../src/core/records.js';
import { type HaltExchange, HaltHandler, type HaltHandlerOptions } from '../../src/execution/halt-handler.js';
import type { Broker } from '../../src/ports/broker.js';
import { createVirtualClock } from '../support/virtual-clock.js';

const SYMBOL = 'BTC/USDT';
const ORDER = { epoch: 1, flatten: false, cause: 'button' };

function resting(clientOrderId: string, status: OrderReport['status'] = 'accepted'): OrderReport {
  return {
    clientOrderId,
    exchangeOrderId: clientOrderId,
    symbol: SYMBOL,
    side: 'buy',
    status,
    amount: '1',
    filled: '0',
    averagePrice: null,
    fills: [],
    atMs: 0,
  };
}

/** An exchange with nothing open, but for what is given. */
function exchange(
  name: string,
  broker: Partial<Broker> = {},
  more: Partial<HaltExchange> = {},
): HaltExchange {
  return {
    broker: {
      exchange: name,
      kind: 'live',
      openOrders: async () => [],
      history: async () => [],
      cancel: async () => undefined,
      ...broker,
    } as unknown as Broker,
    symbols: [SYMBOL],
    resolveUnknown: async () => 0,
    flatten: async () => [],
    positions: () => [],
    invalidate: () => undefined,
    compare: async () => null,
    ...more,
  };
}

function handler(exchanges: readonly HaltExchange[], more: Partial<HaltHandlerOptions> = {}) {
  const clock = createVirtualClock(1_000_000);
  const made = new HaltHandler({
    exchanges,
    clock,
    isOurs: (id) => isOrderOf('h2', id),
    scope: 'ours',
    ...more,
  });
  async function cancelAll(order = ORDER) {
    const outcome = made.cancelAll(order);
    await clock.advance(IN_FLIGHT_MAX_MS);
    return outcome;
  }
  return { cancelAll, reconcile: () => made.reconcile() };
}

function cancelling(open: () => readonly OrderReport[], history: () => readonly OrderReport[] = () => []) {
  const cancelled: string[] = [];
  const left = (all: readonly OrderReport[]) =>
    all.filter(({ clientOrderId }) => !cancelled.includes(clientOrderId));
  const { cancelAll } = handler([
    exchange('binance', {
      openOrders: async () => left(open()),
      history: async () => left(history()),
      cancel: async (clientOrderId) => void cancelled.push(clientOrderId),
    }),
  ]);
  return { cancelled, cancelAll };
}

describe('a halt that the trader carries out', () => {
  it('cancels what this box gave, and leaves alone what a box with a longer name gave', async () => {
    const { cancelled, cancelAll } = cancelling(() => [resting('rb-h2-1abc'), resting('rb-h2-2-1abc')]);
    await cancelAll();
    expect(cancelled).toEqual(['rb-h2-1abc']);
  });

  it('cancels what the list of open orders leaves out, and confirms only what both kinds of list agree on', async () => {
    const { cancelled, cancelAll } = cancelling(
      () => [],
      () => [
        resting('rb-h2-1abc'),
        resting('rb-h2-2abc', 'partially_filled'),
        resting('rb-h2-3abc', 'filled'),
      ],
    );
    expect(await cancelAll()).toMatchObject({ confirmed: false });
    expect(cancelled).toEqual(['rb-h2-1abc', 'rb-h2-2abc']);
    expect(await cancelAll()).toMatchObject({ confirmed: true });
  });

  it('ends creates before anything is recorded, and records each halt and its end once', async () => {
    const steps: string[] = [];
    const { cancelAll, reconcile } = handler([exchange('binance')], {
      endCreates: () => void steps.push('creates ended'),
      record: async ({ state, epoch }: HaltRecord) => void steps.push(`${state} ${epoch}`),
    });
    await cancelAll();
    await cancelAll();
    await cancelAll({ ...ORDER, epoch: 2 });
    await reconcile();
    expect(steps).toEqual([
      ...['creates ended', 'HALTED 1', 'creates ended', 'creates ended', 'HALTED 2'],
      'ACTIVE 2',
    ]);
  });
});

describe('a halt over a store that fails', () => {
  it('is carried out while the disk hangs', async () => {
    const { cancelAll } = handler([exchange('binance')], { record: () => new Promise(() => {}) });
    expect(await cancelAll()).toMatchObject({ confirmed: true });
  });

  it('is recorded with the next request where the first could not be', async () => {
    const recorded: number[] = [];
    const lost: string[] = [];
    let isFull = true;
    const { cancelAll } = handler([exchange('binance')], {
      async record({ epoch }) {
        if (isFull) throw new Error('no space left');
        recorded.push(epoch);
      },
      onUnrecorded: (error) => void lost.push(String(error)),
    });
    expect(await cancelAll()).toMatchObject({ confirmed: true });
    expect(lost).toEqual(['Error: no space left']);
    isFull = false;
    await cancelAll();
    await cancelAll();
    expect(recorded).toEqual([1]);
  });

  it('is recorded before the trading that follows it, and there is none while it cannot be', async () => {
    const recorded: string[] = [];
    let isFull = true;
    const { cancelAll, reconcile } = handler([exchange('binance')], {
      async record({ state, epoch }) {
        if (isFull) throw new Error('no space left');
        recorded.push(`${state} ${epoch}`);
      },
    });
    // It is confirmed, so that the guard asks for it no more.
    expect(await cancelAll()).toMatchObject({ confirmed: true });
    await expect(reconcile()).rejects.toThrow('no space left');
    isFull = false;
    await reconcile();
    expect(recorded).toEqual(['HALTED 1', 'ACTIVE 1']);
  });
});

describe('a halt at several exchanges', () => {
  const open = (name: string) => exchange(name, { openOrders: async () => [resting('rb-h2-1abc')] });

  it('is confirmed only where every exchange has confirmed', async () => {
    const both = handler([exchange('binance'), open('kraken')]);
    expect(await both.cancelAll()).toMatchObject({ confirmed: false, openOrders: 1 });
    const fine = handler([exchange('binance'), exchange('kraken')]);
    expect(await fine.cancelAll()).toMatchObject({ confirmed: true, openOrders: 0 });
  });

  it('cancels at the others while one is away, and says that nobody knows of that one', async () => {
    let asked = 0;
    const { cancelAll } = handler([
      exchange('binance', { openOrders: () => Promise.reject(new Error('503')) }),
      exchange('kraken', {
        openOrders: async () => {
          asked++;
          return [];
        },
      }),
    ]);
    const outcome = await cancelAll();
    expect(asked).toBe(3);
    expect(outcome).toMatchObject({ confirmed: false, openOrders: null });
    expect(outcome.detail).toContain('binance: cancelling failed: 503');
  });

  it('is over as soon as one exchange agrees, and never while none does', async () => {
    const away = exchange('binance', {}, { compare: () => new Promise(() => {}) });
    const differs = exchange(
      'kraken',
      {},
      { compare: async () => ({ kind: 'differs', detail: 'the account holds 3' }) as never },
    );
    await handler([away, exchange('bitstamp')]).reconcile();
    await expect(handler([differs]).reconcile()).rejects.toThrow('kraken: Error: the account holds 3');
  });
});
