import { describe, expect, it } from 'vitest';
import type { Fill, OrderReport } from '../../src/core/order.js';
import { isOrderOf } from '../../src/core/order-owner.js';
import type { CapitalFlow } from '../../src/core/records.js';
import { createBrokers } from '../../src/execution/brokers.js';
import { Execution } from '../../src/execution/execution.js';
import type { OrderGate } from '../../src/execution/order-gate.js';
import { Reconciler } from '../../src/execution/reconciliation.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import type { Balance, Broker } from '../../src/ports/broker.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { createVirtualClock } from '../support/virtual-clock.js';

const FILL: Fill = {
  fillId: '1',
  clientOrderId: 'rb-box-1',
  exchange: 'binance',
  symbol: 'BTC/USDT',
  side: 'buy',
  price: '100',
  amount: '2',
  fee: '0.002',
  feeCurrency: 'BTC',
  atMs: 1,
};
const REPORT: OrderReport = {
  clientOrderId: 'rb-box-1',
  exchangeOrderId: '7',
  symbol: 'BTC/USDT',
  side: 'buy',
  status: 'filled',
  amount: '2',
  filled: '2',
  averagePrice: '100',
  fills: [FILL],
  atMs: 1,
};

/** An exchange that tells what the test puts in, and a box that opened its account with 1000 USDT. */
async function world() {
  const clock = createVirtualClock();
  const store = new MemoryStore();
  const told = {
    balances: [{ currency: 'USDT', free: '1000', total: '1000' }] as Balance[],
    history: [] as OrderReport[],
    open: [] as OrderReport[],
    transfers: [] as CapitalFlow[] | null,
    away: false,
    capital: [] as [number, number][],
  };
  const answer = async <T>(value: T): Promise<T> => {
    if (told.away) throw new Error('503');
    return value;
  };
  const broker: Broker = {
    exchange: 'binance',
    kind: 'live',
    create: async () => ({ kind: 'ambiguous', message: 'not asked here' }),
    find: (id) => answer([...told.open, ...told.history].find((report) => report.clientOrderId === id)),
    cancel: async () => undefined,
    openOrders: () => answer(told.open),
    history: () => answer(told.history),
    balances: () => answer(told.balances),
    transfers: () => answer(told.transfers),
  };
  const portfolio = new Portfolio({ startCash: '0' });
  const gate: Pick<OrderGate, 'submit' | 'mayLeave' | 'reduces' | 'standing'> = {
    submit: async () => ({ kind: 'denied', reason: 'no_permit', detail: '' }),
    mayLeave: () => 'no_permit',
    reduces: () => false,
    standing: () => 'HALTED',
  };
  const ids = { isOurs: (id: string) => isOrderOf('box', id), next: () => 'rb-box-9' };
  const execution = new Execution(
    { store, brokers: createBrokers([broker]), clock, ids, portfolio, makeGate: () => gate },
    { triesMax: 1, backoffMs: [1], inFlightMaxMs: 0, orderType: 'market', limitCollarFraction: 0 },
  );
  const make = () =>
    new Reconciler({
      store,
      broker,
      clock,
      portfolio,
      execution,
      symbols: ['BTC/USDT'],
      isOurs: ids.isOurs,
      barBefore: () => 0,
      onCapital: (before, after) => told.capital.push([before, after]),
    });
  const reconciler = make();
  reconciler.restore(await store.restore());
  await reconciler.open();
  return { reconciler, make, store, told, portfolio, execution, clock };
}

const holds = (usdt: string, btc = '0'): Balance[] => [
  { currency: 'USDT', free: usdt, total: usdt },
  { currency: 'BTC', free: btc, total: btc },
];

