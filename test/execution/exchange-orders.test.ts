import { describe, expect, it } from 'vitest';
import type { Fill, OrderReport, OrderUpdate } from '../../src/core/order.js';
import { isOrderOf } from '../../src/core/order-owner.js';
import { createBrokers } from '../../src/execution/brokers.js';
import { ExchangeOrders } from '../../src/execution/exchange-orders.js';
import { Execution } from '../../src/execution/execution.js';
import type { OrderGate } from '../../src/execution/order-gate.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import { OrderQueue } from '../../src/execution/order-queue.js';
import { followOrders } from '../../src/execution/order-updates.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import type { Broker, OrderStream } from '../../src/ports/broker.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { createVirtualClock } from '../support/virtual-clock.js';

const SYMBOL = 'BTC/USDT';
const ID = 'rb-box-1';
const fill = (fillId: string, amount: string): Fill => ({
  fillId,
  clientOrderId: ID,
  exchange: 'binance',
  symbol: SYMBOL,
  side: 'buy',
  price: '100',
  amount,
  fee: '0',
  feeCurrency: 'USDT',
  atMs: 1,
});
const report = (status: OrderReport['status'], fills: readonly Fill[], filled: string): OrderReport => ({
  clientOrderId: ID,
  exchangeOrderId: '7',
  symbol: SYMBOL,
  side: 'buy',
  status,
  amount: '2',
  filled,
  averagePrice: '100',
  fills,
  atMs: 1,
});
const word = (filled: string | null): OrderUpdate => ({ clientOrderId: ID, symbol: SYMBOL, filled });

/** An exchange that answers with what the test puts in; everything between it and the store is real. */
function world() {
  const clock = createVirtualClock();
  const store = new MemoryStore();
  const told: { report: OrderReport | undefined; asked: string[]; away: boolean } = {
    report: undefined,
    asked: [],
    away: false,
  };
  const broker: Broker = {
    exchange: 'binance',
    kind: 'live',
    create: async () => ({ kind: 'ambiguous', message: 'not asked here' }),
    async find(id) {
      told.asked.push(id);
      if (told.away) throw new Error('503');
      return told.report;
    },
    cancel: async () => undefined,
    openOrders: async () => [],
    history: async () => [],
    balances: async () => [],
    transfers: async () => [],
  };
  const gate: Pick<OrderGate, 'submit' | 'mayLeave' | 'reduces' | 'standing'> = {
    submit: async () => ({ kind: 'denied', reason: 'no_permit', detail: '' }),
    mayLeave: () => 'no_permit',
    reduces: () => false,
    standing: () => 'HALTED',
  };
  const brokers = createBrokers([broker]);
  const portfolio = new Portfolio({ startCash: '0' });
  const ids = { isOurs: (id: string) => isOrderOf('box', id), next: () => 'rb-box-9' };
  const outcomes: ExecutionOutcome[] = [];
  const execution = new Execution(
    {
      store,
      brokers,
      clock,
      ids,
      portfolio,
      onOutcome: (outcome) => void outcomes.push(outcome),
      makeGate: () => gate,
    },
    { triesMax: 1, backoffMs: [1], inFlightMaxMs: 0, orderType: 'market', limitCollarFraction: 0 },
  );
  const key = { exchange: 'binance', symbol: SYMBOL, timeframe: '1h' };
  const queue = new OrderQueue();
  const aligned: string[] = [];
  const orders = new ExchangeOrders({
    stops: {
      sync: async (exchange, symbol) => void aligned.push(`${exchange}:${symbol}`),
      syncAll: async () => undefined,
    },
    brokers,
    execution,
    portfolio,
    store,
    clock,
    ids,
    queue,
    streams: [{ key }],
    onCapital: () => undefined,
  });
  return {
    orders,
    outcomes,
    told,
    store,
    queue,
    clock,
    aligned,
    onUpdate: (hint: OrderUpdate) => orders.onOrderUpdate('binance', hint),
  };
}

