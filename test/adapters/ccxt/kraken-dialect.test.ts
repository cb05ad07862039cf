// @module-tag sockets
// Answers have the shape of those in ccxt's comments and of captured ones, with figures of our own.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CcxtEmergencyCanceller,
  type ConnectedExchange,
  createCcxtBroker,
  createExchange,
  exchangeOffsetMs,
} from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import type { OrderRequest } from '../../../src/core/order.js';
import type { Broker } from '../../../src/ports/broker.js';
import { type DialectServer, type SeenRequest, startDialect } from './dialect-server.js';

const ID = 'rb-box-m1abcdef0xyz123';
const pair = (base: string, alt: string) => ({
  altname: `${alt}USD`,
  wsname: `${alt}/USD`,
  aclass_base: 'currency',
  base,
  aclass_quote: 'currency',
  quote: 'ZUSD',
  cost_decimals: 5,
  pair_decimals: 1,
  lot_decimals: 8,
  lot_multiplier: 1,
  leverage_buy: [],
  leverage_sell: [],
  fees: [[0, 0.4]],
  fees_maker: [[0, 0.25]],
  fee_volume_currency: 'ZUSD',
  margin_call: 80,
  margin_stop: 40,
  ordermin: '0.00005',
  costmin: '0.5',
  tick_size: '0.1',
  status: 'online',
});
const asset = (altname: string, decimals: number) => ({
  aclass: 'currency',
  altname,
  decimals,
  display_decimals: 5,
  status: 'enabled',
});

interface KrakenOrder {
  readonly id: string;
  readonly wireId: string;
  readonly status: string;
  readonly volume?: string;
  readonly executed?: string;
  readonly alt?: string;
  readonly opened?: number;
}

const OPENED_S = 1_790_000_000.25;
const orderOf = ({ id, wireId, status, volume, executed, alt, opened }: KrakenOrder) => ({
  [id]: {
    refid: null,
    userref: null,
    cl_ord_id: wireId,
    status,
    opentm: opened ?? OPENED_S,
    ...(status !== 'open' && { closetm: (opened ?? OPENED_S) + 1 }),
    descr: {
      pair: `${alt ?? 'XBT'}USD`,
      type: 'buy',
      ordertype: 'limit',
      price: '63123.4',
      price2: '0',
      leverage: 'none',
      order: `buy ${volume ?? '0.01'} ${alt ?? 'XBT'}USD @ limit 63123.4`,
      close: '',
    },
    vol: volume ?? '0.01',
    vol_exec: executed ?? '0.00000000',
    cost: '0',
    fee: '0',
    price: executed === undefined ? '0' : '63120.1',
    misc: '',
    oflags: 'fciq',
  },
});
const tradeOf = (id: string, order: string, volume: string) => ({
  [id]: {
    ordertxid: order,
    postxid: 'T',
    pair: 'XXBTZUSD',
    time: OPENED_S + 0.5,
    type: 'buy',
    ordertype: 'limit',
    price: '63120.1',
    cost: '631.20',
    fee: '2.52',
    vol: volume,
    margin: '0',
    misc: '',
    trade_id: 1,
  },
});

let server: DialectServer;
let exchange: ConnectedExchange;
let broker: Broker;
let garbled: string[];
/** By path; a function is given the request. */
let answers: Record<string, (request: SeenRequest) => unknown>;
const ok = (result: unknown) => ({ error: [], result });

beforeEach(async () => {
  answers = {
    Assets: () => ok({ XXBT: asset('XBT', 10), XETH: asset('ETH', 10), ZUSD: asset('USD', 4) }),
    AssetPairs: () => ok({ XXBTZUSD: pair('XXBT', 'XBT'), XETHZUSD: pair('XETH', 'ETH') }),
    OpenOrders: () => ok({ open: {} }),
    ClosedOrders: () => ok({ closed: {}, count: 0 }),
    TradesHistory: () => ok({ trades: {}, count: 0 }),
    CancelOrder: () => ok({ count: 1 }),
    AddOrder: () =>
      ok({ txid: ['OAAAAA-BBBBB-CCCCCC'], descr: { order: 'buy 0.01 XBTUSD @ limit 63123.4' } }),
  };
  server = await startDialect((request) => answers[request.path.split('/').at(-1)!]?.(request));
  exchange = await createExchange(
    server.settings('kraken', ['BTC/USD']),
    createSystemClock(),
    { apiKey: `key ${Math.random()}`, secret: Buffer.from('secret').toString('base64') },
    { device: 'box', onGarbled: (place, detail) => garbled.push(`${place} ${detail}`) },
  );
  garbled = [];
  broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => null });
});
afterEach(() => server.stop());

