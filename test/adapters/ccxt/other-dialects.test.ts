// @module-tag sockets
// What the unmodified class of ccxt sends under each dialect. Answers have the shape of those in ccxt's comments.

import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ConnectedExchange,
  createCcxtBroker,
  createExchange,
} from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import type { OrderRequest } from '../../../src/core/order.js';
import type { Broker } from '../../../src/ports/broker.js';
import { type DialectServer, type SeenRequest, startDialect } from './dialect-server.js';

const ID = 'rb-box-m1abcdef0xyz123';
const SYMBOL = 'BTC/USDT';
let server: DialectServer;
let exchange: ConnectedExchange;
let broker: Broker;
afterEach(() => server.stop());

const PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'sec1', format: 'pem' })
  .toString();

/** Connects with one market, as ccxt has it once it is loaded. */
async function start(id: string, marketId: string, answer: (request: SeenRequest) => unknown) {
  server = await startDialect(answer);
  exchange = await createExchange(
    server.settings(id, [SYMBOL]),
    createSystemClock(),
    { apiKey: 'key', secret: id === 'coinbase' ? PEM : 'secret', password: 'phrase' },
    { device: 'box' },
  );
  const [base, quote] = ['BTC', 'USDT'];
  const market = {
    ...{
      id: marketId,
      symbol: SYMBOL,
      base,
      quote,
      baseId: base,
      quoteId: quote,
      type: 'spot',
      active: true,
    },
    ...{ spot: true, swap: false, future: false, option: false, contract: false, margin: false },
    ...{ precision: { amount: '0.0001', price: '0.1' }, limits: {}, info: {} },
  };
  exchange.api.setMarkets([market]);
  // Bybit asks what kind of account it is; that is not what is tested.
  Object.assign(exchange.api, { isUnifiedEnabled: async () => [true, true] });
  broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => null });
}

const place = () =>
  // As the order gate calls it.
  broker.create(
    {
      ...{ clientOrderId: ID, exchange: exchange.id, symbol: SYMBOL, side: 'buy', type: 'limit_ioc' },
      ...{ amount: '0.01', limitPrice: '60000', reducing: false },
    } as OrderRequest,
    {} as never,
  );
const seen = (end: string) => server.seen.filter(({ path }) => path.endsWith(end));
const bodyOf = (request: SeenRequest) => JSON.parse(request.body) as Record<string, string>;
const wire = () => exchange.ids.toWire(ID);

describe('OKX', () => {
  const listed = (state: string) => ({
    ...{ instType: 'SPOT', instId: 'BTC-USDT', ordId: '77', clOrdId: wire(), px: '60000', sz: '0.01' },
    ...{ ordType: 'ioc', side: 'buy', state, accFillSz: '0', avgPx: '', fee: '0', feeCcy: 'BTC' },
    ...{ cTime: String(Date.now()), uTime: String(Date.now()) },
  });

  it('is given letters and digits, and a time after which it takes the order no more', async () => {
    await start('okx', 'BTC-USDT', ({ path, method }) => {
      if (path.endsWith('/trade/batch-orders') && method === 'POST')
        return { code: '0', data: [{ ordId: '77', clOrdId: wire(), sCode: '0', sMsg: '' }] };
      return path.endsWith('/trade/order') ? { code: '0', data: [listed('canceled')] } : undefined;
    });
    expect(await place()).toMatchObject({
      kind: 'report',
      report: { clientOrderId: ID, status: 'canceled' },
    });
    const [sent] = seen('/trade/batch-orders');

    const [body] = [JSON.parse(sent!.body)].flat() as Record<string, string>[];
    expect(body!.clOrdId).toMatch(/^[A-Za-z0-9]{1,32}$/);
    expect(Number(sent!.headers.exptime) - Date.now()).toBeLessThan(exchange.dialect.acceptedForMs + 1);
    expect(sent!.headers['ok-access-passphrase']).toBe('phrase');
  });

  it('that says the id is taken has the order: it is looked up, and not sent again', async () => {
    await start('okx', 'BTC-USDT', () => ({
      code: '1',
      data: [{ ordId: '', clOrdId: wire(), sCode: '51016', sMsg: 'Client order ID already exists.' }],
      msg: '',
    }));
    expect(await place()).toMatchObject({ kind: 'ambiguous' });
  });

  it('that says too many requests with HTTP 200 is asked no more', async () => {
    await start('okx', 'BTC-USDT', () => ({ code: '50011', data: [], msg: 'Too Many Requests' }));
    await expect(broker.openOrders([SYMBOL])).rejects.toThrow();
    await expect(broker.openOrders([SYMBOL])).rejects.toThrow('nothing is asked of it');
    expect(server.seen).toHaveLength(1);
  });

  it('lists canceled orders apart from filled ones: both are read', async () => {
    await start('okx', 'BTC-USDT', ({ path, params }) => ({
      code: '0',
      data:
        path.endsWith('/orders-history') && params.get('state') === 'canceled' ? [listed('canceled')] : [],
    }));
    const history = await broker.history([SYMBOL], Date.now() - 1000);
    expect(history.map(({ clientOrderId }) => clientOrderId)).toEqual([ID]);
  });
});

