// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtBroker } from '../../../src/adapters/ccxt/index.js';
import { decimal } from '../../../src/core/money.js';
import { startWorld, type World } from '../../simulator/world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
afterEach(() => world.simulator.stop());

async function account() {
  world = await startWorld();
  const broker = createCcxtBroker(await world.connect(), { beforeCreateLeaves: () => null });
  const { exchange } = world.simulator;
  const instrument = exchange.replay.instruments[0]!;
  const { engine } = [...exchange.accounts.values()][0]!;
  const request = (clientOrderId: string, amount: string) =>
    ({ clientOrderId, side: 'buy', type: 'MARKET', timeInForce: 'GTC', amount: decimal(amount) }) as const;
  return { broker, exchange, instrument, engine, request };
}

describe('the history of an account', () => {
  it('lists every order with all of its fills', async () => {
    const { broker, exchange, instrument, engine, request } = await account();
    const sinceMs = exchange.clock.wallMs();
    engine.place(request('rb-box-1', '0.01'), instrument, exchange.book(instrument), exchange.clock.wallMs());
    engine.place(request('rb-box-2', '0.02'), instrument, exchange.book(instrument), exchange.clock.wallMs());
    const listed = await broker.history([SYMBOL], sinceMs);
    expect(
      listed.map(({ clientOrderId, status, filled, fills }) => [clientOrderId, status, filled, fills.length]),
    ).toEqual([
      ['rb-box-1', 'filled', '0.01', 1],
      ['rb-box-2', 'filled', '0.02', 1],
    ]);
    expect(listed[0]!.fills[0]).toEqual((await broker.find('rb-box-1', SYMBOL))!.fills[0]);
  });

  it('given an execution after the end of an older order, when asked since then, then the order is listed with it', async () => {
    const { broker, exchange, instrument, engine, request } = await account();
    const order = engine.accept(request('rb-box-1', '0.03'), instrument, exchange.clock.wallMs());
    engine.execute(order, exchange.book(instrument), decimal('0.01'), exchange.clock.wallMs());
    engine.end(order, 'CANCELED', exchange.clock.wallMs());
    exchange.step();
    const sinceMs = exchange.clock.wallMs();
    expect(await broker.history([SYMBOL], sinceMs)).toEqual([]);
    engine.execute(order, exchange.book(instrument), decimal('0.02'), exchange.clock.wallMs());
    const [listed, ...rest] = await broker.history([SYMBOL], sinceMs);
    expect(rest).toEqual([]);
    expect(listed).toMatchObject({ clientOrderId: 'rb-box-1', status: 'canceled', filled: '0.03' });
    expect(listed!.fills.map(({ amount }) => amount)).toEqual(['0.01', '0.02']);
  });
});