const asked = (path: string) => server.seen.filter((request) => request.path.endsWith(path));
const buy: OrderRequest = {
  clientOrderId: ID,
  exchange: 'kraken',
  symbol: 'BTC/USD',
  side: 'buy',
  type: 'limit_ioc',
  amount: '0.01',
  limitPrice: '63123.4',
  reducing: false,
} as OrderRequest;
const create = (order = buy) =>
  // A broker's own create, as the order gate calls it.
  broker.create(order, { symbol: 'BTC/USD', bid: '1', ask: '2', atMs: 0 } as never);

describe('an order at Kraken', () => {
  it('goes out under 32 digits, ends at once, and dies when it comes late', async () => {
    answers.QueryOrders = () =>
      ok(orderOf({ id: 'OAAAAA-BBBBB-CCCCCC', wireId: exchange.ids.toWire(ID), status: 'canceled' }));
    const sentMs = Date.now();
    const result = await create();
    expect(result).toMatchObject({
      kind: 'report',
      report: { clientOrderId: ID, status: 'canceled', filled: '0' },
    });
    const [request] = asked('/AddOrder');
    expect(request!.params.get('cl_ord_id')).toMatch(/^[0-9a-f]{32}$/);
    expect(request!.params.get('timeinforce')).toBe('IOC');
    const deadlineMs = Date.parse(request!.params.get('deadline')!) - sentMs;
    // The exchange takes 2 to 60 seconds.
    expect(deadlineMs).toBeGreaterThan(2000);
    expect(deadlineMs).toBeLessThanOrEqual(exchange.dialect.acceptedForMs);
    // The answer tells no status: it was asked for once.
    expect(asked('/QueryOrders')).toHaveLength(1);
  });

  it('whose look-up fails is unknown, and not lost', async () => {
    answers.QueryOrders = () => ({ error: ['EService:Unavailable'] });
    expect(await create()).toMatchObject({ kind: 'ambiguous' });
  });

  it('that rests though it should have ended is cancelled at once', async () => {
    const wireId = exchange.ids.toWire(ID);
    answers.QueryOrders = () =>
      ok(orderOf({ id: 'OAAAAA-BBBBB-CCCCCC', wireId, status: 'open', executed: '0' }));
    answers.ClosedOrders = () =>
      ok({
        closed: orderOf({ id: 'OAAAAA-BBBBB-CCCCCC', wireId, status: 'canceled', executed: '0' }),
        count: 1,
      });
    expect(await create()).toMatchObject({ kind: 'report', report: { status: 'canceled' } });
    expect(asked('/CancelOrder')[0]!.params.get('cl_ord_id')).toBe(wireId);
  });

  it('is found by its id among open orders and closed ones, with its executions', async () => {
    const wireId = exchange.ids.toWire(ID);
    answers.ClosedOrders = () =>
      ok({ closed: orderOf({ id: 'O1', wireId, status: 'closed', executed: '0.01' }), count: 1 });
    answers.TradesHistory = () =>
      ok({ trades: { ...tradeOf('T1', 'O1', '0.01'), ...tradeOf('T2', 'O2', '1') }, count: 2 });
    expect(await broker.find(ID, 'BTC/USD')).toMatchObject({
      clientOrderId: ID,
      status: 'filled',
      fills: [{ fillId: 'T1', amount: '0.01', fee: '2.52', feeCurrency: 'USD' }],
    });
    expect(asked('/OpenOrders')[0]!.params.get('cl_ord_id')).toBe(wireId);
    expect(asked('/QueryOrders')).toEqual([]);
  });

  it('that was never placed is not found, and no look-up fails', async () => {
    expect(await broker.find(ID, 'BTC/USD')).toBe(undefined);
  });

  it('of somebody else is not believed to be the one that was asked for', async () => {
    answers.QueryOrders = () =>
      ok(orderOf({ id: 'OAAAAA-BBBBB-CCCCCC', wireId: 'stranger', status: 'closed' }));
    expect(await create()).toMatchObject({ kind: 'ambiguous' });
  });

  it('is no nonce too old for long: what reads is signed again, what creates is not sent twice', async () => {
    let refused = 0;
    answers.OpenOrders = () => (refused++ === 0 ? { error: ['EAPI:Invalid nonce'] } : ok({ open: {} }));
    expect(await broker.openOrders(['BTC/USD'])).toEqual([]);
    answers.AddOrder = () => ({ error: ['EAPI:Invalid nonce'] });
    expect(await create()).toMatchObject({ kind: 'not_placed', retryable: true });
    expect(asked('/AddOrder')).toHaveLength(1);
  });
});

