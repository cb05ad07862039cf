// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import {
  type BeforeCreateLeaves,
  createCcxtBroker,
  createCcxtFeed,
} from '../../../src/adapters/ccxt/index.js';
import { decimal } from '../../../src/core/money.js';
import type { OrderRequest, Quote } from '../../../src/core/order.js';
import { createBrokers } from '../../../src/execution/brokers.js';
import { OrderGate } from '../../../src/execution/order-gate.js';
import type { PermitReading } from '../../../src/ports/guard.js';
import type { Interception } from '../../../src/simulator/index.js';
import { ACCOUNT, START_MS, startWorld, type World } from '../../simulator/world.js';
import { CONFIG, SPOT } from '../../support/tiny-stream.js';

const SYMBOL = 'BTC/USDT';
const QUOTE: Quote = { bid: 1, ask: 1, atMs: 0, source: 'book' };
let world: World;
afterEach(() => world.simulator.stop());

async function brokerOf(
  options?: Parameters<typeof startWorld>[0],
  beforeCreateLeaves: BeforeCreateLeaves = () => null,
) {
  world = await startWorld(options);
  return createCcxtBroker(await world.connect(), { beforeCreateLeaves });
}

function order(clientOrderId: string, rest: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId,
    exchange: 'binance',
    symbol: SYMBOL,
    side: 'buy',
    type: 'market',
    amount: '0.01',
    barOpenMs: 0,
    decisionPrice: 1,
    reducing: false,
    ...rest,
  };
}

/** Intercepts order creation only; everything else passes. */
function onCreate(interception: Interception): void {
  world.simulator.interceptor = ({ method, path }) =>
    method === 'POST' && path === '/api/v3/order' ? interception : undefined;
}

const ordersPlaced = () => world.simulator.ledger().accounts[0]!.orders.length;

describe('an order that goes well', () => {
  it('is reported with its fills as decimal text, and found again by client order id', async () => {
    const broker = await brokerOf();
    const book = world.simulator.exchange.book(world.simulator.exchange.replay.instruments[0]!);
    const ask = book.asks(1)[0]!.price;
    const result = await broker.create(order('rb-box-1'), QUOTE);
    expect(result).toMatchObject({
      kind: 'report',
      report: { status: 'filled', filled: '0.01', averagePrice: ask.toFixed(), clientOrderId: 'rb-box-1' },
    });
    if (result.kind !== 'report') throw new Error('no report');
    expect(result.report.fills).toHaveLength(1);
    expect(result.report.fills[0]).toMatchObject({
      price: ask.toFixed(),
      amount: '0.01',
      fee: '0.00001',
      feeCurrency: 'BTC',
      clientOrderId: 'rb-box-1',
    });
    expect(await broker.find('rb-box-1', SYMBOL)).toEqual(result.report);
    expect(await broker.find('rb-box-2', SYMBOL)).toBeUndefined();
  });

  it('moves the balances by exactly what the ledger says', async () => {
    const broker = await brokerOf();
    await broker.create(order('rb-box-1', { amount: '0.12345' }), QUOTE);
    await broker.create(order('rb-box-2', { side: 'sell', amount: '0.5' }), QUOTE);
    const trades = world.simulator.ledger().accounts[0]!.trades;
    let btc = decimal(ACCOUNT.balances.BTC);
    let usdt = decimal(ACCOUNT.balances.USDT);
    for (const trade of trades) {
      const sign = trade.side === 'buy' ? 1 : -1;
      btc = btc.plus(decimal(trade.amount).times(sign));
      usdt = usdt.minus(decimal(trade.price).times(trade.amount).times(sign));
      if (trade.feeAsset === 'BTC') btc = btc.minus(trade.fee);
      else usdt = usdt.minus(trade.fee);
    }
    expect(await broker.balances()).toEqual([
      { currency: 'USDT', free: usdt.toFixed(), total: usdt.toFixed() },
      { currency: 'BTC', free: btc.toFixed(), total: btc.toFixed() },
    ]);
  });

  it('fills an IOC as far as the book reaches and lets the rest expire', async () => {
    const broker = await brokerOf({ book: { topSize: '0.3', levels: 1 } });
    const close = world.simulator.exchange.replay.lastClose(world.simulator.exchange.replay.instruments[0]!)!;
    const result = await broker.create(
      order('rb-box-1', { type: 'limit_ioc', amount: '0.5', limitPrice: (close + 100).toFixed(2) }),
      QUOTE,
    );
    expect(result).toMatchObject({
      kind: 'report',
      report: { status: 'expired', filled: '0.3', amount: '0.5' },
    });
  });

  it('leaves nothing behind of an IOC that nothing met', async () => {
    const broker = await brokerOf();
    const result = await broker.create(order('rb-box-1', { type: 'limit_ioc', limitPrice: '30000' }), QUOTE);
    expect(result).toMatchObject({ kind: 'report', report: { status: 'expired', filled: '0', fills: [] } });
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
    expect((await broker.balances())[0]).toEqual({ currency: 'USDT', free: '100000', total: '100000' });
  });

  it('lets a stop rest, and finds its fill under the same id once the price has come to it', async () => {
    const broker = await brokerOf();
    expect(broker.takesStops?.(SYMBOL)).toBe(false);
    await broker.balances();
    const stop = { type: 'stop', side: 'sell', amount: '0.5', triggerPrice: '40000' } as const;
    const result = await broker.create(order('rb-box-stop', stop), QUOTE);
    expect(broker.takesStops?.(SYMBOL)).toBe(true);
    expect(result).toMatchObject({
      kind: 'report',
      report: { status: 'accepted', protective: true, triggerPrice: '40000', filled: '0' },
    });
    expect((await broker.balances())[1]).toEqual({ currency: 'BTC', free: '1.5', total: '2' });
    const { replay } = world.simulator.exchange;
    while (replay.lastClose(replay.instruments[0]!)! > 40_000) await world.simulator.step();
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
    expect(await broker.find('rb-box-stop', SYMBOL)).toMatchObject({
      status: 'filled',
      fills: [{ clientOrderId: 'rb-box-stop', amount: '0.5', price: '40000', side: 'sell' }],
    });
    const triggered = await broker.create(order('rb-box-2', { ...stop, triggerPrice: '50000' }), QUOTE);
    expect(triggered).toMatchObject({
      kind: 'rejected',
      message: expect.stringMatching(/immediately/),
    });
  });

  it('lists a resting order, and cancels it by client order id, twice without harm', async () => {
    const broker = await brokerOf();
    const { api } = await world.connect();
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-rest' });
    expect(await broker.openOrders([SYMBOL])).toMatchObject([
      { clientOrderId: 'rb-box-rest', status: 'accepted', filled: '0' },
    ]);
    expect((await broker.balances())[0]).toEqual({ currency: 'USDT', free: '99700', total: '100000' });
    await broker.cancel('rb-box-rest', SYMBOL);
    await broker.cancel('rb-box-rest', SYMBOL);
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
    expect(await broker.find('rb-box-rest', SYMBOL)).toMatchObject({ status: 'canceled', filled: '0' });
  });
});

