import { afterEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import type { SimulatedOrder } from '../../src/simulator/order-engine.js';
import { KEY, type LiveTrader, startLiveTrader } from './live-trader.js';

/** So thin that an order of the box ends before it is filled, and an execution can follow. */
const THIN = { book: { topSize: '0.02', levels: 1 } };
let box: LiveTrader | undefined;
afterEach(async () => {
  await box?.stop();
  box = undefined;
});

const engine = () => box!.simulator.venue.account(KEY.apiKey)!.engine;
const listens = () => box!.simulator.listeners(KEY.apiKey) > 0;
const stored = async (order: SimulatedOrder) =>
  (await box!.trader.store.fills())
    .filter(({ clientOrderId }) => clientOrderId === order.clientOrderId)
    .reduce((sum, { amount }) => sum.plus(amount), decimal(0));
const knowsAll = async (order: SimulatedOrder) => (await stored(order)).eq(order.filled);

/** Steps until an order of the box has ended short of its amount, and its fills are stored. */
async function endedShort(): Promise<SimulatedOrder> {
  const isShort = (order: SimulatedOrder) => order.status === 'EXPIRED' && order.filled.lt(order.amount);
  while (!engine().orders.some(isShort)) await box!.step();
  const order = engine().orders.find(isShort)!;
  await box!.until('its fills', () => knowsAll(order));
  return order;
}

/** The exchange executes more of an order that it has ended. */
function fillOn(order: SimulatedOrder): void {
  const { venue } = box!.simulator;
  const before = order.filled;
  venue.book(order.instrument).draw(venue.replay.lastClose(order.instrument)!);
  engine().execute(order, venue.book(order.instrument), decimal('0.001'), venue.clock.wallMs());
  expect(order.filled.gt(before)).toBe(true);
}

describe('the exchange’s word on orders', { timeout: 60_000 }, () => {
  it('makes an execution known that follows the end of its order, long before the next comparison', async () => {
    box = await startLiveTrader(THIN, { orderType: 'market' });
    await box.until('the order stream', listens);
    const order = await endedShort();
    const startedMs = performance.now();
    fillOn(order);
    await box.until('the late execution', () => knowsAll(order), 5000);
    const tookMs = performance.now() - startedMs;
    console.log(`an execution after the end of its order is stored ${tookMs.toFixed(0)} ms later`);
    expect(tookMs).toBeLessThan(5000);
  });

  it('makes an order known that the exchange took and whose answer was dropped, at once', async () => {
    box = await startLiveTrader();
    await box.until('the order stream', listens);
    let droppedMs = 0;
    box.simulator.interceptor = ({ method, path }) => {
      if (method !== 'POST' || path !== '/api/v3/order' || droppedMs > 0) return undefined;
      droppedMs = performance.now();
      return { kind: 'drop_answer' };
    };
    while (droppedMs === 0) await box.step();
    await box.until(
      'the order',
      async () => engine().orders[0] !== undefined && knowsAll(engine().orders[0]!),
    );
    const tookMs = performance.now() - droppedMs;
    console.log(`an order whose answer was dropped is stored with its fills ${tookMs.toFixed(0)} ms later`);
    expect(tookMs).toBeLessThan(5000);
  });

  it('changes nothing where every event of it is lost, doubled or turned round: the comparison finds it all', async () => {
    box = await startLiveTrader(THIN, { orderType: 'market', reconcileMs: 3000 });
    await box.until('the order stream', listens);
    let held: object[] = [];
    let seen = 0;
    box.simulator.eventTamper = (_key, event) => {
      seen++;
      if (seen % 3 === 0) return [];
      held.push(event);
      if (held.length < 4) return [];
      const turned = [...held, ...held].reverse().map((each) => ({ event: each, afterMs: 0 }));
      held = [];
      return turned;
    };
    const order = await endedShort();
    box.simulator.eventTamper = () => [];
    fillOn(order);
    expect(await knowsAll(order)).toBe(false);
    await box.until('the comparison', () => knowsAll(order), 10_000);
    for (let i = 0; i < 10; i++) await box.step();
    await box.until('every fill', async () => {
      const fills = await box!.trader.store.fills();
      return fills.length >= engine().ledger.trades.length;
    });
    const fills = await box.trader.store.fills();
    expect(fills.map(({ fillId }) => Number(fillId)).sort((a, b) => a - b)).toEqual(
      engine().ledger.trades.map(({ tradeId }) => tradeId),
    );
    expect(seen).toBeGreaterThan(0);
  });

  it('is listened to again after the line broke, and what was said meanwhile is found by a comparison', async () => {
    box = await startLiveTrader(THIN, { orderType: 'market' });
    await box.until('the order stream', listens);
    const order = await endedShort();
    box.simulator.dropStreams();
    fillOn(order);
    await box.until('the order stream', listens, 5000);
    await box.until('the execution of meanwhile', () => knowsAll(order), 10_000);
  });
});
