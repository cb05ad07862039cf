// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { CcxtOrder, CcxtTrade } from '../../src/adapters/ccxt/ccxt-module.js';
import type { ConnectedExchange } from '../../src/adapters/ccxt/index.js';
import { until } from './bar-collector.js';
import { ACCOUNT, startWorld, type World } from './world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
let connections: ConnectedExchange[] = [];
afterEach(async () => {
  for (const { api } of connections) await api.close();
  connections = [];
  await world.simulator.stop();
});

/** What ccxt's own streaming class hands out beyond the adapters' narrow interface. */
interface Watcher {
  watchOrders(symbol?: string): Promise<readonly CcxtOrder[]>;
  watchMyTrades(symbol?: string): Promise<readonly CcxtTrade[]>;
  watchBalance(): Promise<Record<string, { free?: string; used?: string; total?: string }>>;
}

async function connect(credentials?: { apiKey: string; secret: string }) {
  const connection = await world.connect(credentials);
  connections.push(connection);
  return { api: connection.api, watcher: connection.api as unknown as Watcher };
}

/** Follows a watch method until it fails; all that it handed out. */
function follow<T>(next: () => Promise<readonly T[]>): { readonly seen: T[]; failure: () => unknown } {
  const seen: T[] = [];
  let failure: unknown;
  void (async () => {
    // ccxt hands out the objects of its cache, which it changes later.
    for (;;) seen.push(...(structuredClone(await next()) as T[]));
  })().catch((error: unknown) => {
    failure = error;
  });
  return { seen, failure: () => failure };
}

/** ccxt waits for events only once it has read that it is subscribed: what comes before that wakes nobody. */
async function listening(): Promise<void> {
  await until(() => world.simulator.listeners(ACCOUNT.apiKey) > 0);
  await connections[0]!.api.fetchTime();
}

describe('the user data stream, as ccxt.pro subscribes to it', () => {
  it('tells watchOrders and watchMyTrades of a market order and its executions, as REST lists them', async () => {
    world = await startWorld({ book: { topSize: '0.5', levels: 4 } });
    const { api, watcher } = await connect();
    const orders = follow(() => watcher.watchOrders());
    const trades = follow(() => watcher.watchMyTrades());
    await listening();
    const placed = await api.createOrder(SYMBOL, 'market', 'buy', '0.7', undefined, {
      clientOrderId: 'rb-box-1',
    });
    await until(() => trades.seen.length >= 2 && orders.seen.some(({ status }) => status === 'closed'));
    expect(orders.seen.at(-1)).toMatchObject({
      id: placed.id,
      clientOrderId: 'rb-box-1',
      symbol: SYMBOL,
      side: 'buy',
      status: 'closed',
      filled: '0.7',
    });
    const listed = await api.fetchMyTrades(SYMBOL);
    const figures = ({ id, order, price, amount, fee }: CcxtTrade) => ({ id, order, price, amount, fee });
    expect(trades.seen.map(figures)).toEqual(listed.map(figures));
  });

  it('tells watchOrders of a resting order that is cancelled, by its own client order id', async () => {
    world = await startWorld();
    const { api, watcher } = await connect();
    const orders = follow(() => watcher.watchOrders(SYMBOL));
    await listening();
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-1' });
    await until(() => orders.seen.length === 1);
    await api.cancelOrder('', SYMBOL, { clientOrderId: 'rb-box-1' });
    await until(() => orders.seen.length === 2);
    expect(orders.seen).toMatchObject([
      { clientOrderId: 'rb-box-1', status: 'open', filled: '0' },
      { clientOrderId: 'rb-box-1', status: 'canceled', filled: '0' },
    ]);
  });

  it('tells watchOrders of a resting order that a later bar fills', async () => {
    world = await startWorld();
    const { api, watcher } = await connect();
    const { low } = world.simulator.exchange.replay.instruments[0]!.candles;
    const price = (Math.min(...low.slice(100, 130)) + 0.5).toFixed(2);
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', price, { clientOrderId: 'rb-box-1' });
    const orders = follow(() => watcher.watchOrders());
    await listening();
    for (let i = 0; i < 30; i++) await world.simulator.step();
    await until(() => orders.seen.length > 0);
    expect(orders.seen).toMatchObject([{ clientOrderId: 'rb-box-1', status: 'closed', filled: '0.01' }]);
  });

  it('tells watchBalance what the account holds after each change, as REST does', async () => {
    world = await startWorld();
    const { api, watcher } = await connect();
    let balance: Awaited<ReturnType<Watcher['watchBalance']>> | undefined;
    const watching = watcher.watchBalance().then((seen) => {
      balance = seen;
    });
    await listening();
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-1' });
    await watching;
    const listed = (await api.fetchBalance()) as typeof balance;
    expect(balance!.USDT).toEqual(listed!.USDT);
    expect(listed!.USDT).toMatchObject({ free: '99700', used: '300' });
  });

  it('is refused to a wrong secret, an unknown key and a stale signature, and tells them nothing', async () => {
    world = await startWorld();
    const { watcher } = await connect({ apiKey: ACCOUNT.apiKey, secret: 'wrong' });
    await expect(watcher.watchOrders()).rejects.toThrow(/-1022/);
    const unknown = await connect({ apiKey: 'nobody', secret: ACCOUNT.secret });
    await expect(unknown.watcher.watchOrders()).rejects.toThrow(/-2015/);
    const late = await connect();
    world.simulator.exchange.skewMs = 2500;
    await expect(late.watcher.watchOrders()).rejects.toThrow(/-1021/);
    expect(world.simulator.listeners(ACCOUNT.apiKey)).toBe(0);
  });

  it('ends for watchOrders when the line breaks, and can be followed again', async () => {
    world = await startWorld();
    const { api, watcher } = await connect();
    const first = follow(() => watcher.watchOrders());
    await listening();
    world.simulator.dropStreams();
    await until(() => first.failure() !== undefined);
    const again = follow(() => watcher.watchOrders());
    await listening();
    await api.createOrder(SYMBOL, 'market', 'sell', '0.01', undefined, { clientOrderId: 'rb-box-2' });
    await until(() => again.seen.some(({ status }) => status === 'closed'));
  });

  it.each(['no json', '[]', '{"id":1}', '{"id":1,"method":"order.place","params":{}}'])(
    'answers %j with an error and does no harm',
    async (text) => {
      world = await startWorld();
      const socket = new WebSocket(`${world.simulator.wsUrl}/ws-api/v3`);
      await new Promise((resolve) => socket.once('open', resolve));
      const answer = new Promise<string>((resolve) =>
        socket.once('message', (data) => resolve(String(data))),
      );
      socket.send(text);
      expect(JSON.parse(await answer)).toMatchObject({ status: 400, error: { code: -1000 } });
      socket.terminate();
      expect(await world.simulator.step()).toMatchObject({ closed: 1 });
    },
  );
});