describe('an exchange that puts something of its own in front of our ids, as Gate does', () => {
  it('has them listed, found and cancelled by the ids that were given', async () => {
    world = await startWorld();
    const exchange = await world.connect();
    const broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => null });
    await exchange.api.createOrder(SYMBOL, 'limit', 'buy', '0.001', '30000', { clientOrderId: 't-rb-box-1' });
    const ids = async () => (await broker.openOrders([SYMBOL])).map(({ clientOrderId }) => clientOrderId);
    expect(await ids()).toEqual(['rb-box-1']);
    expect((await broker.history([SYMBOL], START_MS)).map(({ clientOrderId }) => clientOrderId)).toEqual([
      'rb-box-1',
    ]);
    expect(await broker.find('rb-box-1', SYMBOL)).toMatchObject({ status: 'accepted' });
  });
});

describe('an order that is surely not placed', () => {
  it.each([
    ['too much for the account', 'rejected', { amount: '50' }, /insufficient balance/],
    ['below the least notional', 'rejected', { amount: '0.00002' }, /NOTIONAL/],
    ['off the amount step', 'not_placed', { amount: '0.0100001' }, /not on the step/],
    ['off the price tick', 'not_placed', { type: 'limit_ioc', limitPrice: '40000.001' }, /not on the tick/],
  ] as const)('%s is %s', async (_, kind, rest, message) => {
    const broker = await brokerOf();
    const result = await broker.create(order('rb-box-1', rest), QUOTE);
    expect(result).toMatchObject({
      kind,
      message: expect.stringMatching(message),
    });
    expect(ordersPlaced()).toBe(0);
  });

  it('is retryable when nothing listens at the address', async () => {
    const broker = await brokerOf();
    await broker.balances();
    await world.simulator.stop();
    // On a kept-alive socket the outcome is ambiguous by nature; this request finds out that the socket is dead.
    await expect(broker.balances()).rejects.toMatchObject({ code: 'E_BROKER_REQUEST' });
    expect(await broker.create(order('rb-box-1'), QUOTE)).toMatchObject({
      kind: 'not_placed',
      retryable: true,
    });
    world = await startWorld();
  });

  it.each([429, 418])('waits as long as a %i says', async (status) => {
    const broker = await brokerOf();
    onCreate({
      kind: 'answer',
      status,
      headers: { 'retry-after': '7' },
      body: '{"code":-1003,"msg":"Too many requests."}',
    });
    expect(await broker.create(order('rb-box-1'), QUOTE)).toMatchObject({
      kind: 'not_placed',
      retryable: true,
      retryAfterMs: 7000,
    });
  });
});

