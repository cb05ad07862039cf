// @module-tag processes

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createCcxtBroker, createExchange } from '../../../src/adapters/ccxt/index.js';
import {
  CREATE_PORT_FIRST,
  CREATE_PORT_LAST,
  CREATE_PORTS,
  createPortsOf,
} from '../../../src/core/create-ports.js';
import type { DenialReason, OrderRequest, Quote } from '../../../src/core/order.js';
import { ACCOUNT, startWorld, type World } from '../../simulator/world.js';
import { type FrontOptions, type OrderFront, startFront } from './order-front.js';

const SYMBOL = 'BTC/USDT';
const QUOTE: Quote = { bid: 1, ask: 1, atMs: 0, source: 'book' };
/** What is still on its way over loopback when the leave is taken back; the product's own bound is 60 ms. */
const AFTER_MS = 60;

let world: World;
let front: OrderFront;
const others: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await front.stop();
  for (const each of others.splice(0)) await each.stop();
  await world.simulator.stop();
});

let ids = 0;
function order(permitEpoch: number, rest: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId: `rb-box-${++ids}`,
    exchange: 'binance',
    symbol: SYMBOL,
    side: 'buy',
    type: 'market',
    amount: '0.01',
    barOpenMs: 0,
    decisionPrice: 1,
    reducing: false,
    permitEpoch,
    ...rest,
  };
}

/** A broker whose every request goes through a front; `press()` takes the leave of all creates back. */
async function brokerBehind(options: FrontOptions = {}, proxyUrl?: (front: OrderFront) => string) {
  world = await startWorld();
  front = await startFront(world.simulator.restUrl, options);
  const restUrl = options.proxy ? world.simulator.restUrl : front.url;
  const exchange = await createExchange({ ...world.config, restUrl }, world.clock, ACCOUNT);
  if (proxyUrl) Object.assign(exchange.api, { httpProxy: proxyUrl(front) });
  if (options.tls) Object.assign(exchange.api, { validateServerSsl: false });
  let reason: DenialReason | null = null;
  let pressedMs = Number.POSITIVE_INFINITY;
  const broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => reason });
  await broker.balances();
  await exchange.api.loadMarkets();
  return {
    broker,
    exchange,
    press(why: DenialReason = 'no_permit') {
      reason = why;
      pressedMs = performance.now();
    },
    rearm() {
      reason = null;
    },
    late: () => front.orderBytesAfter(pressedMs + AFTER_MS),
  };
}

const placed = () => world.simulator.ledger().accounts[0]!.orders.length;

describe('an order whose connection stands only after the press', () => {
  it.each([
    ['TLS that takes 0.7 s', { tls: true, answerFirstMs: 700 }, undefined],
    ['TLS that takes 2.5 s', { tls: true, answerFirstMs: 2500 }, undefined],
    ['a proxy that takes 0.7 s', { proxy: {}, answerFirstMs: 700 }, (at: OrderFront) => at.url],
    ['a proxy that takes 2.5 s', { proxy: {}, answerFirstMs: 2500 }, (at: OrderFront) => at.url],
  ] as const)('is not written, and not placed: %s', async (_, options, proxy) => {
    const { broker, press, late } = await brokerBehind(
      { ...options, answerFirstMs: 0, closesAfterAnswer: true },
      proxy,
    );
    front.options.answerFirstMs = options.answerFirstMs;
    const result = broker.create(order(1), QUOTE);
    await delay(200);
    press();
    expect(await result).toMatchObject({ kind: 'denied', reason: 'no_permit' });
    await delay(options.answerFirstMs + 300);
    expect(late()).toEqual([]);
    expect(front.orders()).toEqual([]);
    expect(placed()).toBe(0);
  });

  it('is not written where the press comes as the connection is made', async () => {
    const { broker, press, rearm } = await brokerBehind(
      { proxy: {}, closesAfterAnswer: true },
      (at) => at.url,
    );
    for (let i = 0; i < 20; i++) {
      rearm();
      front.options.beforeFirst = () => press();
      expect(await broker.create(order(i), QUOTE)).toMatchObject({ kind: 'denied', reason: 'no_permit' });
    }
    expect(front.orders()).toEqual([]);
  });
});

