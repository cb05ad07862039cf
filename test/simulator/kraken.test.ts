// @module-tag sockets
import { createHash, createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConnectedExchange } from '../../src/adapters/ccxt/index.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { until } from './bar-collector.js';
import { KRAKEN_ACCOUNT as ACCOUNT, HOUR_MS, START_MS, startWorld, type World, walk } from './world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
let api: ConnectedExchange['api'];
afterEach(async () => {
  const { unknown } = world.simulator;
  await api.close().catch(() => undefined);
  await world.simulator.stop();
  expect(unknown).toEqual([]);
});

async function start(options: Partial<SimulatorOptions> = {}) {
  const market = { symbol: SYMBOL, timeframe: '1h', candles: walk(200), priceTick: '0.1' };
  world = await startWorld({
    dialect: 'kraken',
    accounts: [ACCOUNT],
    markets: [{ ...market, amountStep: '0.00000001', amountMin: '0.00005' }],
    ...options,
  });
  ({ api } = await world.connect(ACCOUNT));
  await api.loadMarkets();
}

const order = (type: 'limit' | 'market', side: 'buy' | 'sell', price?: string, params: object = {}) =>
  api.createOrder(SYMBOL, type, side, '0.01234567', price, { clientOrderId: 'rb-box-1', ...params });
/** What anybody may send, signed by hand. */
async function raw(method: string, form: Record<string, string>, secret: string = ACCOUNT.secret) {
  const body = new URLSearchParams(form).toString();
  const path = `/0/private/${method}`;
  const digest = createHash('sha256')
    .update(form.nonce + body)
    .digest();
  const sign = createHmac('sha512', Buffer.from(secret, 'base64'))
    .update(path)
    .update(digest)
    .digest('base64');
  const answer = await fetch(world.simulator.restUrl + path, {
    method: 'POST',
    body,
    headers: { 'api-key': ACCOUNT.apiKey, 'api-sign': sign },
  });
  return { status: answer.status, error: ((await answer.json()) as { error: string[] }).error };
}
const account = () => world.simulator.ledger().accounts[0]!;