describe('Bybit', () => {
  const listed = (orderStatus: string, cumExecQty = '0') => ({
    ...{ orderId: '77', orderLinkId: wire(), symbol: 'BTCUSDT', price: '60000', qty: '0.01', side: 'Buy' },
    ...{ orderStatus, cumExecQty, cumExecValue: '0', avgPrice: '', timeInForce: 'IOC', orderType: 'Limit' },
    ...{ createdTime: String(Date.now()), updatedTime: String(Date.now()) },
  });
  const list = (...rows: unknown[]) => ({
    retCode: 0,
    retMsg: 'OK',
    result: { category: 'spot', list: rows },
    time: 0,
  });

  it('is asked by our id for what did not fill whole', async () => {
    await start('bybit', 'BTCUSDT', ({ path }) =>
      path.endsWith('/order/history') ? list(listed('PartiallyFilledCanceled')) : list(),
    );
    expect(await broker.find(ID, SYMBOL)).toMatchObject({ clientOrderId: ID, status: 'canceled' });
    expect(seen('/order/realtime')[0]!.params.get('orderLinkId')).toBe(ID);
    expect(seen('/order/history')[0]!.params.get('orderLinkId')).toBe(ID);
    expect(seen('/order/history')[0]!.params.get('orderStatus')).toBe(null);
  });

  it('is asked for a new order by the id that it answers with', async () => {
    await start('bybit', 'BTCUSDT', ({ path }) => {
      if (path.endsWith('/order/create'))
        return { retCode: 0, retMsg: 'OK', result: { orderId: '77', orderLinkId: ID } };
      return path.endsWith('/order/history') ? list(listed('Cancelled')) : list();
    });
    expect(await place()).toMatchObject({ kind: 'report', report: { status: 'canceled' } });
    expect(bodyOf(seen('/order/create')[0]!)).toMatchObject({ orderLinkId: ID, timeInForce: 'IOC' });
    expect(seen('/order/history')[0]!.params.get('orderId')).toBe('77');
  });

  it('cancels by its own id, read from the open orders', async () => {
    await start('bybit', 'BTCUSDT', ({ path }) =>
      path.endsWith('/order/cancel') ? { retCode: 0, result: { orderId: '77' } } : list(listed('New')),
    );
    await broker.cancel(ID, SYMBOL);
    expect(bodyOf(seen('/order/cancel')[0]!)).toMatchObject({ orderId: '77' });
  });

  it('is asked for history of every status, in pages that it takes', async () => {
    await start('bybit', 'BTCUSDT', ({ path }) =>
      path.endsWith('/order/history') ? list(listed('Cancelled')) : list(),
    );
    expect(await broker.history([SYMBOL], Date.now() - 1000)).toHaveLength(1);
    const [asked] = seen('/order/history');
    expect([asked!.params.get('limit'), asked!.params.get('orderStatus')]).toEqual(['50', null]);
  });

  it.each([
    ['too many requests', { retCode: 10006, retMsg: 'Too many visits!' }],
    ['a list in place of an object', { retCode: 0, result: [] }],
  ])('is not taken at its word: %s', async (_, answer) => {
    await start('bybit', 'BTCUSDT', () => answer);
    await expect(broker.openOrders([SYMBOL])).rejects.toThrow();
  });
});

describe('Coinbase', () => {
  const listed = (status: string) => ({
    ...{ order_id: 'o77', client_order_id: ID, product_id: 'BTC-USDT', side: 'BUY', status },
    ...{ order_configuration: { sor_limit_ioc: { base_size: '0.01', limit_price: '60000' } } },
    ...{ filled_size: '0', average_filled_price: '0', total_fees: '0', created_time: '2026-09-21T00:00:00Z' },
  });

  it('is given our id, which ccxt would leave out, and asked for the order by its own', async () => {
    await start('coinbase', 'BTC-USDT', ({ path, method }) => {
      if (method === 'POST')
        return {
          success: true,
          success_response: { order_id: 'o77', product_id: 'BTC-USDT', side: 'BUY', client_order_id: ID },
        };
      return path.endsWith('/o77') ? { order: listed('CANCELLED') } : undefined;
    });
    expect(await place()).toMatchObject({
      kind: 'report',
      report: { clientOrderId: ID, status: 'canceled' },
    });
    expect(bodyOf(server.seen[0]!).client_order_id).toBe(ID);
  });

  it('is searched in its lists for what it cannot look up', async () => {
    await start('coinbase', 'BTC-USDT', ({ params }) => ({
      orders: params.get('order_status') === 'OPEN' ? [] : [listed('CANCELLED')],
    }));
    expect(await broker.find(ID, SYMBOL)).toMatchObject({ clientOrderId: ID, exchangeOrderId: 'o77' });
  });

  it('may accept an order for as long as its token lives', async () => {
    await start('coinbase', 'BTC-USDT', () => undefined);
    expect(broker.inFlightMaxMs).toBeGreaterThan(120_000);
    expect(await broker.transfers(0)).toBe(null);
  });
});

describe('Gate', () => {
  it('is given an id within its length, and gives it back with a prefix that is not ours', async () => {
    const listed = () => ({
      ...{
        id: '77',
        text: `t-${wire()}`,
        currency_pair: 'BTC_USDT',
        side: 'buy',
        type: 'limit',
        status: 'cancelled',
      },
      ...{ amount: '0.01', left: '0.01', price: '60000', filled_total: '0', filled_amount: '0', fee: '0' },
      ...{ create_time_ms: String(Date.now()), update_time_ms: String(Date.now()), time_in_force: 'ioc' },
    });
    await start('gate', 'BTC_USDT', ({ method }) => (method === 'POST' ? listed() : undefined));
    expect(await place()).toMatchObject({
      kind: 'report',
      report: { clientOrderId: ID, status: 'canceled' },
    });
    expect(bodyOf(server.seen.find(({ method }) => method === 'POST')!).text).toMatch(
      /^t-[0-9A-Za-z_.-]{1,28}$/,
    );
  });
});
