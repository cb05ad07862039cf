// @module-tag sockets

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectedExchange } from '../../../src/adapters/ccxt/exchange.js';
import { createCcxtFeed } from '../../../src/adapters/ccxt/index.js';
import { createOrderStream } from '../../../src/adapters/ccxt/order-stream.js';
import { startWorld, type World } from '../../simulator/world.js';

let world: World;
afterEach(() => world.simulator.stop());

/** Sockets that ccxt holds; one that stays keeps the process of a trader that has ended. */
const held = (connections: readonly ConnectedExchange[]) =>
  connections.flatMap(({ api }) => Object.keys(api.clients));

describe('a stream that is ended while its line is made', () => {
  it('leaves no socket behind: orders', async () => {
    world = await startWorld();
    const made: ConnectedExchange[] = [];
    for (let ms = 0; ms < 30; ms++) {
      const stream = await createOrderStream(await world.connect(), async () => {
        made.push(await world.connect());
        return made.at(-1)!;
      });
      const ending = new AbortController();
      const ended = stream!(() => {}, ending.signal);
      await delay(ms);
      ending.abort();
      await ended;
    }
    await delay(500);
    expect(held(made)).toEqual([]);
  }, 60_000);

  it('leaves no socket behind: bars; and the next stream of the connection has its line', async () => {
    world = await startWorld();
    const made: ConnectedExchange[] = [];
    for (let ms = 0; ms < 30; ms++) {
      made.push(await world.connect());
      const ending = new AbortController();
      const ended = createCcxtFeed(made.at(-1)!).stream(
        'BTC/USDT',
        '1h',
        () => {},
        () => {},
        ending.signal,
      );
      await delay(ms);
      ending.abort();
      await ended;
    }
    await delay(500);
    expect(held(made)).toEqual([]);
    const ending = new AbortController();
    const ended = createCcxtFeed(made[0]!).stream(
      'BTC/USDT',
      '1h',
      () => {},
      () => {},
      ending.signal,
    );
    await expect.poll(() => world.simulator.subscribers('BTC/USDT'), { timeout: 5_000 }).toBe(1);
    ending.abort();
    await ended;
  }, 60_000);
});
