// @module-tag sockets

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import { startWorld, type World } from '../simulator/world.js';
import { type LiveOrdersOptions, liveOrders } from '../support/live-orders.js';
import { KEY } from '../support/tiny-stream.js';

const SYMBOL = KEY.symbol;
let world: World;
afterEach(() => world.simulator.stop());

async function given(options: LiveOrdersOptions = {}) {
  const made = await liveOrders(options);
  world = made.world;
  return made;
}

const heldOf = (units: { toFixed(): string }) => decimal(units.toFixed());

describe('a live position', () => {
  it('has a stop of its size at the exchange as soon as it is there, written down before it was sent', async () => {
    const { send, resting, stream, events } = await given();
    await send('buy', 0.5);
    const trigger = Math.round(stream.book.averageEntry * 95) / 100;
    // The fee is taken in BTC.
    expect(stream.book.units.toFixed()).toBe('0.4995');
    expect(resting()).toEqual([
      { type: 'STOP_LOSS', side: 'sell', amount: '0.4995', trigger: String(trigger) },
    ]);
    const stop = events().filter(({ order }) => order.type === 'stop');
    expect(stop.map(({ status }) => status)).toEqual(['intended', 'accepted']);
    expect(stop[0]!.order.clientOrderId).toMatch(/^rb-box-/);
    expect(stop[0]!.order.triggerPrice).toBe(String(trigger));
  });

  it('has it replaced when it grows, and taken away before it is closed', async () => {
    const { send, resting, engine, stream } = await given();
    await send('buy', 0.5);
    await send('buy', 0.5);
    expect(resting()).toMatchObject([{ amount: '0.999' }]);
    expect((await send('sell', 0.999)).status).toBe('filled');
    expect(resting()).toEqual([]);
    expect(stream.book.units.toFixed()).toBe('0');
    expect(engine.ledger.holding('BTC').locked.toFixed()).toBe('0');
  });

  it('keeps it until the decision to close is written down, and where that could not be', async () => {
    const { send, resting, stream } = await given();
    await send('buy', 0.5);
    const lost = send('sell', 0.4995, Promise.reject(new Error('the disk is gone')));
    await expect(lost).rejects.toThrow('the disk is gone');
    let written!: () => void;
    const decided = new Promise<void>((resolve) => {
      written = resolve;
    });
    const sold = send('sell', 0.4995, decided);
    await sleep(50);
    expect(resting()).toMatchObject([{ amount: '0.4995' }]);
    written();
    expect(await sold).toMatchObject({ status: 'filled' });
    expect(stream.book.units.toFixed()).toBe('0');
    expect(resting()).toEqual([]);
  });

  it('has a smaller one after a part was sold', async () => {
    const { send, resting } = await given();
    await send('buy', 0.5);
    expect((await send('sell', 0.2)).status).toBe('filled');
    expect(resting()).toMatchObject([{ amount: '0.2995' }]);
  });

  it('is gone by its stop, whose fill is found by the next comparison', async () => {
    const { send, resting, bar, stream, reconcile, outcomes, close } = await given();
    await send('buy', 0.5);
    outcomes.length = 0;
    bar(close() * 0.9);
    expect(await reconcile('binance')).toMatchObject({ kind: 'agreed' });
    expect(stream.book.units.toFixed()).toBe('0');
    expect(outcomes).toMatchObject([
      { order: { type: 'stop' }, status: 'filled', fills: [{ side: 'sell' }] },
    ]);
    expect(resting()).toEqual([]);
  });

  it('is not sold twice when its stop was executed before it could be cancelled', async () => {
    const { send, bar, stream, engine, close } = await given();
    await send('buy', 0.5);
    bar(close() * 0.9);
    const outcome = await send('sell', 0.4995);
    expect(outcome).toMatchObject({ status: 'denied', reason: 'exchange_filter', order: { amount: '0' } });
    expect(stream.book.units.toFixed()).toBe('0');
    expect(engine.ledger.trades.filter(({ side }) => side === 'sell')).toHaveLength(1);
  });

  it('is not sold beside a stop that could not be cancelled', async () => {
    const { send, resting, events } = await given({
      broker: { cancel: () => Promise.reject(new Error('busy')) },
    });
    await send('buy', 0.5);
    expect(await send('sell', 0.4995)).toMatchObject({ status: 'denied', reason: 'stop_rests' });
    expect(resting()).toMatchObject([{ amount: '0.4995' }]);
    expect(events().filter(({ order }) => order.type === 'stop' && order.amount === '0')).toEqual([]);
  });

  it('gets its stop back when somebody cancelled it at the exchange', async () => {
    const { send, resting, engine, reconcile } = await given();
    await send('buy', 0.5);
    engine.cancel(engine.resting[0]!, 1);
    await reconcile('binance');
    expect(resting()).toMatchObject([{ amount: '0.4995' }]);
  });

  it('sells no more than the account was last seen to hold', async () => {
    const { send, engine, stream, reconcile, flatten } = await given({ percent: 0 });
    await send('buy', 0.5);
    // Somebody withdrew a part of it.
    engine.ledger.credit('BTC', decimal('-0.2'));
    await reconcile('binance');
    expect(await flatten('binance')).toEqual(['0.2 BTC/USDT (the account does not hold it)']);
    expect(engine.ledger.holding('BTC').free.toFixed()).toBe('0');
    expect(stream.book.units.toFixed()).toBe('0.2');
  });

  it('is closed when the price has been at the trigger while nothing rested', async () => {
    const { send, engine, stream, reconcile, unprotected } = await given();
    await send('buy', 0.5);
    engine.cancel(engine.resting[0]!, 1);
    stream.book.markPrice = stream.book.averageEntry * 0.9;
    // The quote is far from that close, which holds up no order that closes.
    await reconcile('binance');
    expect(stream.book.units.toFixed()).toBe('0');
    expect(engine.resting).toEqual([]);
    expect(unprotected('binance')).toEqual([]);
  });

  it('is told to be without where ccxt cannot place and follow one', async () => {
    const { send, resting, unprotected } = await given({ broker: { takesStops: () => false } });
    await send('buy', 0.5);
    expect(resting()).toEqual([]);
    expect(unprotected('binance')).toEqual([
      { symbol: SYMBOL, detail: '0.4995 held at binance: ccxt cannot place and follow one at this exchange' },
    ]);
  });

  it('has none where none is wanted, and loses the one of an earlier configuration', async () => {
    const none = await given({ percent: 0 });
    await none.send('buy', 0.5);
    expect(none.resting()).toEqual([]);
    await world.simulator.stop();
    const options = { percent: 5 };
    const { send, nextLife, resting } = await given(options);
    await send('buy', 0.5);
    options.percent = 0;
    const next = await nextLife();
    await next.reconcile('binance');
    expect(resting()).toEqual([]);
  });
});