describe('the account at Kraken', () => {
  it('is asked once for open orders and for history, whatever the number of symbols', async () => {
    const wire = (id: string) => exchange.ids.toWire(id);
    answers.OpenOrders = () =>
      ok({
        open: {
          ...orderOf({ id: 'O1', wireId: wire(ID), status: 'open' }),
          ...orderOf({ id: 'O2', wireId: wire(`${ID}2`), status: 'open', alt: 'ETH' }),
        },
      });
    const open = await broker.openOrders(['BTC/USD', 'ETH/USD']);
    expect(open.map(({ symbol, clientOrderId }) => [symbol, clientOrderId])).toEqual([
      ['BTC/USD', ID],
      ['ETH/USD', `${ID}2`],
    ]);
    expect(asked('/OpenOrders')).toHaveLength(1);
    expect(await broker.openOrders(['ETH/USD'])).toHaveLength(1);
    await broker.history(['BTC/USD', 'ETH/USD'], OPENED_S * 1000 - 5000);
    expect(asked('/ClosedOrders')).toHaveLength(1);
    expect(asked('/TradesHistory')).toHaveLength(1);
  });

  it('is read to the last page', async () => {
    const all = Array.from({ length: 120 }, (_, i) =>
      orderOf({
        id: `O${i}`,
        wireId: exchange.ids.toWire(`rb-box-m1abcdef0xyz${String(i).padStart(3, '0')}`),
        status: 'canceled',
        opened: OPENED_S - i,
      }),
    );
    answers.ClosedOrders = ({ params }) => {
      const from = Number(params.get('ofs') ?? 0);
      return ok({ closed: Object.assign({}, ...all.slice(from, from + 50)), count: 120 });
    };
    const listed = await broker.history(['BTC/USD'], OPENED_S * 1000 - 200_000);
    expect(listed).toHaveLength(120);
  });

  it('counts what rewards have moved to another wallet of the same coin', async () => {
    answers.Balance = answers.BalanceEx = () =>
      ok({
        XXBT: { balance: '0.2', hold_trade: '0' },
        'XBT.F': { balance: '0.3', hold_trade: '0' },
        ZUSD: { balance: '10.5', hold_trade: '0' },
      });
    const balances = await broker.balances();
    expect(balances.find(({ currency }) => currency === 'BTC')).toEqual({
      currency: 'BTC',
      free: '0.5',
      total: '0.5',
    });
  });

  it.each([
    ['a list in place of an object', ok({ open: [] })],
    ['no list at all', ok({})],
    ['nothing', ok(null)],
    ['an array', []],
  ])('is not empty by %s', async (_, answer) => {
    answers.OpenOrders = () => answer;
    await expect(broker.openOrders(['BTC/USD'])).rejects.toThrow();
    expect(garbled).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['a number in words', { vol_exec: 'one' }],
    ['a number that is none', { vol: 'NaN' }],
    ['an order without a side', { descr: { pair: 'XBTUSD' } }],
  ])('is not believed where it lists %s', async (_, wrong) => {
    const listed = orderOf({ id: 'O1', wireId: exchange.ids.toWire(ID), status: 'open' });
    answers.OpenOrders = () => ok({ open: { O1: { ...listed.O1, ...wrong } } });
    await expect(broker.openOrders(['BTC/USD'])).rejects.toMatchObject({ code: 'E_BROKER_REQUEST' });
    expect(garbled.length).toBeGreaterThan(0);
  });

  it('is not believed where it holds a number in words', async () => {
    answers.Balance = answers.BalanceEx = () => ok({ ZUSD: { balance: 'plenty', hold_trade: '0' } });
    await expect(broker.balances()).rejects.toThrow();
    expect(garbled).toEqual([expect.stringMatching(/cannot be read/)]);
  });

  it('is asked nothing more after "too many requests" with HTTP 200, except in an emergency', async () => {
    answers.OpenOrders = () => ({ error: ['EAPI:Rate limit exceeded'] });
    await expect(broker.openOrders(['BTC/USD'])).rejects.toThrow();
    await expect(broker.openOrders(['BTC/USD'])).rejects.toThrow('nothing is asked of it');
    expect(asked('/OpenOrders')).toHaveLength(1);
    await expect(broker.openOrders(['BTC/USD'], { urgent: true })).rejects.toThrow('EAPI:Rate limit');
    expect(asked('/OpenOrders')).toHaveLength(2);
  });

  it('is asked nothing at all in a lockout', async () => {
    answers.OpenOrders = () => ({ error: ['EGeneral:Temporary lockout'] });
    await expect(broker.openOrders(['BTC/USD'])).rejects.toThrow();
    await expect(broker.openOrders(['BTC/USD'], { urgent: true })).rejects.toThrow('nothing is asked of it');
    expect(asked('/OpenOrders')).toHaveLength(1);
  });

  it('is cancelled by the guard after one list for all symbols', async () => {
    const ids = ['1', '2', '3'].map((end) => exchange.ids.toWire(`${ID}${end}`));
    let left = ids.map((wireId, i) =>
      orderOf({ id: `O${i}`, wireId, status: 'open', alt: i % 2 ? 'ETH' : 'XBT' }),
    );
    answers.OpenOrders = () => ok({ open: Object.assign({}, ...left) });
    answers.CancelOrder = ({ params }) => {
      left = left.filter((order) => !(params.get('txid')! in order));
      return ok({ count: 1 });
    };
    answers.Balance = answers.BalanceEx = () => ok({ ZUSD: { balance: '10', hold_trade: '0' } });
    const canceller = new CcxtEmergencyCanceller({
      exchange,
      symbols: ['BTC/USD', 'ETH/USD'],
      device: 'box',
      scope: 'ours',
      clock: createSystemClock(),
      onNotLoaded: () => {},
    });
    const startedMs = Date.now();
    const outcome = await canceller.cancelAll({} as never, new AbortController().signal);
    expect(outcome).toMatchObject({ confirmed: true, openOrders: 0 });
    // A create that left just before may come until its deadline.
    expect(Date.now() - startedMs).toBeGreaterThan(exchange.dialect.acceptedForMs);
    expect(asked('/OpenOrders')).toHaveLength(3);
  }, 20_000);
});

