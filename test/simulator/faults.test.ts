// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtBroker } from '../../src/adapters/ccxt/index.js';
import type { OrderRequest } from '../../src/core/order.js';
import { faultShapes } from '../../src/simulator/dialects/binance/fault-shapes.js';
import {
  FaultInjector,
  type FaultSettings,
  faultsOfSeed,
  readFaults,
} from '../../src/simulator/fault-injector.js';
import { REQUEST_FAULTS } from '../../src/simulator/fault-kinds.js';
import { ACCOUNT, startWorld, type World } from './world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
afterEach(() => world?.simulator.stop());

const NOTHING: FaultSettings = readFaults({});
const at = (on: string, fault: string, nth = 1): FaultSettings => ({ ...NOTHING, at: [{ on, nth, fault }] });
const ORDER: OrderRequest = {
  clientOrderId: 'rb-box-1',
  exchange: 'binance',
  symbol: SYMBOL,
  side: 'buy',
  type: 'market',
  amount: '0.01',
  barOpenMs: 0,
  decisionPrice: 1,
  reducing: false,
};
const QUOTE = { bid: 1, ask: 1, atMs: 0, source: 'book' } as const;
const account = () => world.simulator.ledger().accounts[0]!;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The trader's broker, which gives an answer up after a third of a second. */
async function broker(faults?: FaultSettings) {
  world = await startWorld({ book: { topSize: '0.006', levels: 9 } });
  const connection = await world.connect();
  await connection.api.loadMarkets();
  Object.assign(connection.api, { timeout: 300 });
  world.simulator.faults = faults;
  return createCcxtBroker(connection, { beforeCreateLeaves: () => null });
}

describe('a fault of the first order’s request', () => {
  it.each([
    ['drop_request', 'ambiguous', 0],
    ['server_error', 'ambiguous', 0],
    ['rate_limit', 'not_placed', 0],
    ['reset', 'ambiguous', 0],
    ['drop_answer', 'ambiguous', 1],
    ['server_error_after', 'ambiguous', 1],
    ['reset_after', 'ambiguous', 1],
    ['malformed', 'ambiguous', 1],
    ['absurd', 'report', 1],
    ['lagging', 'report', 1],
    ['doubled', 'report', 1],
    ['error_within_200', 'ambiguous', 1],
  ] as const)(
    '%s: the trader takes it for %s, and the ledger holds %i orders',
    async (fault, kind, placed) => {
      const trading = await broker(at('POST /api/v3/order', fault));
      const result = await trading.create(ORDER, QUOTE);
      expect(result.kind).toBe(kind);
      expect(account().orders).toHaveLength(placed);
      expect(world.simulator.faultReport()!.drawn).toEqual({ [fault]: 1 });
      if (fault === 'absurd') expect(result).toMatchObject({ report: { filled: '900000000' } });
      if (fault === 'lagging' || fault === 'doubled') {
        expect(result).toMatchObject({
          report: { filled: '0.01', fills: [{ amount: '0.006' }, { amount: '0.004' }] },
        });
      }
    },
  );

  it('comes at that place alone: the one before and the one after go well', async () => {
    const trading = await broker(at('POST /api/v3/order', 'reset', 2));
    const kinds = [];
    for (const clientOrderId of ['rb-box-1', 'rb-box-2', 'rb-box-3']) {
      kinds.push((await trading.create({ ...ORDER, clientOrderId }, QUOTE)).kind);
    }
    expect(kinds).toEqual(['report', 'ambiguous', 'report']);
  });
});

describe('a fate of the first order', () => {
  it('later: it is answered as new and filled afterwards', async () => {
    const trading = await broker(at('orders', 'later'));
    expect(await trading.create(ORDER, QUOTE)).toMatchObject({ report: { status: 'accepted', filled: '0' } });
    await pause(1400);
    const found = await trading.find('rb-box-1', SYMBOL);
    expect(['filled', 'expired']).toContain(found!.status);
    expect(found!.fills.length).toBeGreaterThan(0);
  });

  it('canceled, and filled_after_cancel: an execution follows the end, and the ledger tells it', async () => {
    const trading = await broker({
      ...NOTHING,
      at: [
        { on: 'orders', nth: 1, fault: 'canceled' },
        { on: 'orders', nth: 2, fault: 'filled_after_cancel' },
      ],
    });
    expect(await trading.create(ORDER, QUOTE)).toMatchObject({ report: { status: 'canceled' } });
    const late = await trading.create({ ...ORDER, clientOrderId: 'rb-box-2' }, QUOTE);
    expect(late).toMatchObject({ report: { status: 'canceled' } });
    const before = account().trades.length;
    for (let i = 0; i < 70 && account().trades.length === before; i++) await pause(50);
    expect(account().trades.length).toBeGreaterThan(before);
    expect(account().trades.at(-1)!.clientOrderId).toBe('rb-box-2');
    expect(await trading.find('rb-box-2', SYMBOL)).toMatchObject({ status: 'canceled' });
  });
});