describe('an order of which nobody knows', () => {
  const cases: readonly (readonly [string, Interception, number])[] = [
    ['the line breaks before the exchange acts', { kind: 'drop' }, 0],
    ['the line breaks after the exchange has acted', { kind: 'drop_answer' }, 1],
    ['the exchange answers 503', { kind: 'answer', status: 503, body: 'unavailable' }, 0],
    ['the exchange answers 504', { kind: 'answer', status: 504, body: '' }, 0],
    ['the answer is cut', { kind: 'answer', status: 200, body: '{"symbol":"BTCUS' }, 0],
    ['the answer is empty', { kind: 'answer', status: 200, body: '' }, 0],
    [
      'the exchange says that it does not know',
      { kind: 'answer', status: 400, body: '{"code":-1007,"msg":"Timeout waiting for response."}' },
      0,
    ],
  ];
  it.each(cases)('%s', async (_, interception, placed) => {
    const broker = await brokerOf();
    onCreate(interception);
    expect(await broker.create(order('rb-box-1'), QUOTE)).toMatchObject({ kind: 'ambiguous' });
    expect(ordersPlaced()).toBe(placed);
    world.simulator.interceptor = undefined;
    const found = await broker.find('rb-box-1', SYMBOL);
    expect(found?.status).toBe(placed === 1 ? 'filled' : undefined);
  });

  it('takes a client order id that is in use for an order of ours', async () => {
    const broker = await brokerOf();
    const { api } = await world.connect();
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-1' });
    expect(await broker.create(order('rb-box-1'), QUOTE)).toMatchObject({ kind: 'ambiguous' });
  });
});

describe('the door', () => {
  it('keeps ten queued orders in when the state changes while they queue, and lets all else pass', async () => {
    let open = true;
    world = await startWorld();
    const connection = await world.connect();
    const broker = createCcxtBroker(connection, { beforeCreateLeaves: () => (open ? null : 'no_permit') });
    await broker.balances();
    // The limiter is off on loopback; here it is the queue that the orders have to stand in.
    Object.assign(connection.api, { enableRateLimit: true });
    const requests = Array.from({ length: 10 }, (_, i) => broker.create(order(`rb-box-${i}`), QUOTE));
    open = false;
    const results = await Promise.all(requests);
    expect(results).toEqual(
      Array(10).fill({ kind: 'denied', reason: 'no_permit', message: expect.stringContaining('no_permit') }),
    );
    expect(ordersPlaced()).toBe(0);
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
    open = true;
    expect(await broker.create(order('rb-box-x'), QUOTE)).toMatchObject({ kind: 'report' });
  });

  it.each([
    ['a halt', { ok: false, reason: 'revoked' }],
    ['a step down', { ok: true, state: 'REDUCING', epoch: 2, expiresMonotonicMs: 1e15 }],
    ['a halt and a new arming', { ok: true, state: 'ACTIVE', epoch: 3, expiresMonotonicMs: 1e15 }],
  ] as const)('keeps ten entries that the gate has passed in at %s', async (_, later: PermitReading) => {
    world = await startWorld();
    const connection = await world.connect();
    let permit: PermitReading = { ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 };
    const gate: OrderGate = new OrderGate(
      {
        brokers: createBrokers([
          createCcxtBroker(connection, { beforeCreateLeaves: (passed) => gate.mayLeave(passed) }),
        ]),
        permit: { read: () => permit },
        tradingState: () => 'ACTIVE',
        clock: world.clock,
        unitsHeld: () => '0',
        equity: () => 100_000,
        isBlocked: () => false,
        stopAmount: () => '0',
      },
      CONFIG.execution,
    );
    await connection.api.loadMarkets();
    Object.assign(connection.api, { enableRateLimit: true });
    const atMs = world.clock.wallMs();
    const context = {
      quote: { bid: 40_000, ask: 40_000, atMs, source: 'book' as const },
      lastClose: 40_000,
      rules: SPOT,
    };
    const requests = Array.from({ length: 10 }, (_, i) => gate.submit(order(`rb-box-${i}`), context));
    permit = later;
    for (const result of await Promise.all(requests)) {
      expect(result).toMatchObject({ kind: 'submitted', result: { kind: 'denied' } });
    }
    expect(ordersPlaced()).toBe(0);
  });
});

describe('a page of a proxy instead of an answer', () => {
  it('is no empty list: neither of open orders, nor of candles', async () => {
    world = await startWorld();
    const connection = await world.connect();
    const broker = createCcxtBroker(connection, { beforeCreateLeaves: () => null });
    const feed = createCcxtFeed(connection);
    await connection.api.loadMarkets();
    world.simulator.interceptor = () => ({ kind: 'answer', status: 200, body: '<html>maintenance</html>' });
    await expect(broker.openOrders([SYMBOL])).rejects.toThrow('is no JSON');
    await expect(broker.history([SYMBOL], 0)).rejects.toThrow('is no JSON');
    await expect(broker.find('rb-box-1', SYMBOL)).rejects.toThrow('is no JSON');
    await expect(feed.history(SYMBOL, '1m', 1, 10)).rejects.toThrow('is no JSON');
    world.simulator.interceptor = undefined;
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
  });

  it('leaves an order in doubt', async () => {
    const broker = await brokerOf();
    onCreate({ kind: 'answer', status: 200, body: '<html>maintenance</html>' });
    expect(await broker.create(order('rb-box-9'), QUOTE)).toMatchObject({ kind: 'ambiguous' });
  });
});
