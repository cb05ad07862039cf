// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { endedShort, engineOf, fillOn, knowsAll, THIN } from './ended-short.js';
import { KEY, type LiveTrader, startLiveTrader } from './live-trader.js';

let box: LiveTrader | undefined;
afterEach(async () => {
  await box?.stop();
  box = undefined;
});

const listens = () => box!.simulator.listeners(KEY.apiKey) > 0;
describe('the exchange’s word on orders', { timeout: 60_000 }, () => {
  it('makes an execution known that follows the end of its order, long before the next comparison', async () => {
    box = await startLiveTrader(THIN, { orderType: 'market' });
    await box.until('the order stream', listens);
    const order = await endedShort(box);
    const startedMs = performance.now();
    fillOn(box!, order);
    await box.until('the late execution', () => knowsAll(box!, order), 5000);
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
      async () => engineOf(box!).orders[0] !== undefined && knowsAll(box!, engineOf(box!).orders[0]!),
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
    const order = await endedShort(box);
    box.simulator.eventTamper = () => [];
    fillOn(box!, order);
    expect(await knowsAll(box!, order)).toBe(false);
    await box.until('the comparison', () => knowsAll(box!, order), 10_000);
    for (let i = 0; i < 10; i++) await box.step();
    await box.until('every fill', async () => {
      const fills = await box!.trader.store.fills();
      return fills.length >= engineOf(box!).ledger.trades.length;
    });
    const fills = await box.trader.store.fills();
    expect(fills.map(({ fillId }) => Number(fillId)).sort((a, b) => a - b)).toEqual(
      engineOf(box!).ledger.trades.map(({ tradeId }) => tradeId),
    );
    expect(seen).toBeGreaterThan(0);
  });

  it('is listened to again after the line broke, and what was said meanwhile is found by a comparison', async () => {
    box = await startLiveTrader(THIN, { orderType: 'market' });
    await box.until('the order stream', listens);
    const order = await endedShort(box);
    box.simulator.dropStreams();
    fillOn(box!, order);
    await box.until('the order stream', listens, 5000);
    await box.until('the execution of meanwhile', () => knowsAll(box!, order), 10_000);
  });
});
