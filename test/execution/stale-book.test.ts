// @module-tag sockets

import { afterEach, expect, it } from 'vitest';
import { liveOrders } from '../support/live-orders.js';
import { HOUR_MS } from '../support/tiny-stream.js';

const COLLAR = 0.002;
let live: Awaited<ReturnType<typeof liveOrders>>;
afterEach(() => live.world.simulator.stop());

/** Holds 1 BTC, and sells most of it on a book that is so old and stands so far from the close. */
async function exitOn(ageMs: number, factor: number) {
  live = await liveOrders({ execution: { orderType: 'limit_ioc', limitCollarFraction: COLLAR } });
  const { send, box, close, world } = live;
  await send('buy', 1);
  const price = close() * factor;
  box.quote = () => ({ bid: price, ask: price, atMs: world.clock.wallMs() - ageMs, source: 'book' });
  const { order, status } = await send('sell', 0.9);
  return { limit: Number(order.limitPrice) / close(), status };
}

it.each([0.98, 1.02, 3, 0.3])(
  'a book of three hours ago prices no exit: the last close does (the book at %s of it)',
  async (factor) => {
    const { limit, status } = await exitOn(3 * HOUR_MS, factor);
    expect(limit).toBeLessThanOrEqual(1);
    expect(limit).toBeGreaterThanOrEqual(1 - COLLAR);
    expect(status).toBe('filled');
  },
);

it('a book that is as new as the last close prices the exit', async () => {
  const { limit } = await exitOn(0, 0.98);
  expect(limit).toBeLessThan(0.981);
});