describe('a restart', () => {
  it('continues with the stop that rests, and places none beside it', async () => {
    const { send, nextLife, resting, engine } = await given();
    await send('buy', 0.5);
    const next = await nextLife();
    expect(await next.reconcile('binance')).toMatchObject({ kind: 'agreed' });
    expect(resting()).toHaveLength(1);
    expect(engine.orders.filter(({ trigger }) => trigger)).toHaveLength(1);
    expect(next.execution.restingStops('binance')).toHaveLength(1);
  });

  it('places one that is missing only once exchange and store agree, and the box may trade', async () => {
    const { send, nextLife, resting, engine, box } = await given();
    await send('buy', 0.5);
    engine.cancel(engine.resting[0]!, 1);
    const next = await nextLife();
    expect(resting()).toEqual([]);
    box.state = 'HALTED';
    await next.reconcile('binance');
    expect(resting()).toEqual([]);
    box.state = 'REDUCING';
    await next.reconcile('binance');
    expect(resting()).toMatchObject([{ amount: '0.4995' }]);
  });

  it('cancels a stop of ours without a position, also one that the store has lost, and no other', async () => {
    const { nextLife, resting, broker } = await given({ btc: '1' });
    const { api } = await world.connect();
    for (const clientOrderId of ['rb-box-lost', 'mine']) {
      await api.createOrder(SYMBOL, 'market', 'sell', '0.4', undefined, {
        clientOrderId,
        stopLossPrice: '30000',
      });
    }
    expect(await broker.openOrders([SYMBOL])).toMatchObject([
      { protective: true, triggerPrice: '30000' },
      { clientOrderId: 'mine' },
    ]);
    const next = await nextLife();
    expect(resting()).toHaveLength(2);
    expect(await next.reconcile('binance')).toMatchObject({ kind: 'agreed' });
    expect(await broker.openOrders([SYMBOL])).toMatchObject([{ clientOrderId: 'mine' }]);
    expect(resting()).toHaveLength(1);
    expect(next.execution.restingStops('binance')).toEqual([]);
  });
});

