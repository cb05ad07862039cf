import { describe, expect, it } from 'vitest';
import type { OrderReport } from '../../src/core/order.js';
import { isOrderOf } from '../../src/core/order-owner.js';
import { createHaltDuties } from '../../src/execution/halt-duties.js';
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

function given(open: () => readonly OrderReport[], history: () => readonly OrderReport[] = () => []) {
  const clock = createVirtualClock(1_000_000);
  const cancelled: string[] = [];
  const broker = {
    exchange: 'binance',
    kind: 'live',
    openOrders: async () => open().filter(({ clientOrderId }) => !cancelled.includes(clientOrderId)),
    history: async () => history().filter(({ clientOrderId }) => !cancelled.includes(clientOrderId)),
    cancel: async (clientOrderId: string) => void cancelled.push(clientOrderId),
  } as unknown as Broker;
  const duties = createHaltDuties({
    broker,
    clock,
    symbols: [SYMBOL],
    isOurs: (id) => isOrderOf('h2', id),
    settleMs: 3_000,
    settle: async () => 0,
    scope: 'ours',
    flatten: async () => [],
    positions: () => [],
  });
  async function cancelAll() {
    const outcome = duties.cancelAll(ORDER);
    await clock.advance(3_000);
    return outcome;
  }
  return { cancelled, cancelAll };
}

describe('a halt that the trader carries out', () => {
  it('cancels what this box gave, and leaves alone what a box with a longer name gave', async () => {
    const { cancelled, cancelAll } = given(() => [resting('rb-h2-1abc'), resting('rb-h2-2-1abc')]);
    await cancelAll();
    expect(cancelled).toEqual(['rb-h2-1abc']);
  });

  it('cancels what the list of open orders leaves out, and confirms only what both kinds of list agree on', async () => {
    const { cancelled, cancelAll } = given(
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
});