describe('a stale book', () => {
  it('is the one of the answer before', async () => {
    await broker(at('books', 'stale_book', 2));
    const { api } = await world.connect();
    const first = await api.fetchOrderBook(SYMBOL, 5);
    await world.simulator.step();
    expect((await api.fetchOrderBook(SYMBOL, 5)).bids).toEqual(first.bids);
    expect((await api.fetchOrderBook(SYMBOL, 5)).bids).not.toEqual(first.bids);
  });
});

describe('an order that waits within the exchange', () => {
  const queued = async (recvWindow: number) => {
    world = await startWorld();
    const { api } = await world.connect();
    await api.loadMarkets();
    world.simulator.interceptor = ({ method, path }) =>
      method === 'POST' && path === '/api/v3/order' ? { kind: 'queue', ms: 400 } : undefined;
    return api.createOrder(SYMBOL, 'market', 'buy', 0.01 as never, undefined, { recvWindow });
  };

  it('is placed when its caller has long given up', async () => {
    const placed = queued(5000);
    await pause(200);
    expect(account().orders).toHaveLength(0);
    await placed;
    expect(account().orders).toHaveLength(1);
  });

  it('dies there once its time window is over', async () => {
    await expect(queued(100)).rejects.toThrow(/-1021/);
    expect(account().orders).toHaveLength(0);
  });
});

describe('draws by seed', () => {
  const call = (method: string, path: string) => ({ method, path, params: new URLSearchParams() });
  const faultsOf = (seed: number, between: number) => {
    const injector = new FaultInjector({ ...faultsOfSeed(seed), requests: 0.5 }, faultShapes);
    const seen: unknown[] = [];
    for (let i = 0; i < 200; i++) {
      for (let k = 0; k < between; k++) injector.request(call('GET', '/api/v3/klines'));
      seen.push(JSON.stringify(injector.request(call('POST', '/api/v3/order'))), injector.fate());
      seen.push(injector.event({ i }).length);
    }
    return { seen, drawn: injector.drawn };
  };

  it('are the same for a place whatever else is asked in between, and others for another seed', () => {
    expect(faultsOf(7, 0).seen).toEqual(faultsOf(7, 3).seen);
    expect(faultsOf(7, 0).seen).not.toEqual(faultsOf(8, 0).seen);
  });

  it('reach every kind of fault', () => {
    const { drawn } = faultsOf(7, 3);
    expect(Object.keys(drawn).length).toBe(REQUEST_FAULTS.length + 3 + 4);
  });

  it.each([
    [{ requests: 2 }, /share of 0 to 1/],
    [{ only: ['earthquake'] }, /no fault/],
    [{ at: [{ on: 'orders', nth: 0, fault: 'later' }] }, /nth/],
    [{ request: 0.1 }, /no "request"/],
    [[], /JSON object/],
  ])('of a plan that does not fit, as %j, are refused', (plan, words) => {
    expect(() => readFaults(plan)).toThrow(words);
  });
});

describe('over HTTP', () => {
  it('faults are set, counted and ended, and a plan that does not fit changes nothing', async () => {
    const trading = await broker();
    const send = async (path: string, body: string) =>
      (await fetch(world.simulator.restUrl + path, { method: 'POST', body })).json() as Promise<{
        code?: number;
      }>;
    await send('/sim/faults', JSON.stringify({ requests: 1, only: ['server_error'] }));
    await expect(trading.balances()).rejects.toThrow();
    expect((await send('/sim/faults', '{"requests":3}')).code).toBe(-1100);
    expect((await send('/sim/faults', 'no json')).code).toBe(-1100);
    expect(await (await fetch(`${world.simulator.restUrl}/sim/faults`)).json()).toMatchObject({
      plan: { requests: 1 },
      drawn: { server_error: 1 },
    });
    await send('/sim/heal', '');
    expect((await trading.balances()).find(({ currency }) => currency === 'BTC')!.total).toBe(
      ACCOUNT.balances.BTC,
    );
  });
});
