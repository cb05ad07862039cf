import { afterEach, describe, expect, it } from 'vitest';
import type { ArmedReading } from '../../src/guard/armed-record.js';
import { ARMED, attachTrader, type Bench, type BenchOptions, startBench } from './guard-bench.js';

let bench: Bench;
const start = async (options: BenchOptions = {}) => {
  bench = await startBench({ record: ARMED, ...options });
  return bench;
};
const startActive = async (options: BenchOptions = {}) => {
  await start(options);
  const trader = await attachTrader(bench);
  await bench.time.advance(100);
  expect(bench.guard.status()).toMatchObject({ state: 'ACTIVE', armed: true });
  return trader;
};
const count = (kind: string) => bench.notices.filter((notice) => notice.kind === kind).length;
const status = () => bench.guard.status();
/** As an arming leaves it that both places took. */
const IN_BOTH: ArmedReading = {
  kind: 'record',
  record: { armed: true, epoch: 1, atMs: 0, cause: 'armed at the button', inBoth: true },
};
const HANGS = new Promise<void>(() => undefined);

afterEach(async () => {
  // What hangs in a test hangs on: it is not waited for.
  const disposed = bench.dispose();
  await bench.time.advance(2_500);
  await disposed;
});

describe('a halt that could not be recorded', () => {
  it('is not called confirmed before it is recorded, by LED, phone and status, whatever the cancels say', async () => {
    await startActive();
    bench.record.failing = 'read-only file system';
    bench.press();
    await bench.time.advance(10_000);
    expect(status()).toMatchObject({
      state: 'HALTED',
      led: 'halted_unconfirmed',
      halt: { recorded: false, notRecorded: 'read-only file system', confirmed: true },
    });
    expect([count('halt_confirmed'), count('halt_not_recorded')]).toEqual([0, 1]);
    bench.record.failing = null;
    await bench.time.advance(1_100);
    expect(status()).toMatchObject({ led: 'halted_confirmed', halt: { recorded: true, notRecorded: null } });
    expect(count('halt_confirmed')).toBe(1);
  });

  it('is called confirmed once, when the record comes before the cancels', async () => {
    const trader = await startActive();
    trader.outcome = { confirmed: false, openOrders: 1, detail: 'one is left' };
    bench.press();
    await bench.time.advance(50);
    expect([count('halt_recorded'), count('halt_confirmed')]).toEqual([1, 0]);
    const { epoch } = bench.notices.find(({ kind }) => kind === 'halted')!;
    trader.say({ type: 'canceled', epoch, confirmed: true, openOrders: 0, detail: 'two empty answers' });
    await bench.time.advance(50);
    expect([count('halt_confirmed'), status().led]).toEqual([1, 'halted_confirmed']);
  });

  it('is answered within seconds where the disk hangs, and says so', async () => {
    await startActive();
    bench.record.hold = HANGS;
    let answer: unknown = null;
    void bench.guard.halt('command', 'halt command').then((it) => {
      answer = it;
    });
    await bench.time.advance(2_900);
    expect(answer).toBeNull();
    await bench.time.advance(200);
    expect(answer).toMatchObject({
      state: 'HALTED',
      halt: { recorded: false, notRecorded: 'the disk has not answered for 3 s' },
    });
    expect(count('halt_not_recorded')).toBe(1);
  });

  it('is known to the next guard of this boot by the permit, after a crash as after a clean stop', async () => {
    for (const clean of [false, true]) {
      await startActive();
      bench.record.failing = 'read-only file system';
      bench.press();
      await bench.time.advance(100);
      const { epoch } = status();
      const found = clean ? await bench.restart() : bench.crash();
      expect(found).toEqual({ kind: 'halted', epoch: clean ? epoch + 1 : epoch });
      await bench.dispose();
    }
    await start();
  });

  it('stays over the start after it, which records it as soon as the disk takes it', async () => {
    await start({ epochBefore: 42, haltedBefore: true });
    expect(status()).toMatchObject({ state: 'HALTED', epoch: 43, halt: { cause: 'recorded' } });
    await bench.time.advance(50);
    expect(status().halt).toMatchObject({ recorded: true });
    expect(bench.record.content).toMatchObject({ record: { armed: false, epoch: 43 } });
  });

  it('is no halt where the guard before was stopped, or crashed, while the box was armed', async () => {
    for (const clean of [false, true]) {
      await startActive();
      const found = clean ? await bench.restart() : bench.crash();
      expect(found).toMatchObject({ kind: 'running' });
      await bench.dispose();
    }
    await start({ epochBefore: 50 });
    expect(status()).toMatchObject({ state: 'REDUCING', epoch: 51 });
  });

  it('is not called recorded where the second place has it alone, and no start need ask for that one', async () => {
    // The second place was not there at the arming: were it gone at the next start, the first would be believed.
    await startActive({ record: ARMED, secondRecord: { kind: 'missing' } });
    bench.record.failing = 'read-only file system';
    bench.press();
    await bench.time.advance(10_000);
    expect(bench.second.written).toMatchObject([{ armed: false, cause: 'button' }]);
    expect(status()).toMatchObject({ led: 'halted_unconfirmed', halt: { recorded: false } });
    expect([count('halt_confirmed'), count('halt_not_recorded')]).toEqual([0, 1]);
    bench.record.failing = null;
    await bench.time.advance(1_100);
    expect(status()).toMatchObject({ led: 'halted_confirmed', halt: { recorded: true } });
  });

  it('is not called recorded while the first place is still busy with an arming that the second did not take', async () => {
    await startActive({ record: IN_BOTH, secondRecord: IN_BOTH });
    bench.press();
    await bench.time.advance(100);
    bench.release();
    bench.second.failing = 'no such file';
    bench.record.hold = HANGS;
    await bench.arm();
    bench.second.failing = null;
    bench.press();
    await bench.time.advance(2_000);
    expect(bench.second.content).toMatchObject({ record: { armed: false } });
    expect(status()).toMatchObject({ state: 'HALTED', halt: { recorded: false } });
  });

  it('is recorded when the second place has it alone; the first gets it as soon as it takes it', async () => {
    await startActive({ record: IN_BOTH, secondRecord: IN_BOTH });
    bench.record.failing = 'read-only file system';
    bench.press();
    await bench.time.advance(100);
    expect(status()).toMatchObject({ led: 'halted_confirmed', halt: { recorded: true } });
    expect(count('halt_not_recorded')).toBe(0);
    expect(bench.second.written).toMatchObject([{ armed: false, cause: 'button' }]);
    expect(bench.record.written).toEqual([]);
    bench.record.failing = null;
    await bench.time.advance(1_100);
    expect(bench.record.written).toMatchObject([{ armed: false, cause: 'button' }]);
  });

  it('is recorded when the first place has it and the second hangs or fails, which is told once', async () => {
    await startActive({ secondRecord: ARMED });
    bench.second.failing = 'no such file';
    bench.press();
    await bench.time.advance(5_000);
    expect(status()).toMatchObject({ halt: { recorded: true }, faults: ['no such file'] });
    expect(count('fault')).toBe(1);
  });

  it('is no fault of a new box that no record has been written yet', async () => {
    await start({ record: { kind: 'missing' }, secondRecord: { kind: 'missing' } });
    expect(count('fault')).toBe(0);
    expect(bench.second.written).toMatchObject([{ armed: false }]);
  });

  it('has a second place that is none where both are on one file system, which is told at the start', async () => {
    const why = 'the second record lies on the same file system as the first';
    await startActive({ secondRecord: ARMED, misplaced: why });
    expect(count('fault')).toBe(1);
    bench.press();
    await bench.time.advance(100);
    expect(status()).toMatchObject({ halt: { recorded: true }, faults: [why] });
    expect(bench.second.written).toMatchObject([{ armed: false }]);
  });
});

