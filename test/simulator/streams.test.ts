// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { until } from './bar-collector.js';
import { startWorld, type World } from './world.js';

let world: World;
afterEach(() => world.simulator.stop());

/** The streaming book as ccxt hands it out; beyond the adapter's own narrow interface. */
interface BookWatcher {
  watchOrderBook(symbol: string): Promise<{ bids: number[][]; asks: number[][] }>;
  close(): Promise<void>;
}

describe('the diff stream of the book', () => {
  it('removes every level of a book that was asked for before anybody listened', async () => {
    world = await startWorld();
    for (let i = 0; i < 3; i++) await world.simulator.step();
    const bids = async () => {
      const answer = await fetch(`${world.simulator.restUrl}/api/v3/depth?symbol=BTCUSDT`);
      return ((await answer.json()) as { bids: [string, string][] }).bids.map(([price]) => price);
    };
    const before = await bids();
    const socket = new WebSocket(`${world.simulator.restUrl.replace('http', 'ws')}/ws/btcusdt@depth`);
    const event = new Promise<{ b: [string, string][] }>((resolve) => {
      socket.addEventListener('message', ({ data }) => resolve(JSON.parse(String(data))));
    });
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    await world.simulator.step();
    const gone = (await event).b.filter(([, size]) => Number(size) === 0).map(([price]) => price);
    const after = await bids();
    expect(gone.sort()).toEqual(before.filter((price) => !after.includes(price)).sort());
    expect(gone).not.toEqual([]);
    socket.close();
  });

  it('keeps the book of ccxt equal to the one that REST tells, step after step', async () => {
    world = await startWorld();
    const { api } = await world.connect();
    await api.loadMarkets();
    const watcher = api as unknown as BookWatcher;
    let seen: { bids: number[][]; asks: number[][] } | undefined;
    let updates = 0;
    let failure: unknown;
    let running = true;
    const watching = (async () => {
      while (running) {
        seen = await watcher.watchOrderBook('BTC/USDT');
        updates++;
      }
    })().catch((error: unknown) => {
      failure = error;
    });
    // ccxt asks for its snapshot at the first event, so the stream has to move before there is a book.
    while (updates === 0 && failure === undefined && !world.simulator.done) {
      await world.simulator.step();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (let i = 0; i < 10; i++) {
      const before = updates;
      await world.simulator.step();
      await until(() => updates > before || failure !== undefined);
      const told = await api.fetchOrderBook('BTC/USDT', 10);
      const figures = (side: readonly (readonly (string | number)[])[]) => side.map((row) => row.map(Number));
      expect(figures(seen!.bids)).toEqual(figures(told.bids));
      expect(figures(seen!.asks)).toEqual(figures(told.asks));
    }
    running = false;
    await watcher.close();
    await watching;
    expect(String(failure)).toContain('closedByUser');
  });
});

describe('streams by name', () => {
  const messagesOf = async (path: string, send?: object) => {
    const socket = new WebSocket(world.simulator.restUrl.replace('http', 'ws') + path);
    const messages: Record<string, unknown>[] = [];
    let closed: string | undefined;
    socket.on('message', (data) => messages.push(JSON.parse(String(data))));
    socket.on('close', (_, reason) => {
      closed = String(reason);
    });
    await new Promise((resolve) => socket.once('open', resolve));
    if (send) socket.send(JSON.stringify(send));
    await until(() => messages.length > 0 || closed !== undefined);
    socket.terminate();
    return { messages, closed };
  };

  it('come where the address names them', async () => {
    world = await startWorld();
    const { messages } = await messagesOf('/ws/btcusdt@kline_1h');
    expect(messages[0]).toMatchObject({ e: 'kline', s: 'BTCUSDT' });
  });

  it('come wrapped at /stream, named in the address or by SUBSCRIBE', async () => {
    world = await startWorld();
    const wrapped = { stream: 'btcusdt@bookTicker', data: { s: 'BTCUSDT' } };
    const { messages } = await messagesOf('/stream?streams=btcusdt@bookTicker');
    expect(messages[0]).toMatchObject(wrapped);
    const socket = new WebSocket(`${world.simulator.restUrl.replace('http', 'ws')}/stream`);
    await new Promise((resolve) => socket.once('open', resolve));
    const told: object[] = [];
    socket.on('message', (data) => told.push(JSON.parse(String(data))));
    socket.send(JSON.stringify({ id: 1, method: 'SUBSCRIBE', params: ['btcusdt@bookTicker'] }));
    await until(() => told.length === 2);
    expect(told).toMatchObject([{ id: 1, result: null }, wrapped]);
    socket.terminate();
  });

  it.each([
    ['/ws/btcusdt@trade', undefined],
    ['/ws', { id: 7, method: 'SUBSCRIBE', params: ['btcusdt@kline_1h', 'btcusdt@trade'] }],
  ])('are refused by name where they are not simulated: %s', async (path, send) => {
    world = await startWorld();
    const { messages, closed } = await messagesOf(path, send);
    expect(closed ?? JSON.stringify(messages)).toContain('btcusdt@trade is not simulated');
  });
});

describe('what bots ask for besides', () => {
  it('is answered: an order that is only tested, and lists of what is not there', async () => {
    world = await startWorld();
    const { api } = await world.connect();
    await api.loadMarkets();
    const test = { test: true };
    await api.createOrder('BTC/USDT', 'market', 'buy', '0.01', undefined, test);
    expect(world.simulator.ledger().accounts[0]!.orders).toEqual([]);
    await expect(api.createOrder('BTC/USDT', 'market', 'buy', '0.00001', undefined, test)).rejects.toThrow(
      /NOTIONAL/,
    );
    const unknown = await fetch(`${world.simulator.restUrl}/api/v3/exchangeInfo?symbol=NOPE`);
    expect(await unknown.json()).toMatchObject({ code: -1121 });
    expect(world.simulator.unknown).toEqual([]);
  });
});

describe('hostile clients', () => {
  it.each(['no json', '{}', '{"id":1,"method":"SUBSCRIBE","params":[1]}', '[]', 'null'])(
    'get an answer to %j and do no harm',
    async (text) => {
      world = await startWorld();
      const socket = new WebSocket(`${world.simulator.wsUrl}/ws`);
      await new Promise((resolve) => socket.once('open', resolve));
      const answer = new Promise<string>((resolve) =>
        socket.once('message', (data) => resolve(String(data))),
      );
      socket.send(text);
      expect(JSON.parse(await answer)).toMatchObject({ error: { code: 2 } });
      socket.terminate();
      expect(await world.simulator.step()).toMatchObject({ closed: 1 });
    },
  );

  it('are cut off when they ask for more than a thousand streams', async () => {
    world = await startWorld();
    const socket = new WebSocket(`${world.simulator.wsUrl}/ws`);
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    const params = Array.from({ length: 1025 }, (_, i) => `s${i}@kline_1h`);
    socket.send(JSON.stringify({ id: 1, method: 'SUBSCRIBE', params }));
    expect(await closed).toBe(1008);
  });
});
