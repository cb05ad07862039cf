// @module-tag sockets

import { Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/adapters/log/log.js';
import { decimal } from '../../src/core/money.js';
import { KEY, type LiveTrader, SYMBOL, startLiveTrader } from './live-trader.js';

let box: LiveTrader | undefined;
afterEach(async () => {
  await box?.stop();
  box = undefined;
});

/** Codes of the alerts that a box without a phone writes to its log, in their order. */
function alertLog() {
  const lines: { alert?: string; figures?: object }[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
  const codes = () => lines.flatMap(({ alert }) => alert ?? []);
  return {
    log: createLog('warn', stream),
    lines,
    codes,
    of: (code: string) => codes().filter((it) => it === code),
  };
}

const held = () => box!.trader.pipeline.portfolio.book('binance', SYMBOL).units;
/** The fee in coins leaves less than a step. */
const isFlat = () => held().lt(box!.simulator.exchange.replay.instruments[0]!.amountStep);
/** Orders that the exchange itself rejected, in its own words. */
const rejections = async () =>
  (await box!.trader.store.orderEvents()).filter(({ status }) => status === 'rejected');

async function buy(): Promise<void> {
  for (let i = 0; i < 60 && !held().gt(0); i++) await box!.step();
  expect(held().gt(0)).toBe(true);
}

describe('a market whose rules change while a position is held', () => {
  it.each([
    ['a coarser step', (units: string) => ({ amountStep: decimal(units).gt(0.1) ? '0.1' : '0.001' })],
    ['a coarser tick', () => ({ priceTick: '10' })],
  ])(
    'lets the exit out after one rejection: %s',
    async (_what, change) => {
      const { log, lines } = alertLog();
      box = await startLiveTrader({}, {}, { log });
      await buy();
      const terms = change(held().toFixed());
      box.simulator.exchange.changeMarket(SYMBOL, {
        ...terms,
        ...('amountStep' in terms && { amountMin: terms.amountStep }),
      });
      expect(await box.trader.pipeline.orders.flatten('binance')).toEqual([]);
      expect(await rejections()).toHaveLength(1);
      expect(isFlat()).toBe(true);
      expect(lines.filter((line) => 'before' in line)).toHaveLength(1);
      expect((await box.trader.store.runs()).length).toBe(2);
    },
    60_000,
  );

  it('lets the exit of a signal out within its own bar', async () => {
    box = await startLiveTrader();
    await buy();
    // Entries come first: each time one is rejected, and has brought the new rules, they change again, until it is an exit.
    const sides = async () => (await rejections()).map(({ order }) => order.side);
    for (const amountStep of ['0.001', '0.0013', '0.0017', '0.0019', '0.0023', '0.0029']) {
      const before = (await sides()).length;
      box.simulator.exchange.changeMarket(SYMBOL, { amountStep, amountMin: amountStep });
      for (let i = 0; i < 60 && (await sides()).length === before; i++) await box.step();
      if ((await sides()).includes('sell')) break;
      // The rules are not read again for a rejection within five seconds of the one before.
      await new Promise((resolve) => setTimeout(resolve, 5_100));
    }
    const [rejected, ...more] = (await rejections()).filter(({ order }) => order.side === 'sell');
    expect(more).toEqual([]);
    const { barOpenMs } = rejected!.order;
    const filled = (await box.trader.store.orderEvents()).filter(
      ({ order, status }) => status === 'filled' && order.side === 'sell' && order.barOpenMs === barOpenMs,
    );
    expect(filled).toHaveLength(1);
  }, 60_000);
});

describe('a market that closes', () => {
  it('is told once, takes no entry, and is left as soon as it is open', async () => {
    const { log, of } = alertLog();
    box = await startLiveTrader({}, {}, { log });
    const { simulator, trader } = box;
    await buy();
    simulator.exchange.changeMarket(SYMBOL, { status: 'BREAK' });
    expect(await trader.pipeline.orders.flatten('binance')).toMatchObject([expect.stringContaining(SYMBOL)]);
    await box.until('the alert', () => of('MARKET_CLOSED').length > 0);
    expect(trader.live.state().layers.map(({ errorCode }) => errorCode)).toContain('E_MARKET_CLOSED');
    const { engine } = simulator.exchange.account(KEY.apiKey)!;
    const orders = engine.orders.length;
    for (let i = 0; i < 4; i++) {
      await box.step();
      expect(await trader.pipeline.orders.flatten('binance')).toHaveLength(1);
    }
    expect(engine.orders).toHaveLength(orders);
    // Of five attempts within ten seconds one alone has left the box.
    expect(await rejections()).toHaveLength(1);
    simulator.exchange.changeMarket(SYMBOL, { status: 'TRADING' });
    await box.until(
      'the close',
      async () => (await trader.pipeline.orders.flatten('binance')).length === 0,
      60_000,
    );
    expect(isFlat()).toBe(true);
    await box.until('the end', () => of('MARKET_OPEN').length > 0);
    expect([of('MARKET_CLOSED').length, of('MARKET_OPEN').length, of('ORDER_REJECTED').length]).toEqual([
      1, 1, 0,
    ]);
    expect(trader.live.state().layers.map(({ errorCode }) => errorCode)).not.toContain('E_MARKET_CLOSED');
  }, 120_000);

  it('takes no entry from the start on where it is closed then', async () => {
    const { log, of } = alertLog();
    box = await startLiveTrader({}, {}, { log });
    box.simulator.exchange.changeMarket(SYMBOL, { status: 'HALT' });
    for (let i = 0; i < 12; i++) await box.step();
    expect(box.simulator.exchange.account(KEY.apiKey)!.engine.orders).toEqual([]);
    expect(await rejections()).toHaveLength(1);
    expect(await rejections()).toMatchObject([{ reason: 'market_closed' }]);
    const denied = (await box.trader.store.orderEvents()).filter(({ status }) => status === 'denied');
    expect(denied.length).toBeGreaterThan(0);
    expect(denied.every(({ reason }) => reason === 'market_closed')).toBe(true);
    expect([of('MARKET_CLOSED').length, of('ORDER_REJECTED').length]).toEqual([1, 0]);
  }, 60_000);
});

describe('a symbol that the exchange does not list at the start', () => {
  it('is told and not traded, and the others are', async () => {
    const { log, lines, codes } = alertLog();
    box = await startLiveTrader({}, {}, { log, symbols: ['GONE/USDT', SYMBOL] });
    await box.until('the alert', () => codes().includes('SYMBOL_NOT_LISTED'));
    expect(lines.find(({ alert }) => alert === 'SYMBOL_NOT_LISTED')!.figures).toEqual({
      exchange: 'binance',
      symbol: 'GONE/USDT',
    });
    expect(box.trader.live.state().layers).toContainEqual(
      expect.objectContaining({ layer: 'market binance:GONE/USDT', errorCode: 'E_SYMBOL_UNKNOWN' }),
    );
    await buy();
  }, 60_000);

  it('is a reason not to start where none is listed', async () => {
    await expect(startLiveTrader({}, {}, { symbols: ['GONE/USDT', 'LOST/USDT'] })).rejects.toMatchObject({
      code: 'E_SYMBOL_UNKNOWN',
      message: 'binance lists none of GONE/USDT, LOST/USDT',
    });
  }, 60_000);
});
