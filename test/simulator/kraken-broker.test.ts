// @module-tag sockets
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CcxtEmergencyCanceller,
  type ConnectedExchange,
  createCcxtBroker,
  createExchange,
  keyPermissions,
} from '../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import type { OrderRequest } from '../../src/core/order.js';
import type { Broker } from '../../src/ports/broker.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { KRAKEN_ACCOUNT as ACCOUNT, START_MS, startWorld, type World, walk } from './world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
let exchange: ConnectedExchange;
let broker: Broker;
let count: number;

async function start(options: Partial<SimulatorOptions> = {}) {
  const market = { symbol: SYMBOL, timeframe: '1h', candles: walk(200), priceTick: '0.1' };
  world = await startWorld({
    dialect: 'kraken',
    accounts: [ACCOUNT],
    markets: [{ ...market, amountStep: '0.00000001', amountMin: '0.00005' }],
    ...options,
  });
  exchange = await createExchange(world.config, world.clock, ACCOUNT, { device: 'box' });
  broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => null });
}
beforeEach(() => {
  count = 0;
});
afterEach(async () => {
  const { unknown } = world.simulator;
  await exchange.api.close().catch(() => undefined);
  await world.simulator.stop();
  // The box asks for nothing that the exchange does not know.
  expect(unknown).toEqual([]);
});

const orderOf = (given: Partial<OrderRequest>): OrderRequest =>
  ({
    clientOrderId: `rb-box-m1abcdef0xyz${String(count++).padStart(3, '0')}`,
    exchange: 'kraken',
    symbol: SYMBOL,
    side: 'buy',
    type: 'limit_ioc',
    amount: '0.01234567',
    limitPrice: '60000',
    reducing: false,
    ...given,
  }) as OrderRequest;
/** As the order gate calls it. */
const place = (order: OrderRequest, by = broker) => by.create(order, {} as never);

describe('a broker at Kraken’s stand-in', () => {
  it('buys and sells, and knows each order with fill and fee, from its answer, a look-up and the history', async () => {
    await start();
    const buy = orderOf({});
    const bought = await place(buy);
    expect(bought).toMatchObject({
      kind: 'report',
      report: { clientOrderId: buy.clientOrderId, status: 'filled', filled: '0.01234567' },
    });
    const sell = orderOf({ side: 'sell', limitPrice: '20000' });
    expect(await place(sell)).toMatchObject({ kind: 'report', report: { status: 'filled' } });
    const found = await broker.find(buy.clientOrderId, SYMBOL);
    expect(found).toMatchObject({ status: 'filled', fills: [{ amount: '0.01234567', feeCurrency: 'USDT' }] });
    const history = await broker.history([SYMBOL], START_MS);
    expect(history.map(({ clientOrderId, fills }) => [clientOrderId, fills.length]).sort()).toEqual([
      [buy.clientOrderId, 1],
      [sell.clientOrderId, 1],
    ]);
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
  });

  it('is told of an order that found nothing as canceled, with nothing filled', async () => {
    await start();
    expect(await place(orderOf({ limitPrice: '1000' }))).toMatchObject({
      kind: 'report',
      report: { filled: '0', fills: [] },
    });
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
  });

  it('finds nothing where nothing was placed', async () => {
    await start();
    expect(await broker.find('rb-box-m1abcdef0xyz999', SYMBOL)).toBe(undefined);
    await broker.cancel('rb-box-m1abcdef0xyz999', SYMBOL);
  });

  it('places a stop, lists it as one, and cancels it', async () => {
    await start();
    await place(orderOf({}));
    const stop = orderOf({
      side: 'sell',
      type: 'stop',
      limitPrice: undefined,
      triggerPrice: '30000',
      reducing: true,
    } as unknown as Partial<OrderRequest>);
    expect(broker.takesStops!(SYMBOL)).toBe(true);
    expect(await place(stop)).toMatchObject({
      kind: 'report',
      report: { status: 'accepted', protective: true },
    });
    expect(await broker.openOrders([SYMBOL])).toMatchObject([
      { clientOrderId: stop.clientOrderId, protective: true, triggerPrice: '30000' },
    ]);
    await broker.cancel(stop.clientOrderId, SYMBOL);
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
  });

  it('says what the key may do', async () => {
    await start();
    expect(await keyPermissions(exchange)).toMatchObject({ trading: true, withdrawals: false });
  });

  it('has a guard that cancels what is ours, keeps the stop, and leaves a stranger’s order alone', async () => {
    await start();
    await place(orderOf({}));
    await place(
      orderOf({
        side: 'sell',
        type: 'stop',
        limitPrice: undefined,
        triggerPrice: '30000',
      } as unknown as Partial<OrderRequest>),
    );
    const { api, ids } = exchange;
    const resting = { clientOrderId: ids.toWire('rb-box-m1abcdef0xyz777') };
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', resting);
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'somebody' });
    const canceller = new CcxtEmergencyCanceller({
      exchange: await createExchange(world.config, world.clock, ACCOUNT, { device: 'box' }),
      symbols: [SYMBOL],
      device: 'box',
      scope: 'ours',
      clock: createSystemClock(),
      onNotLoaded: () => {},
    });
    const startedMs = performance.now();
    const outcome = await canceller.cancelAll({} as never, new AbortController().signal);
    const tookMs = performance.now() - startedMs;
    expect(outcome).toMatchObject({ confirmed: true, openOrders: 0 });
    expect(outcome.detail).toContain('protective stops kept');
    expect(outcome.detail).toMatch(/still held: \S+ BTC/);
    console.log(`guard at Kraken’s stand-in: confirmed after ${Math.round(tookMs)} ms (12000)`);
    expect(tookMs).toBeLessThan(12_000);
    const left = await broker.openOrders([SYMBOL]);
    expect(left.map(({ clientOrderId }) => clientOrderId).sort()).toEqual([
      'rb-box-m1abcdef0xyz001',
      'somebody',
    ]);
  }, 30_000);
});