describe('a comparison with the exchange', () => {
  it('given an account as it was left, then it agrees, and not before', async () => {
    const { reconciler, portfolio } = await world();
    expect(reconciler.agreed).toBe(false);
    expect(await reconciler.compare()).toMatchObject({ kind: 'agreed' });
    expect(reconciler.agreed).toBe(true);
    expect(portfolio.cash()).toBe(1000);
  });

  it('given an order of ours that the store has lost, then it is adopted with its fills', async () => {
    const { reconciler, told, store, portfolio } = await world();
    told.history = [REPORT];
    told.balances = holds('800', '1.998');
    expect(await reconciler.compare()).toMatchObject({ kind: 'agreed', taken: [{ status: 'filled' }] });
    expect(await store.fills()).toEqual([FILL]);
    expect((await store.orderEvents()).at(-1)).toMatchObject({ status: 'filled', filled: '2' });
    expect(portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(1.998);
    // The next one finds nothing new in the same list.
    expect(await reconciler.compare()).toMatchObject({ kind: 'agreed', taken: [] });
    expect(await store.orderEvents()).toHaveLength(1);
  });

  it('given an order of somebody else, then it is left alone, and its trades are a difference', async () => {
    const { reconciler, told, store } = await world();
    told.history = [{ ...REPORT, clientOrderId: 'web-1', fills: [{ ...FILL, clientOrderId: 'web-1' }] }];
    told.balances = holds('800', '1.998');
    const first = await reconciler.compare();
    expect(first).toMatchObject({ kind: 'mismatch', symbol: 'USDT', confirmed: false });
    expect(first).toHaveProperty('detail', 'the account holds 800, capital and fills make it 1000');
    expect(reconciler.agreed).toBe(false);
    expect(await reconciler.compare()).toMatchObject({ kind: 'mismatch', confirmed: true });
    expect(await store.orderEvents()).toEqual([]);
  });

  it('given an open order of ours that nobody knows, then its symbol is blocked until it has ended', async () => {
    const { reconciler, told, execution } = await world();
    told.open = [{ ...REPORT, status: 'accepted', filled: '0', averagePrice: null, fills: [] }];
    expect(await reconciler.compare()).toMatchObject({ kind: 'unresolved' });
    expect(execution.unresolvedCount).toBe(1);
    told.open = [];
    told.history = [REPORT];
    told.balances = holds('800', '1.998');
    expect(await reconciler.compare()).toMatchObject({ kind: 'agreed' });
    expect(execution.unresolvedCount).toBe(0);
  });

  it('given a deposit and a withdrawal, then they are stored once and move cash and peak', async () => {
    const { reconciler, make, told, store, portfolio } = await world();
    const flow = (kind: 'deposit' | 'withdrawal', amount: string): CapitalFlow => ({
      exchange: 'binance',
      flowId: '1',
      kind,
      currency: 'USDT',
      amount,
      atMs: 1e15,
    });
    told.balances = holds('1300');
    told.transfers = [flow('deposit', '500'), flow('withdrawal', '-200')];
    expect(await reconciler.compare()).toMatchObject({ kind: 'agreed', flows: [{}, {}] });
    expect(portfolio.cash()).toBe(1300);
    expect(told.capital).toEqual([
      [1000, 1500],
      [1500, 1300],
    ]);
    const restored = await store.restore();
    expect(restored.flows.map(({ kind, amount }) => [kind, amount])).toEqual([
      ['opening', '1000'],
      ['deposit', '500'],
      ['withdrawal', '-200'],
    ]);
    const later = make();
    later.restore(restored);
    await later.open();
    expect(await later.compare()).toMatchObject({ kind: 'agreed', flows: [] });
  });

  it('given an exchange that does not tell of deposits, then money that came is a difference', async () => {
    const { reconciler, told } = await world();
    told.transfers = null;
    told.balances = holds('1500');
    expect(await reconciler.compare()).toMatchObject({ kind: 'mismatch' });
  });

  it('given an exchange that does not answer, then nothing is said, and what was agreed stays', async () => {
    const { reconciler, told } = await world();
    told.away = true;
    expect(await reconciler.compare()).toMatchObject({ kind: 'unreachable', detail: '503' });
    expect(reconciler.agreed).toBe(false);
    told.away = false;
    await reconciler.compare();
    told.away = true;
    await reconciler.compare();
    expect(reconciler.agreed).toBe(true);
  });
});
