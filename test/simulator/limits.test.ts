// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtBroker } from '../../src/adapters/ccxt/index.js';
import { decimal } from '../../src/core/money.js';
import type { OrderRequest } from '../../src/core/order.js';
import { until } from './bar-collector.js';
import { ACCOUNT, HOUR_MS, startWorld, type World, walk } from './world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
afterEach(() => world.simulator.stop());

const control = async (path: string, body: object) =>
  (
    await fetch(world.simulator.restUrl + path, { method: 'POST', body: JSON.stringify(body) })
  ).json() as Promise<object>;
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

/** The broker as the trader has it, and what arrives at the exchange from now on. */
async function brokerAndArrivals() {
  const connection = await world.connect();
  await connection.api.loadMarkets();
  const arrivals: string[] = [];
  world.simulator.interceptor = ({ method, path }) => {
    arrivals.push(`${method} ${path}`);
    return undefined;
  };
  return {
    broker: createCcxtBroker(connection, { beforeCreateLeaves: () => null }),
    arrivals,
    ...connection,
  };
}

describe('the weight of requests', () => {
  it('is counted as the exchange weighs them, and told with every answer', async () => {
    world = await startWorld();
    const used = async (path: string) =>
      Number((await fetch(world.simulator.restUrl + path)).headers.get('x-mbx-used-weight-1m'));
    const before = await used('/api/v3/ping');
    expect(await used('/api/v3/depth?symbol=BTCUSDT&limit=1000')).toBe(before + 50);
    expect(await used('/api/v3/ticker/24hr?symbol=BTCUSDT')).toBe(before + 52);
  });

  it('above the limit is 429 with the time to wait, and whoever continues is banned with the end of it', async () => {
    world = await startWorld({ limits: { weightPerMinute: 30, refusalsBeforeBan: 2, banMs: 90_000 } });
    const ask = () => fetch(`${world.simulator.restUrl}/api/v3/depth?symbol=BTCUSDT`);
    const answers = [];
    for (let i = 0; i < 10; i++) answers.push(await ask());
    // A minute that turns in the middle begins again, which moves the first refusal back.
    const statuses = answers.map(({ status }) => status);
    expect(statuses.slice(0, 6)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(statuses).toContain(429);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    const last = answers.at(-1)!;
    expect(last.status).toBe(418);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(80);
    const { code, msg } = (await last.json()) as { code: number; msg: string };
    expect(code).toBe(-1003);
    expect(Number(/banned until (\d+)/.exec(msg)![1]) - world.simulator.wallMs()).toBeGreaterThan(80_000);
  });

  it('of orders has a limit of its own', async () => {
    world = await startWorld({ limits: { ordersPer10s: 2 } });
    const { broker } = await brokerAndArrivals();
    const results = [];
    for (const clientOrderId of ['rb-box-1', 'rb-box-2', 'rb-box-3', 'rb-box-4']) {
      results.push(await broker.create({ ...ORDER, clientOrderId }, QUOTE));
    }
    expect(results.filter(({ kind }) => kind === 'report').length).toBeLessThan(4);
    expect(results.at(-1)).toMatchObject({ kind: 'not_placed', retryable: true });
  });
});

describe('a trader that was told to wait', () => {
  it('sends nothing more until the time is over but for a cancel, and then continues', async () => {
    world = await startWorld();
    const { broker, arrivals, api } = await brokerAndArrivals();
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-rest' });
    arrivals.length = 0;
    world.simulator.interceptor = ({ method, path }) => {
      arrivals.push(`${method} ${path}`);
      if (arrivals.length > 1) return undefined;
      return {
        kind: 'answer',
        status: 429,
        body: '{"code":-1003,"msg":"too much"}',
        headers: { 'retry-after': '1' },
      };
    };
    const told = await broker.create(ORDER, QUOTE);
    expect(told).toMatchObject({ kind: 'not_placed', retryable: true, retryAfterMs: 1000 });
    const held = await broker.create(ORDER, QUOTE);
    expect(held).toMatchObject({ kind: 'not_placed', retryable: true });
    await expect(broker.balances()).rejects.toThrow(/nothing is asked of it for another 1 s/);
    expect(arrivals).toEqual(['POST /api/v3/order']);
    await broker.cancel('rb-box-rest', SYMBOL);
    expect(arrivals).toEqual(['POST /api/v3/order', 'DELETE /api/v3/order']);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await broker.create(ORDER, QUOTE)).toMatchObject({ kind: 'report', report: { status: 'filled' } });
  });

  it('and is banned sends nothing at all, for as long as the ban says', async () => {
    world = await startWorld();
    const { broker, arrivals } = await brokerAndArrivals();
    expect(await control('/sim/ban', { seconds: 2 })).toEqual({ seconds: 2 });
    const told = await broker.create(ORDER, QUOTE);
    expect(told).toMatchObject({ kind: 'not_placed', retryable: true, retryAfterMs: 2000 });
    await expect(broker.cancel('rb-box-1', SYMBOL)).rejects.toThrow(/answered 418/);
    expect(arrivals).toEqual(['POST /api/v3/order']);
    while ((await broker.balances().catch(() => [])).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(world.simulator.ledger().accounts[0]!.orders).toEqual([]);
  });
});

describe('clocks that disagree', () => {
  it('are −1021 for what is signed, by the receive window, and surely not placed', async () => {
    world = await startWorld();
    const { broker, api, errors } = await brokerAndArrivals();
    await control('/sim/clock', { skewMs: 4000 });
    expect(await broker.create(ORDER, QUOTE)).toMatchObject({ kind: 'not_placed', retryable: true });
    await expect(api.fetchOpenOrders(SYMBOL)).rejects.toBeInstanceOf(errors.InvalidNonce);
    const wider = api.fetchMyTrades(SYMBOL, undefined, undefined, { recvWindow: 6000 });
    expect(await wider).toEqual([]);
    await control('/sim/clock', { skewMs: -1500 });
    await expect(api.fetchOpenOrders(SYMBOL)).rejects.toThrow(/ahead of the server/);
    expect((await api.fetchTime())! - world.simulator.wallMs()).toBeLessThan(-1000);
    await control('/sim/clock', { skewMs: 0 });
    expect(await api.fetchOpenOrders(SYMBOL)).toEqual([]);
  });
});

describe('maintenance', () => {
  it('is told by the system’s status; all else is 503 and leaves an order in doubt', async () => {
    world = await startWorld();
    const { broker, api } = await brokerAndArrivals();
    const { fetchStatus } = api as unknown as { fetchStatus(): Promise<{ status: string }> };
    expect(await fetchStatus.call(api)).toMatchObject({ status: 'ok' });
    await control('/sim/maintenance', { on: true });
    expect(await fetchStatus.call(api)).toMatchObject({ status: 'maintenance' });
    await expect(broker.balances()).rejects.toThrow(/no longer available/);
    expect(await broker.create(ORDER, QUOTE)).toMatchObject({ kind: 'ambiguous' });
    await control('/sim/maintenance', { on: false });
    expect(await broker.find(ORDER.clientOrderId, SYMBOL)).toBeUndefined();
  });
});

describe('deposits and withdrawals', () => {
  it('move the balance by amount and fee, are told at once, and listed by ccxt', async () => {
    world = await startWorld();
    const { broker, api } = await brokerAndArrivals();
    const sinceMs = world.simulator.wallMs() - 1000;
    const watcher = api as unknown as { watchBalance(): Promise<{ USDT: { free: string } }> };
    let seen: string | undefined;
    const watching = watcher.watchBalance().then(({ USDT }) => {
      seen = USDT.free;
    });
    await until(() => world.simulator.listeners(ACCOUNT.apiKey) > 0);
    await api.fetchTime();
    await control('/sim/transfer', { kind: 'deposit', asset: 'USDT', amount: '250.5' });
    await watching;
    // Before it knows the balance, ccxt takes what came for all that is there.
    expect(seen).toBe('250.5');
    await control('/sim/transfer', { kind: 'withdrawal', asset: 'BTC', amount: '0.5', fee: '0.0001' });
    expect(await broker.transfers(sinceMs)).toMatchObject([
      { kind: 'deposit', currency: 'USDT', amount: '250.5' },
      { kind: 'withdrawal', currency: 'BTC', amount: '-0.5001' },
    ]);
    const balances = await broker.balances();
    expect(balances.find(({ currency }) => currency === 'USDT')!.total).toBe('100250.5');
    expect(balances.find(({ currency }) => currency === 'BTC')!.total).toBe(decimal('1.4999').toFixed());
    await api.close();
  });

  it('are found a year later as well, though the exchange answers for ninety days at a time', async () => {
    world = await startWorld({ candles: walk(9000) });
    const { broker } = await brokerAndArrivals();
    const sinceMs = world.simulator.wallMs();
    for (let i = 0; i < 8000; i++) world.simulator.exchange.step();
    expect(world.simulator.wallMs() - sinceMs).toBeGreaterThan(300 * 24 * HOUR_MS);
    await control('/sim/transfer', { kind: 'deposit', asset: 'USDT', amount: '10' });
    expect(await broker.transfers(sinceMs)).toMatchObject([{ amount: '10' }]);
  });

  it.each([
    ['/sim/transfer', { kind: 'gift', asset: 'USDT', amount: '1' }],
    ['/sim/transfer', { kind: 'withdrawal', asset: 'BTC', amount: '3' }],
    ['/sim/transfer', { kind: 'deposit', asset: 'USDT', amount: 'much' }],
    ['/sim/clock', { skewMs: 'late' }],
    ['/sim/maintenance', {}],
    ['/sim/ban', { seconds: -1 }],
  ])('%s %j is refused and changes nothing', async (path, body) => {
    world = await startWorld();
    const before = world.simulator.ledger().accounts;
    expect(await control(path, body)).toMatchObject({ code: expect.any(Number) });
    expect(world.simulator.ledger().accounts).toEqual(before);
  });
});
