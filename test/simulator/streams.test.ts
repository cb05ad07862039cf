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