describe('an arming', () => {
  it('is written to the second place first, and says in the first whether it is in both', async () => {
    for (const failing of [null, 'no such file']) {
      await start({ record: { kind: 'missing' }, secondRecord: { kind: 'missing' } });
      bench.second.failing = failing;
      await bench.arm();
      expect(status().state).toBe('REDUCING');
      expect(bench.record.content).toMatchObject({ record: { armed: true, inBoth: failing === null } });
      await bench.dispose();
    }
    await start();
  });

  it('fails where the first place hangs, and stays undone should the disk take it later', async () => {
    await start({ record: { kind: 'missing' } });
    await bench.time.advance(100);
    let goOn = () => {};
    bench.record.hold = new Promise((resolve) => {
      goOn = resolve;
    });
    await bench.arm();
    expect(status().arming).toBe(true);
    await bench.time.advance(20_000);
    expect(status()).toMatchObject({ state: 'HALTED', arming: false, halt: { recorded: false } });
    expect(count('arming_failed')).toBe(1);
    goOn();
    await bench.time.advance(100);
    expect(bench.record.written.map(({ armed }) => armed)).toEqual([false, true, false]);
    expect(status()).toMatchObject({ state: 'HALTED', halt: { recorded: true } });
  });
});

describe('trying each minute whether a halt could be recorded', () => {
  it('takes the entries away before anybody presses, and gives them back after a comparison', async () => {
    const trader = await startActive();
    const { epoch } = status();
    await bench.time.advance(61_000);
    expect([bench.record.probes, status().state]).toEqual([2, 'ACTIVE']);
    bench.record.failing = 'read-only file system';
    await bench.time.advance(60_000);
    expect(status()).toMatchObject({ state: 'REDUCING', epoch: epoch + 1 });
    expect(bench.permit.read()).toMatchObject({ ok: true, state: 'REDUCING', epoch: epoch + 1 });
    expect(bench.notices.at(-1)).toMatchObject({ kind: 'record_at_risk', detail: 'read-only file system' });
    // A comparison alone gives nothing back.
    trader.say({ type: 'reconciled', epoch: epoch + 1 });
    expect(status().state).toBe('REDUCING');
    await bench.time.advance(60_000);
    expect(count('record_at_risk')).toBe(1);
    bench.record.failing = null;
    await bench.time.advance(11_000);
    expect(count('record_safe')).toBe(1);
    expect(status()).toMatchObject({ state: 'ACTIVE', epoch: epoch + 2 });
  });

  it('tries one at a time where the disk hangs, and takes entries away after 20 s, not before', async () => {
    await startActive();
    await bench.time.advance(100);
    const { probes } = bench.record;
    let goOn = () => {};
    bench.record.hold = new Promise((resolve) => {
      goOn = resolve;
    });
    await bench.time.advance(60_000 + 19_000);
    expect([bench.record.probes, status().state]).toEqual([probes + 1, 'ACTIVE']);
    await bench.time.advance(2_000);
    expect(status().state).toBe('REDUCING');
    await bench.time.advance(300_000);
    expect(bench.record.probes).toBe(probes + 1);
    // The guard itself continues: a press halts as ever.
    bench.press();
    expect(bench.permit.read()).toEqual({ ok: false, reason: 'revoked' });
    // Nor have any piled up: once the disk answers, it gets the halt.
    goOn();
    await bench.time.advance(100);
    expect(bench.record.probes).toBe(probes + 1);
    expect(bench.guard.status()).toMatchObject({ halt: { recorded: true } });
  });

  it('says so of a halted box, too, and keeps an arming at REDUCING until it could', async () => {
    await start({ record: { kind: 'missing' } });
    const trader = await attachTrader(bench);
    await bench.time.advance(100);
    bench.record.failing = 'read-only file system';
    await bench.time.advance(60_000);
    expect([status().state, count('record_at_risk')]).toEqual(['HALTED', 1]);
    bench.record.failing = null;
    await bench.time.advance(11_000);
    expect(count('record_safe')).toBe(1);
    await bench.arm();
    expect([status().state, trader.reconciled]).toEqual(['ACTIVE', 1]);
  });

  it('tries the second place once a day, and a fault of it takes nothing away', async () => {
    await startActive({ secondRecord: ARMED });
    bench.second.failing = 'no such file';
    await bench.time.stall(23 * 3_600_000);
    expect(bench.second.probes).toBe(0);
    await bench.time.stall(3_700_000);
    await bench.time.advance(1_000);
    expect([bench.second.probes, count('fault')]).toEqual([1, 1]);
    expect([status().state, count('record_at_risk')]).not.toEqual(['HALTED', 1]);
  });
});