describe('requests to Kraken', () => {
  it('wait in line, a fifth longer than the limit asks, and those of an emergency do not', async () => {
    const { api } = exchange;
    Object.assign(api, { enableRateLimit: true });
    // A request a second, of which 3 units are taken by the first.
    expect(api.throttler.config.refillRate).toBeCloseTo(0.8 / 1000, 6);
    await broker.openOrders(['BTC/USD']);
    const startedMs = Date.now();
    await broker.cancel(ID, 'BTC/USD');
    await broker.openOrders(['BTC/USD'], { urgent: true });
    expect(Date.now() - startedMs).toBeLessThan(1000);
    await broker.openOrders(['BTC/USD']);
    expect(Date.now() - startedMs).toBeGreaterThan(3000);
  }, 20_000);

  it('tell the guard of a key that may withdraw', async () => {
    answers.GetApiKeyInfo = () => ok({ permissions: ['query-funds', 'modify-trades', 'withdraw-funds'] });
    const risks: string[] = [];
    const canceller = new CcxtEmergencyCanceller({
      exchange,
      symbols: ['BTC/USD'],
      device: 'box',
      scope: 'ours',
      clock: createSystemClock(),
      onNotLoaded: () => {},
      onKeyRisk: (risk) => risks.push(risk),
    });
    await canceller.preload(new AbortController().signal);
    expect(risks).toEqual([expect.stringContaining('may withdraw')]);
  });
});

describe('Kraken’s clock', () => {
  it('tells whole seconds: their middle is meant', async () => {
    const serverMs = Math.floor(Date.now() / 1000) * 1000;
    answers.Time = () => ok({ unixtime: serverMs / 1000, rfc1123: '' });
    const clock = { ...createSystemClock(), wallMs: () => serverMs + 500, monotonicMs: () => 0 };
    expect(await exchangeOffsetMs({ ...exchange, clock })).toBe(0);
  });
});

describe('Kraken’s nonce', () => {
  it('grows with every request of a key, over all its connections, in one millisecond too', async () => {
    const key = { apiKey: `shared ${Math.random()}`, secret: Buffer.from('secret').toString('base64') };
    const clock = { ...createSystemClock(), wallMs: () => 1_790_000_000_000 };
    const connect = () =>
      createExchange(server.settings('kraken', ['BTC/USD']), clock, key, { device: 'box' });
    const both = await Promise.all([connect(), connect()]);
    const nonces = Array.from({ length: 10 }, (_, i) => both[i % 2]!.api.nonce());
    expect(nonces).toEqual([...new Set(nonces)].sort((a, b) => a - b));
    expect(nonces).toHaveLength(10);
  });
});