describe('a word of the exchange on an order of ours', () => {
  it('that has ended and filled on is asked for at once, and its fills are those that the exchange answers', async () => {
    const { onUpdate, told, store, outcomes, aligned } = world();
    told.report = report('canceled', [], '0');
    await onUpdate(word('0'));
    aligned.length = 0;
    outcomes.length = 0;
    told.report = report('canceled', [fill('1', '0.5')], '0.5');
    // The word exaggerates: it is a reason to ask, and nothing of it is believed.
    await onUpdate(word('1.5'));
    expect(await store.fills()).toEqual([fill('1', '0.5')]);
    // Before the next bar, or any other: what has become of it is out as soon as it is stored.
    expect(outcomes).toMatchObject([{ status: 'canceled', fills: [{ fillId: '1' }] }]);
    // What is held has changed, or what rests: the stop is made to fit at once.
    expect(aligned).toEqual([`binance:${SYMBOL}`]);
  });

  it('that says nothing new costs no question, however often and in whatever order it comes', async () => {
    const { onUpdate, told, store } = world();
    told.report = report('filled', [fill('1', '0.5'), fill('2', '1.5')], '2');
    await onUpdate(word('2'));
    expect(told.asked).toHaveLength(1);
    for (const filled of ['2', '0', '0.5', '2', '0']) await onUpdate(word(filled));
    expect(told.asked).toHaveLength(1);
    expect(await store.fills()).toHaveLength(2);
    expect(await store.orderEvents()).toHaveLength(1);
  });

  it('waits its turn, and of several that wait the one that tells of most stands for all', async () => {
    const { onUpdate, told, queue } = world();
    told.report = report('canceled', [fill('1', '0.5')], '0.5');
    await onUpdate(word('0.5'));
    let free = () => {};
    const other = new Promise<void>((resolve) => {
      free = resolve;
    });
    const busy = queue.serialize('binance', SYMBOL, () => other);
    told.asked.length = 0;
    told.report = report('canceled', [fill('1', '0.5'), fill('2', '1')], '1.5');
    const waiting = ['0', '1.5', '0.5'].map((filled) => onUpdate(word(filled)));
    await Promise.resolve();
    expect(told.asked).toEqual([]);
    free();
    await Promise.all([busy, ...waiting]);
    expect(told.asked).toEqual([ID]);
  });

  it('is not heard where it speaks of somebody else’s order, and is harmless where nobody answers', async () => {
    const { onUpdate, told, store } = world();
    await onUpdate({ ...word('1'), clientOrderId: 'mine-1' });
    expect(told.asked).toEqual([]);
    told.away = true;
    await onUpdate(word('1'));
    expect(told.asked).toEqual([ID]);
    expect(await store.orderEvents()).toEqual([]);
  });
});

describe('the line on which it speaks', () => {
  const loop = (
    stream: OrderStream,
    onOrderUpdate: (hint: OrderUpdate) => Promise<void> = async () => undefined,
  ) => {
    const clock = createVirtualClock(0, 0);
    const seen = { back: 0, lost: [] as string[] };
    const ending = new AbortController();
    const running = followOrders(
      {
        exchange: 'binance',
        stream,
        orders: { onOrderUpdate: (_exchange, hint) => onOrderUpdate(hint) },
        clock,
        backoffMs: [1000, 5000],
        onBack: () => seen.back++,
        onLost: (detail) => seen.lost.push(detail),
      },
      ending.signal,
    );
    return { clock, seen, ending, running };
  };
  const open = (signal: AbortSignal) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  it('is followed again after each break, with a pause, and then the exchange is compared with', async () => {
    const startsMs: number[] = [];
    const box = loop(async (_onHint, signal) => {
      startsMs.push(startsMs.length === 0 ? 0 : box.clock.monotonicMs());
      if (startsMs.length <= 2) throw new Error('the line broke');
      await open(signal);
    });
    await box.clock.advance(20_000);
    expect(startsMs).toEqual([0, 1000, 6000]);
    expect(box.seen).toEqual({ back: 1, lost: ['the line broke', 'the line broke'] });
    box.ending.abort();
    await box.running;
  });

  it('ends the box where what it said could not be stored', async () => {
    const { running, ending } = loop(
      async (onHint, signal) => {
        onHint(word('1'));
        await open(signal);
      },
      async () => {
        throw new Error('the disk is full');
      },
    );
    await expect(running).rejects.toThrow('the disk is full');
    ending.abort();
  });
});
