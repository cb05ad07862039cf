// @module-tag processes

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createExchange } from '../../src/adapters/ccxt/index.js';
import { simulatedClock } from '../../src/simulator/index.js';
import { buildBox, type LiveBox, startLiveBox } from './live-box.js';
import { isConfirmed } from './live-cases.js';

const SYMBOL = 'BTC/USDT';
/** Longer than the owner may be left without word. */
const HANG_MS = 9_000;

let box: LiveBox;
let built: ReturnType<typeof buildBox>;
beforeAll(() => {
  built = buildBox();
}, 120_000);
afterAll(() => built?.remove());
afterEach(async () => {
  await box?.dispose();
}, 30_000);

/** Places a resting order of this id on the box's account, as another box or the owner would. */
async function place(clientOrderId: string): Promise<void> {
  const { restUrl, wsUrl } = box.simulator;
  const hand = await createExchange(
    { id: 'binance', symbols: [SYMBOL], restUrl, wsUrl, sandbox: true },
    simulatedClock(box.simulator),
    { apiKey: 'box-key', secret: 'box-secret' },
  );
  await hand.api.createOrder(SYMBOL, 'limit', 'buy', '0.001', '20000', { clientOrderId });
}

describe('a press while the exchange is at fault', () => {
  it('with the trader dead and a list of open orders that is wrongly empty: the order is found and cancelled', async () => {
    box = await startLiveBox({ modelDir: built.modelDir });
    await box.arm();
    await box.placeOrders(1);
    await box.trader.kill();
    box.intercept(({ path }) =>
      path === '/api/v3/openOrders' ? { kind: 'change', change: () => [] } : undefined,
    );
    const fromMs = box.nowMs();
    await box.button(true);
    await box.until('the cancel', () => box.resting().length === 0);
    console.log(`wrongly empty list: cancelled after ${(box.nowMs() - fromMs).toFixed(0)} ms`);
    await box.until('the confirmation', () => isConfirmed(box));
    expect(box.resting()).toEqual([]);
  }, 90_000);

  it('with the trader alive and every request hanging: word within 6 s, and cancelled within 2 s once it is well', async () => {
    box = await startLiveBox({ modelDir: built.modelDir });
    await box.arm();
    await box.placeOrders(1);
    const own = () => box.resting().filter((id) => id.startsWith('rb-box-test'));
    box.intercept(({ path }) => (path.startsWith('/api/v3/time') ? undefined : { kind: 'hang' }));
    const fromMs = box.nowMs();
    await box.button(true);
    await box.until('word of it', async () => (await box.status()).halt?.confirmed === false);
    const wordMs = box.nowMs() - fromMs;
    await delay(Math.max(0, fromMs + HANG_MS - box.nowMs()));
    expect(own()).toHaveLength(1);
    box.intercept(undefined);
    const wellMs = box.nowMs();
    await box.until('the cancel', () => own().length === 0);
    const cancelledMs = box.nowMs() - wellMs;
    console.log(
      `hanging: word ${wordMs.toFixed(0)} ms after the press, cancelled ${cancelledMs.toFixed(0)} ms after it was well`,
    );
    expect(box.trader.ended()).toBe(false);
    expect(wordMs).toBeLessThan(6_000);
    expect(cancelledMs).toBeLessThan(2_000);
    await box.until('the confirmation', () => isConfirmed(box), 40_000);
    expect(`${box.guard.output()}${box.trader.output()}${JSON.stringify(await box.status())}`).not.toMatch(
      /signature=|timestamp=|box-key|box-secret/,
    );
  }, 120_000);

  it('cancels its own orders, also as Gate shows them, and none of a box with a longer name on the account', async () => {
    box = await startLiveBox({ modelDir: built.modelDir });
    await box.arm();
    await place('rb-box-2-m1abcdef0xyz123');
    await place('rb-box-m1abcdef0xyz123');
    await place('t-rb-box-m1abcdef0xyz124');
    for (const who of ['trader', 'guard']) {
      if (who === 'guard') await place('rb-box-m1abcdef0xyz125');
      if (who === 'guard') await box.trader.kill();
      await box.button(true);
      await box.until('the cancels', () => box.resting().length === 1);
      await box.until('the confirmation', () => isConfirmed(box));
      expect(box.resting()).toEqual(['rb-box-2-m1abcdef0xyz123']);
      await box.button(false);
      if (who === 'trader') await box.arm();
    }
  }, 120_000);
});
