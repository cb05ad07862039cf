import { afterEach, describe, expect, it } from 'vitest';
import type { CancelOutcome } from '../../src/core/guard-link.js';
import type { EmergencyCanceller } from '../../src/guard/cancel-orders.js';
import { ARMED, attachTrader, type Bench, type BenchOptions, startBench } from './guard-bench.js';

const YES: CancelOutcome = { confirmed: true, openOrders: 0, detail: 'none is left' };
const NO: CancelOutcome = { confirmed: false, openOrders: null, detail: 'the exchange does not answer' };

let bench: Bench;
afterEach(async () => {
  await bench.dispose();
});

/** An armed box and its guard's own connection, whose passes are answered by `answer` and counted. */
async function given(answer: () => CancelOutcome, options: BenchOptions = {}, again: CancelOutcome[] = []) {
  const asked = { passes: 0, looks: [] as number[] };
  const canceller: EmergencyCanceller = {
    async cancelAll() {
      asked.passes++;
      return answer();
    },
    async lookAgain() {
      asked.looks.push(bench.time.clock.monotonicMs());
      return again.shift() ?? YES;
    },
  };
  bench = await startBench({ record: ARMED, canceller, ...options });
  return asked;
}

/** A trader that acknowledges and beats, and whose requests to the exchange hang. */
async function attachHanging(): Promise<void> {
  const end = bench.guard.attachTrader({
    beats: true,
    pid: 99,
    send(message) {
      if (message.type === 'cancel') end.receive({ type: 'ack', epoch: message.epoch });
      else end.receive({ type: 'reconciled', epoch: message.epoch });
    },
    close() {},
  });
  end.receive({ type: 'hello', pid: 99 });
  bench.time.scheduler.every(200, () => end.receive({ type: 'beat' }));
  await bench.time.advance(100);
  expect(bench.guard.status().state).toBe('ACTIVE');
}

const halt = () => bench.guard.status().halt;
const told = () =>
  bench.notices
    .map(({ kind }) => kind)
    .filter((kind) => kind.startsWith('halt_') && kind !== 'halt_recorded');

describe('a trader that hangs on the exchange after it has acknowledged', () => {
  it('is helped out after 4 s by the guard’s own connection, each second until it is confirmed', async () => {
    let answer = NO;
    const asked = await given(() => answer);
    await attachHanging();
    bench.press();
    await bench.time.advance(3_900);
    expect(asked.passes).toBe(0);
    await bench.time.advance(4_200);
    expect(asked.passes).toBeGreaterThanOrEqual(4);
    expect(halt()).toMatchObject({ confirmed: false, confirmation: 'the exchange does not answer' });
    answer = YES;
    await bench.time.advance(1_100);
    expect(halt()).toMatchObject({ confirmed: true, confirmation: 'none is left' });
    expect(bench.killed).toEqual([]);
  });

  it('leaves the owner without word for 5 s at most, though no request of anybody is answered', async () => {
    await given(() => NO, { canceller: { cancelAll: () => new Promise(() => {}) } });
    await attachHanging();
    bench.press();
    await bench.time.advance(5_200);
    expect(told()).toEqual(['halt_not_confirmed']);
    expect(halt()?.confirmation).toContain('no answer for 5 s');
  });
});

describe('what the guard itself sees at the exchange', () => {
  it('does not overrule a trader that is there and says no', async () => {
    await given(() => YES);
    const trader = await attachTrader(bench);
    await bench.time.advance(100);
    trader.outcome = { confirmed: false, openOrders: 1, detail: '1 of unknown outcome' };
    bench.press();
    await bench.time.advance(8_000);
    expect(halt()).toMatchObject({ confirmed: false });
    trader.outcome = YES;
    await bench.time.advance(1_100);
    expect(halt()).toMatchObject({ confirmed: true });
  });

  it('does not end the closing of positions, which is the trader’s', async () => {
    await given(() => YES, { flatten: true });
    await attachHanging();
    bench.press();
    await bench.time.advance(8_000);
    expect(bench.guard.status()).toMatchObject({ state: 'FLATTENING', halt: { confirmed: false } });
  });

  it('is looked at again after 5 s, 30 s and 2 min; an order that shows up takes the confirmation back', async () => {
    const open: CancelOutcome = { confirmed: false, openOrders: 1, detail: '1 orders are open' };
    const asked = await given(() => YES, {}, [YES, open]);
    await bench.time.advance(100);
    bench.press();
    await bench.time.advance(1_000);
    const fromMs = bench.time.clock.monotonicMs();
    expect(bench.guard.status()).toMatchObject({ led: 'halted_confirmed' });
    await bench.time.advance(36_000);
    expect(asked.looks.map((atMs) => Math.round((atMs - fromMs) / 10_000))).toEqual([0, 3]);
    expect(told()).toEqual(['halt_confirmed', 'halt_not_confirmed', 'halt_confirmed']);
    // Confirmed again, it is looked at again.
    await bench.time.advance(200_000);
    expect(asked.looks.length).toBe(5);
    expect(bench.guard.status()).toMatchObject({ led: 'halted_confirmed' });
  });

  it('stays confirmed where a later look is not answered, and is not looked at once the box is armed', async () => {
    const asked = await given(() => YES, {}, [NO]);
    await bench.time.advance(100);
    bench.press();
    await bench.time.advance(7_000);
    expect(asked.looks).toHaveLength(1);
    expect(told()).toEqual(['halt_confirmed']);
    bench.release();
    await bench.arm();
    await bench.time.advance(200_000);
    expect(asked.looks).toHaveLength(1);
  });
});