describe('an order under way when its leave is taken back', () => {
  it('is reset, its outcome unknown, and nobody else waits', async () => {
    const { broker, exchange, press, late } = await brokerBehind();
    const { api } = exchange;
    await api.createOrder(SYMBOL, 'limit', 'buy', '0.01', '30000', { clientOrderId: 'rb-box-rest' });
    front.connections.length = 0;
    front.options.holdsAnswers = true;
    const result = broker.create(order(1), QUOTE);
    await vi.waitFor(() => expect(front.orders()).toHaveLength(1));
    front.options.holdsAnswers = false;
    press();
    const cancelled = broker.cancel('rb-box-rest', SYMBOL);
    expect(await result).toMatchObject({ kind: 'ambiguous', message: expect.stringContaining('no_permit') });
    await cancelled;
    await vi.waitFor(() => expect(front.orders()[0]!.end).toBe('reset'));
    expect(late()).toEqual([]);
    expect(await broker.openOrders([SYMBOL])).toEqual([]);
    // What came of it is asked, as of any order of unknown outcome.
    expect(await broker.find(`rb-box-${ids}`, SYMBOL)).toMatchObject({ status: 'filled' });
  });

  it('ends at once when the guard calls the halt', async () => {
    const { broker, exchange, press } = await brokerBehind({ holdsAnswers: false });
    front.options.holdsAnswers = true;
    const result = broker.create(order(1), QUOTE);
    await vi.waitFor(() => expect(front.orders()).toHaveLength(1));
    press();
    exchange.creates.recheck();
    // In the same turn of the loop: no timer has had a chance.
    const first = await Promise.race([
      result,
      new Promise((resolve) => setImmediate(() => setImmediate(resolve, null))),
    ]);
    expect(first ?? (await result)).toMatchObject({ kind: 'ambiguous' });
  });

  it('continues where the box only steps down, or its own fill has closed the position', async () => {
    const { broker, press } = await brokerBehind();
    front.options.holdsAnswers = true;
    let isOver = false;
    const result = broker.create(order(1), QUOTE).finally(() => {
      isOver = true;
    });
    await vi.waitFor(() => expect(front.orders()).toHaveLength(1));
    press('state_reducing');
    await delay(150);
    expect(isOver).toBe(false);
    press();
    expect(await result).toMatchObject({ kind: 'ambiguous' });
  });
});