describe('Kraken, as the unmodified class of ccxt speaks to it', () => {
  it('lists its markets by ids that keep the prefixes of the first years', async () => {
    await start();
    expect(api.markets![SYMBOL]).toMatchObject({
      id: 'XBTUSDT',
      wsId: 'XBT/USDT',
      active: true,
      precision: { price: '0.1', amount: '0.00000001' },
    });
  });

  it('takes an order, answers with its id alone, and lists it with its fill and its fee in quote', async () => {
    await start();
    const placed = await order('limit', 'buy', '50000', { timeInForce: 'IOC' });
    expect(placed.status).toBeUndefined();
    expect(placed.id).toMatch(/^O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}$/);
    expect(await api.fetchOrder(placed.id!, SYMBOL, {})).toMatchObject({
      clientOrderId: 'rb-box-1',
      status: 'closed',
      filled: '0.01234567',
      symbol: SYMBOL,
    });
    const [closed] = await api.fetchClosedOrders(SYMBOL, undefined, undefined, { clientOrderId: 'rb-box-1' });
    expect(closed).toMatchObject({ id: placed.id, filled: '0.01234567' });
    const [trade] = await api.fetchMyTrades(SYMBOL, START_MS, undefined, {});
    expect(trade).toMatchObject({ order: placed.id, amount: '0.01234567', fee: { currency: 'USDT' } });
  });

  it('rests, lists, cancels by client order id, and holds back cost and fee until then', async () => {
    await start();
    await order('limit', 'buy', '30000');
    expect(await api.fetchOpenOrders()).toMatchObject([{ clientOrderId: 'rb-box-1', status: 'open' }]);
    const { USDT } = (await api.fetchBalance()).used as unknown as Record<string, string>;
    expect(Number(USDT)).toBeGreaterThan(0.01234567 * 30_000);
    await api.cancelOrder('', SYMBOL, { clientOrderId: 'rb-box-1' });
    expect(await api.fetchOpenOrders()).toEqual([]);
    await expect(api.cancelOrder('', SYMBOL, { clientOrderId: 'rb-box-1' })).rejects.toThrow(/Unknown order/);
  });

  it('books cost to five digits, and the balance by what it booked', async () => {
    await start();
    await order('market', 'buy');
    const { trades, balances } = account();
    const { price, amount, quoteAmount, fee } = trades[0]!;
    expect(quoteAmount).toBe((Math.round(Number(price) * Number(amount) * 1e5) / 1e5).toString());
    expect(Number(balances.USDT!.free)).toBeCloseTo(100_000 - Number(quoteAmount) - Number(fee), 8);
    expect(fee.split('.')[1]!.length).toBeLessThanOrEqual(5);
  });

  it('tells balances by its own names of assets', async () => {
    await start();
    expect((await api.fetchBalance()).total).toMatchObject({
      USDT: '100000.00000000',
      BTC: '2.0000000000',
    });
  });

  it.each([
    ['rb-box-0123456789abc', /Invalid arguments:cl_ord_id/],
    ['0123456789abcdef0123456789abcdef', null],
    ['01234567-89ab-cdef-0123-456789abcdef', null],
  ])('holds client order ids to its rule: %s', async (clientOrderId, refused) => {
    await start();
    const placed = order('market', 'buy', undefined, { clientOrderId });
    if (refused) await expect(placed).rejects.toThrow(refused);
    else await expect(placed).resolves.toBeDefined();
  });

  it('refuses a wrong signature and a nonce that does not grow', async () => {
    await start();
    const nonce = '9999999999999999';
    expect(await raw('BalanceEx', { nonce }, 'b3RoZXI=')).toEqual({
      status: 200,
      error: ['EAPI:Invalid signature'],
    });
    expect(await raw('BalanceEx', { nonce })).toEqual({ status: 200, error: [] });
    expect(await raw('BalanceEx', { nonce })).toEqual({ status: 200, error: ['EAPI:Invalid nonce'] });
  });

  it('answers what it does not know with an error, and keeps it in mind', async () => {
    await start();
    expect((await raw('Stake', { nonce: '9999999999999999' })).status).toBe(404);
    expect(world.simulator.unknown.splice(0)).toEqual(['POST /0/private/Stake']);
  });

  it('looks orders up by its own ids alone', async () => {
    await start();
    await order('market', 'buy');
    await expect(api.fetchOrder('', SYMBOL, { clientOrderId: 'rb-box-1' })).rejects.toThrow(
      /EGeneral:Invalid arguments/,
    );
  });

  it('says with HTTP 200 that too much was asked, and locks out who continues', async () => {
    await start({ limits: { tier: 'starter', refusalsBeforeBan: 3, banMs: 60_000 } });
    const asked = async () => {
      for (let i = 0; i < 16; i++) await api.fetchOpenOrders();
    };
    await expect(asked()).rejects.toThrow(/EAPI:Rate limit exceeded/);
    const goOn = async () => {
      for (let i = 0; i < 5; i++) await api.fetchOpenOrders().catch((error: Error) => error);
      return api.fetchOpenOrders();
    };
    await expect(goOn()).rejects.toThrow(/EGeneral:Temporary lockout|asked of it/);
  });

  it.each([
    ['a deadline keeps a queued order from being placed', 100, 0],
    ['without one that is over it is placed, though nobody waits any more', 5000, 1],
  ])('%s', async (_, deadlineMs, placed) => {
    await start();
    world.simulator.interceptor = ({ path }) =>
      path.endsWith('/AddOrder') ? { kind: 'queue', ms: 400 } : undefined;
    const deadline = new Date(world.clock.wallMs() + deadlineMs).toISOString();
    const form = { pair: 'XBTUSDT', type: 'buy', ordertype: 'market', volume: '0.01' };
    const { error } = await raw('AddOrder', { nonce: '9999999999999999', ...form, deadline });
    expect(error).toEqual(placed === 0 ? ['EService:Deadline elapsed'] : []);
    expect(account().orders).toHaveLength(placed);
  });

  it('cancels all of the account when nobody has wound its switch up in time', async () => {
    await start();
    await order('limit', 'buy', '30000');
    await api.cancelAllOrdersAfter(1000, {});
    await until(() => account().orders.every((each) => (each as { status: string }).status === 'CANCELED'));
  });

  it('lists a stop with its trigger', async () => {
    await start();
    await order('market', 'sell', undefined, { stopLossPrice: '30000' });
    const [stop] = await api.fetchOpenOrders();
    expect(stop).toMatchObject({ status: 'open', stopLossPrice: '30000.0', amount: '0.01234567' });
  });

  it('lists the newest 720 bars and no older ones', async () => {
    await start();
    const rows = await api.fetchOHLCV(SYMBOL, '1h', START_MS, 1000);
    expect(rows[0]![0]).toBe(START_MS);
    expect(rows.at(-1)![0]).toBe(START_MS + 100 * HOUR_MS);
  });

  it('refuses what its key may not do, a market that is closed and one that is gone', async () => {
    await start({
      accounts: [{ ...ACCOUNT, permissions: { trading: false, withdrawals: false, addressBound: false } }],
    });
    await expect(order('market', 'buy')).rejects.toThrow(/EGeneral:Permission denied/);
  });

  it('streams bars, and orders with their fills, cancels and client order ids', async () => {
    await start();
    const bars = api.watchOHLCV(SYMBOL, '1h');
    await until(() => world.simulator.subscribers(SYMBOL) === 1);
    expect((await bars).at(-1)![0]).toBe(START_MS + 100 * HOUR_MS);
    const told = api.watchOrders();
    await until(() => world.simulator.listeners(ACCOUNT.apiKey) === 1);
    await order('limit', 'buy', '30000');
    const [first] = await told;
    expect(first).toMatchObject({ symbol: SYMBOL, status: 'open', amount: '0.01234567' });
    expect((first as { info: object }).info).toMatchObject({ cl_ord_id: 'rb-box-1' });
  });
});
