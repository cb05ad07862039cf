// @module-tag processes

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ExchangeSimulator } from '../../src/simulator/index.js';
import { buildBox, type LiveBox, startLiveBox } from './live-box.js';
import { createdAfter, isConfirmed, press } from './live-cases.js';

/** The market falls by this much in so many bars of half a second. */
const FALL = 0.3;
const FALL_BARS = 30;
/** What the book takes of the position that was held at the press, each bar. */
const PART_EACH_BAR = 1 / 20;
const STEP = 0.00002;

let box: LiveBox;
let built: ReturnType<typeof buildBox>;
beforeAll(() => {
  built = buildBox();
}, 120_000);
afterAll(() => built?.remove());
afterEach(async () => {
  await box?.dispose();
}, 30_000);

const account = () => box.simulator.ledger().accounts[0]!;
const held = () => Number(account().balances.BTC?.free ?? 0);
const lastClose = () => Number(box.simulator.exchange.book(instrument(box.simulator)).last);
const instrument = (simulator: ExchangeSimulator) => simulator.exchange.replay.instruments[0]!;

/** From now on the market falls to a straight line's end, and nobody buys more than a little of it. */
function startFall(simulator: ExchangeSimulator): void {
  const { candles } = instrument(simulator);
  const from = simulator.exchange.replay.completed(instrument(simulator));
  const start = candles.close[from - 1]!;
  const priceAt = (bar: number) => Math.round(start * (1 - FALL * Math.min(1, bar / FALL_BARS)) * 100) / 100;
  for (let i = from; i < candles.length; i++) {
    const [open, close] = [priceAt(i - from), priceAt(i - from + 1)];
    candles.open[i] = candles.high[i] = open;
    candles.low[i] = candles.close[i] = close;
  }
}

/** Leaves of the book's bids no more than `amount`. */
function thinBids(simulator: ExchangeSimulator, amount: number): void {
  const book = simulator.exchange.book(instrument(simulator));
  const depth = book.depth('sell');
  if (depth.gt(amount)) book.take('sell', book.match('sell', depth.minus(amount)));
}

/** A box that holds a position, and at the press falls into a market that takes ten seconds and more to sell it in. */
async function startHolding(): Promise<{ fall(): void }> {
  let part: number | null = null;
  box = await startLiveBox({
    modelDir: built.modelDir,
    onHalt: 'flatten',
    onStep(simulator) {
      if (part !== null) thinBids(simulator, part);
    },
  });
  await box.arm();
  await box.until('a position', () => held() > 0.001, 40_000);
  return {
    fall() {
      part = held() * PART_EACH_BAR;
      startFall(box.simulator);
      thinBids(box.simulator, part);
    },
  };
}

const sales = (fromMs: number) => createdAfter(box, fromMs).length;
const on = () => ({ box, move: (pressed: boolean) => box.button(pressed), slower: 1 });

describe('a press that is held, where the box is to flatten', () => {
  it(`given a market that falls by ${FALL * 100} % meanwhile and hardly buys, then continues until nothing is held`, async () => {
    const { fall } = await startHolding();
    const [before, price] = [held(), lastClose()];
    fall();
    const { fromMs } = await press(on());
    await box.until('the sale of all of it', () => held() < STEP, 90_000);
    const tookMs = box.nowMs() - fromMs;
    const sold = account()
      .trades.filter(({ side }) => side === 'sell')
      .slice(-sales(fromMs));
    const average =
      sold.reduce((sum, trade) => sum + Number(trade.price) * Number(trade.amount), 0) /
      sold.reduce((sum, trade) => sum + Number(trade.amount), 0);
    await box.until('the confirmation', () => isConfirmed(box));
    console.log(
      `${before} BTC, ${price} at the press and ${lastClose()} at the end: flat after ${(tookMs / 1000).toFixed(1)} s, ` +
        `${sales(fromMs)} orders, sold at ${average.toFixed(2)} on average; ${(await box.status()).halt?.confirmation}`,
    );
    expect(lastClose()).toBeLessThan(price * 0.95);
    expect(box.permit()).toEqual({ ok: false, reason: 'revoked' });
    expect((await box.status()).state).toBe('HALTED');
  }, 180_000);

  it('given a second press in the middle, then nothing more leaves', async () => {
    const { fall } = await startHolding();
    fall();
    const { fromMs } = await press(on());
    const before = held();
    await box.until('some sales', () => held() < before * 0.8, 60_000);
    await box.button(false);
    await box.until('a released contact', async () => (await box.status()).contact === 'released');
    const { shutAtMs } = await press(on());
    await delay(6_000);
    console.log(
      `a second press after ${((shutAtMs - fromMs) / 1000).toFixed(1)} s: ${sales(fromMs) - sales(shutAtMs)} orders before it, ` +
        `${sales(shutAtMs + 20)} after it, ${held()} of ${before} BTC still held`,
    );
    // One that was on the wire as the permit went counts as on the wire; 20 ms is what a request takes here.
    expect(createdAfter(box, shutAtMs + 20)).toEqual([]);
    expect(held()).toBeGreaterThan(before * 0.1);
    expect(box.permit()).toEqual({ ok: false, reason: 'revoked' });
    expect(box.guard.output()).toContain('"flatten_ended"');
  }, 180_000);
});
