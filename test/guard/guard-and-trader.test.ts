import { describe, expect, it } from 'vitest';
import type { EmergencyCanceller } from '../../src/guard/cancel-orders.js';
import { ARMED, attachTrader, LED } from './guard-bench.js';
import { bench, start, startActive, state } from './guard-fixture.js';

describe('the trader', () => {
  it('that dies takes the box to REDUCING under a new epoch, and shows on the LED within 1 s', async () => {
    const trader = await startActive();
    const before = bench.permit.read();
    trader.silent = true;
    await bench.time.advance(1000);
    const after = bench.permit.read();
    expect(after).toMatchObject({ ok: true, state: 'REDUCING' });
    expect(before.ok && after.ok && after.epoch > before.epoch).toBe(true);
    expect(bench.guard.status()).toMatchObject({ led: 'fault', trader: { present: false, everSeen: true } });
    trader.silent = false;
    await bench.time.advance(300);
    expect(trader.reconciled).toBe(2);
    expect(state()).toBe('ACTIVE');
  });

  it('that reconciled for an older epoch does not make the box ACTIVE', async () => {
    await start({ record: ARMED });
    await bench.time.advance(60);
    const { epoch } = bench.guard.status();
    const trader = await attachTrader(bench);
    await bench.time.advance(10);
    expect(state()).toBe('ACTIVE');
    trader.disconnect();
    expect(state()).toBe('REDUCING');
    trader.say({ type: 'reconciled', epoch });
    expect(state()).toBe('REDUCING');
  });

  it('that answers cancels as not confirmed is asked again each second', async () => {
    const trader = await startActive();
    trader.outcome = { confirmed: false, openOrders: 2, detail: 'the exchange does not answer' };
    bench.press();
    await bench.time.advance(5100);
    expect(trader.orders.length).toBeGreaterThanOrEqual(5);
    expect(bench.guard.status()).toMatchObject({
      led: 'halted_unconfirmed',
      halt: { confirmed: false, confirmation: 'the exchange does not answer' },
    });
    trader.outcome = { confirmed: true, openOrders: 0, detail: 'two empty answers' };
    await bench.time.advance(1100);
    expect(bench.guard.status()).toMatchObject({ led: 'halted_confirmed', halt: { confirmed: true } });
    expect(bench.killed).toEqual([]);
  });

  it('that does not answer is killed within 1 s of the press, and the guard cancels by itself until it is confirmed', async () => {
    let tries = 0;
    const canceller: EmergencyCanceller = {
      async cancelAll() {
        tries += 1;
        if (tries < 3) throw new Error('exchange down');
        return { confirmed: true, openOrders: 0, detail: 'cancelled by the guard' };
      },
    };
    const trader = await startActive({ canceller });
    trader.silent = true;
    bench.press();
    await bench.time.advance(700);
    expect(bench.killed).toEqual([]);
    await bench.time.advance(200);
    expect(bench.killed).toEqual([4242]);
    expect(bench.guard.status().halt).toMatchObject({ confirmed: false });
    await bench.time.advance(3000);
    expect(tries).toBe(3);
    expect(bench.guard.status().halt).toMatchObject({
      confirmed: true,
      confirmation: 'cancelled by the guard',
    });
    expect(bench.killed).toEqual([4242]);
  });

  it('that acknowledges and then falls silent is killed too, once', async () => {
    const done = { confirmed: true, openOrders: 0, detail: 'none is left' };
    // Whether or not the guard has confirmed by itself before the trader's second is over, as it has on paper.
    for (const canceller of [null, { cancelAll: async () => done }]) {
      const trader = await startActive({ canceller });
      trader.outcome = { confirmed: false, openOrders: null, detail: 'not yet' };
      bench.press();
      await bench.time.advance(10);
      expect(trader.orders).toHaveLength(1);
      trader.silent = true;
      await bench.time.advance(5_000);
      expect(bench.killed).toEqual([4242]);
      await bench.dispose();
    }
    // One that did its duty is left to the service manager.
    const trader = await startActive();
    bench.press();
    await bench.time.advance(10);
    trader.silent = true;
    await bench.time.advance(5_000);
    expect(bench.killed).toEqual([]);
  });

  it('that is at work on the order and held up for a while is left alive', async () => {
    const trader = await startActive({
      canceller: { cancelAll: async () => ({ confirmed: true, openOrders: 0, detail: 'none is left' }) },
    });
    trader.outcome = { confirmed: false, openOrders: null, detail: 'not yet' };
    bench.press();
    await bench.time.advance(1_500);
    trader.silent = true;
    await bench.time.advance(2_000);
    trader.silent = false;
    await bench.time.advance(5_000);
    expect(bench.killed).toEqual([]);
    expect(bench.guard.status().trader.present).toBe(true);
  });

  it('that beats but never acknowledges is killed too', async () => {
    await start({ record: ARMED });
    const end = bench.guard.attachTrader({ beats: true, pid: 99, send() {}, close() {} });
    end.receive({ type: 'hello', pid: 1234 });
    bench.time.scheduler.every(200, () => end.receive({ type: 'beat' }));
    await bench.time.advance(100);
    bench.press();
    await bench.time.advance(1100);
    expect(bench.killed).toEqual([99]);
    expect(bench.guard.status().halt).toMatchObject({ confirmed: false });
    expect(bench.guard.status().halt?.confirmation).toContain('no exchange connection of its own');
  });

  it('that restarts while the box is halted is told to cancel', async () => {
    await start({ record: ARMED });
    await bench.time.advance(60);
    bench.press();
    await bench.time.advance(10);
    expect(bench.guard.status().halt).toMatchObject({ confirmed: false });
    const trader = await attachTrader(bench);
    expect(trader.orders).toHaveLength(1);
    expect(bench.guard.status().halt).toMatchObject({ confirmed: true });
  });

  it('that came after the press and is held up by its start is given time, while the guard cancels by itself', async () => {
    const outcomes: string[] = [];
    await start({
      record: ARMED,
      canceller: {
        async cancelAll() {
          outcomes.push('asked');
          throw new Error('exchange down');
        },
      },
    });
    await bench.time.advance(60);
    bench.press();
    await bench.time.advance(10);
    for (const beats of [true, false]) {
      const pid = beats ? 98 : 99;
      const end = bench.guard.attachTrader({ beats: true, pid, send() {}, close() {} });
      end.receive({ type: 'hello', pid });
      if (beats) bench.time.scheduler.every(200, () => end.receive({ type: 'beat' }));
      const before = outcomes.length;
      await bench.time.advance(9_500);
      expect(bench.killed).toEqual(beats ? [] : [98]);
      expect(outcomes.length - before).toBeGreaterThan(5);
      await bench.time.advance(1_500);
      expect(bench.killed).toEqual(beats ? [98] : [98, 99]);
      end.closed();
    }
  });

  it('keeps the line when a second one comes', async () => {
    const first = await startActive();
    const second = await attachTrader(bench, 7);
    expect(second.closed).toBe(true);
    expect(first.closed).toBe(false);
    expect(bench.guard.status().trader.pid).toBe(4242);
  });
});

describe('the LED', () => {
  it('never stands still, whatever the box does', async () => {
    await start({ record: ARMED });
    const longestSteadyMs = async (forMs: number) => {
      let [steady, longest, last] = [0, 0, bench.gpio.level(LED)];
      for (let ms = 0; ms < forMs; ms += 10) {
        await bench.time.advance(10);
        const level = bench.gpio.level(LED);
        steady = level === last ? steady + 10 : 0;
        longest = Math.max(longest, steady);
        last = level;
      }
      return longest;
    };
    expect(await longestSteadyMs(4000)).toBeLessThanOrEqual(1000);
    const trader = await attachTrader(bench);
    expect(await longestSteadyMs(6000)).toBeLessThanOrEqual(1900);
    bench.press();
    expect(await longestSteadyMs(4000)).toBeLessThanOrEqual(100);
    trader.disconnect();
    await bench.guard.stop();
    expect(bench.gpio.level(LED)).toBe(0);
    await start();
  });
});