describe('connections for orders', () => {
  it('come from the block of their epoch; those of an earlier one are reset, and no other request uses them', async () => {
    const { broker } = await brokerBehind();
    for (const epoch of [5, 5, 6, 37]) {
      expect(await broker.create(order(epoch), QUOTE)).toMatchObject({ kind: 'report' });
    }
    const seen = front.orders();
    const blocks = seen.map(
      ({ port }) => CREATE_PORT_FIRST + CREATE_PORTS * Math.floor((port - CREATE_PORT_FIRST) / CREATE_PORTS),
    );
    // 37 has the block of 6, and is another epoch all the same.
    expect(blocks).toEqual([createPortsOf(5), createPortsOf(6), createPortsOf(37)]);
    await vi.waitFor(() => expect(seen.map(({ end }) => end)).toEqual(['reset', 'reset', 'open']));
    const texts = seen.flatMap(({ chunks }) => chunks.map(({ text }) => text.split(' HTTP', 1)[0]!));
    expect(texts.filter((text) => /^[A-Z]+ \//.test(text))).toEqual(Array(4).fill('POST /api/v3/order'));
    const rest = front.connections.filter((each) => !seen.includes(each));
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.filter(({ port }) => port >= CREATE_PORT_FIRST && port <= CREATE_PORT_LAST)).toEqual([]);
  });

  it('are made again where the exchange closes them after each answer', async () => {
    const { broker } = await brokerBehind({ closesAfterAnswer: true });
    for (let i = 0; i < 3; i++) {
      expect(await broker.create(order(1), QUOTE)).toMatchObject({ kind: 'report' });
      await delay(20);
    }
    expect(front.orders()).toHaveLength(3);
  });

  it('are made ahead and carry nothing until there is an order', async () => {
    const { broker, exchange } = await brokerBehind();
    front.connections.length = 0;
    exchange.creates.warm(7);
    exchange.creates.warm(7);
    await vi.waitFor(() => expect(front.connections).toHaveLength(1));
    await delay(50);
    expect(front.connections).toMatchObject([{ chunks: [], end: 'open' }]);
    expect(await broker.create(order(7), QUOTE)).toMatchObject({ kind: 'report' });
    expect(front.orders()).toHaveLength(1);
    expect(front.orders()[0]).toBe(front.connections[0]);
    // The next epoch has no use for it.
    exchange.creates.warm(8);
    await vi.waitFor(() => expect(front.connections.map(({ end }) => end)).toContain('reset'));
    exchange.creates.recheck();
    await vi.waitFor(() => expect(front.connections.filter(({ end }) => end === 'reset')).toHaveLength(2));
  });

  it('take another port where one is taken', async () => {
    const { broker } = await brokerBehind();
    const first = createPortsOf(9);
    const taken: Server[] = [];
    for (let port = first; port < first + CREATE_PORTS - 1; port++) {
      const server = createServer().listen(port, '0.0.0.0');
      await once(server, 'listening');
      taken.push(server);
    }
    expect(await broker.create(order(9), QUOTE)).toMatchObject({ kind: 'report' });
    expect(front.orders().map(({ port }) => port)).toEqual([first + CREATE_PORTS - 1]);
    for (const server of taken) server.close();
  });

  it('serve forty orders at the same time', async () => {
    const { broker } = await brokerBehind();
    const results = await Promise.all(Array.from({ length: 40 }, () => broker.create(order(3), QUOTE)));
    // On a machine that is busy some may be signed for too long by the time they have a connection.
    const tooLate = results.filter((each) => each.kind === 'not_placed' && each.message.includes('-1021'));
    const reported = results.filter(({ kind }) => kind === 'report');
    expect(reported.length).toBeGreaterThan(CREATE_PORTS / 2);
    expect(reported.length + tooLate.length).toBe(40);
    expect(placed()).toBe(reported.length);
  });
});

describe('the way to the exchange', () => {
  it('is held to its certificate', async () => {
    const { broker, exchange } = await brokerBehind({ tls: true });
    expect(await broker.create(order(1), QUOTE)).toMatchObject({ kind: 'report' });
    Object.assign(exchange.api, { validateServerSsl: true });
    expect(await broker.create(order(1), QUOTE)).toMatchObject({
      kind: 'not_placed',
      retryable: true,
      message: expect.stringContaining('self-signed'),
    });
  });

  it('is the proxy that ccxt is set to, with its name and password', async () => {
    const { broker, exchange } = await brokerBehind(
      { proxy: { login: 'me:let me in' } },
      ({ port }) => `http://me:let%20me%20in@127.0.0.1:${port}`,
    );
    expect(await broker.create(order(1), QUOTE)).toMatchObject({ kind: 'report' });
    expect(front.orders()).toHaveLength(1);
    expect(front.orders()[0]!.port).toBeGreaterThanOrEqual(CREATE_PORT_FIRST);
    Object.assign(exchange.api, { httpProxy: `http://me:wrong@127.0.0.1:${front.port}` });
    expect(await broker.create(order(1), QUOTE)).toMatchObject({
      kind: 'not_placed',
      message: expect.stringContaining('answered 407'),
    });
  });

  it('may be a proxy and TLS to the exchange', async () => {
    world = await startWorld();
    const exchangeFront = await startFront(world.simulator.restUrl, { tls: true });
    others.push(exchangeFront);
    front = await startFront(exchangeFront.url, { proxy: {} });
    const exchange = await createExchange(
      { ...world.config, restUrl: exchangeFront.url },
      world.clock,
      ACCOUNT,
    );
    Object.assign(exchange.api, { httpProxy: front.url, validateServerSsl: false });
    const broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => null });
    expect(await broker.create(order(1), QUOTE)).toMatchObject({ kind: 'report' });
    expect(exchangeFront.orders()).toHaveLength(1);
  });
});