describe('a halt', () => {
  it('keeps the stop and names it beside what is held', async () => {
    const { send, duties, resting, box } = await given();
    await send('buy', 0.5);
    const { trigger } = resting()[0]!;
    box.state = 'HALTED';
    const outcome = await duties.cancelAll({ epoch: 1, flatten: false, cause: 'button' });
    expect(outcome).toMatchObject({ confirmed: true, openOrders: 0 });
    expect(outcome.detail).toContain('still held: 0.4995 BTC');
    expect(outcome.detail).toContain(`protective stops kept: sell 0.4995 BTC/USDT at ${trigger}`);
    expect(resting()).toHaveLength(1);
  });

  it('that resets a stop on its way looks it up, and reports the position where it does not rest', async () => {
    for (const rests of [false, true]) {
      const { send, resting, box, resolveUnknown, reconcile, unprotected, execution } = await given();
      world.simulator.interceptor = ({ method, path, params }) => {
        if (method !== 'POST' || path !== '/api/v3/order' || !params.has('stopPrice')) return undefined;
        box.state = 'HALTED';
        return { kind: rests ? 'drop_answer' : 'drop' };
      };
      await send('buy', 0.5);
      expect(execution.unresolvedCount).toBe(1);
      expect(unprotected('binance')).toEqual([]);
      // It may arrive until its recvWindow is over: before that its absence proves nothing.
      while (execution.unresolvedCount > 0) {
        await sleep(250);
        await resolveUnknown();
      }
      expect(await reconcile('binance')).toMatchObject({ kind: 'agreed' });
      expect(resting()).toHaveLength(rests ? 1 : 0);
      expect(unprotected('binance')).toEqual(
        rests
          ? []
          : [{ symbol: SYMBOL, detail: expect.stringContaining('the box is halted and places none') }],
      );
      world.simulator.interceptor = undefined;
      box.state = 'REDUCING';
      await reconcile('binance');
      expect(resting()).toHaveLength(1);
      expect(unprotected('binance')).toEqual([]);
      await world.simulator.stop();
    }
    world = await startWorld();
  }, 30_000);

  it('takes no stop away for an order that could not leave', async () => {
    const { send, resting, box } = await given();
    await send('buy', 0.5);
    box.permit = false;
    expect(await send('sell', 0.4995)).toMatchObject({ status: 'denied', reason: 'no_permit' });
    expect(resting()).toHaveLength(1);
  });

  it('replaces nothing: a stop that is too small is better than none', async () => {
    const { send, resting, box, reconcile, stream } = await given();
    await send('buy', 0.5);
    stream.book.markPrice *= 1.001;
    const [before] = resting();
    box.state = 'HALTED';
    // A fill that comes late makes the position larger than its stop.
    const { api } = await world.connect();
    await api.createOrder(SYMBOL, 'market', 'buy', '0.1', undefined, { clientOrderId: 'rb-box-late' });
    expect(await reconcile('binance')).toMatchObject({ kind: 'agreed' });
    expect(heldOf(stream.book.units).gt('0.59')).toBe(true);
    expect(resting()).toEqual([before]);
    box.state = 'ACTIVE';
    await reconcile('binance');
    expect(resting()).toMatchObject([{ amount: '0.5994' }]);
  });

  it('that flattens cancels the stop and sells', async () => {
    const { send, duties, resting, box, stream } = await given();
    await send('buy', 0.5);
    box.state = 'FLATTENING';
    const order = { epoch: 1, flatten: true, cause: 'button' };
    // The first pass found the stop open; the second one confirms.
    await duties.cancelAll(order);
    expect(await duties.cancelAll(order)).toMatchObject({ confirmed: true });
    expect(resting()).toEqual([]);
    expect(stream.book.units.toFixed()).toBe('0');
  });
});
