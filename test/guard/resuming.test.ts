import { describe, expect, it } from 'vitest';
import { ARMED, attachTrader, BUTTON, RESET } from './guard-bench.js';
import { bench, kinds, start, startActive, state } from './guard-fixture.js';

describe('resume', () => {
  it('arms a new box by two presses inside the window, REDUCING until reconciled', async () => {
    await start();
    await bench.arm();
    expect(bench.guard.status()).toMatchObject({ state: 'REDUCING', halt: null });
    expect(bench.record.content).toMatchObject({ record: { armed: true } });
    expect(bench.permit.read()).toMatchObject({ ok: true, state: 'REDUCING' });
    await attachTrader(bench);
    await bench.time.advance(10);
    expect(state()).toBe('ACTIVE');
  });

  it('needs the window, also on a new box', async () => {
    await start();
    await bench.time.advance(100);
    await bench.pressTwice();
    await bench.time.advance(1000);
    expect(state()).toBe('HALTED');
  });

  it('is refused while the contact is open, and the later release alone arms nothing', async () => {
    await startActive();
    bench.press();
    await bench.time.advance(100);
    expect(bench.guard.resume('anna')).toMatchObject({ opened: false, reason: 'contact_open' });
    bench.release();
    await bench.time.advance(100);
    expect(bench.guard.resume('anna')).toMatchObject({ opened: true });
    await bench.time.advance(1000);
    expect(state()).toBe('HALTED');
  });

  it('is refused while nothing is halted and while the contact is not known yet', async () => {
    await startActive();
    expect(bench.guard.resume('anna')).toMatchObject({ opened: false, reason: 'not_halted' });
    await bench.dispose();
    await start();
    expect(bench.guard.resume('anna')).toMatchObject({ opened: false, reason: 'contact_unknown' });
  });

  it('arms nothing by one press, however long, and changes nothing of the halt', async () => {
    await startActive();
    await bench.pressOnce();
    bench.guard.resume('anna');
    const before = bench.guard.status();
    bench.press();
    await bench.time.advance(20_000);
    bench.release();
    await bench.time.advance(90_000);
    const after = bench.guard.status();
    expect(after).toMatchObject({
      state: 'HALTED',
      epoch: before.epoch,
      halt: before.halt,
      led: 'resume_open',
    });
    expect(bench.record.content).toMatchObject({ record: { armed: false } });
    expect(kinds().filter((kind) => kind.startsWith('first_press'))).toEqual([
      'first_press',
      'first_press_void',
    ]);
    await bench.time.advance(11_000);
    expect(state()).toBe('HALTED');
    expect(kinds().at(-1)).toBe('resume_expired');
  });

  it('arms at the second release, not before', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.pressOnce();
    await bench.time.advance(2000);
    bench.press();
    await bench.time.advance(5000);
    expect(state()).toBe('HALTED');
    bench.release();
    await bench.time.advance(40);
    expect(state()).toBe('HALTED');
    await bench.time.advance(20);
    expect(state()).toBe('REDUCING');
  });

  it('takes a second press too soon for a halt of its own, cancels again, and ends the window', async () => {
    const trader = await startActive();
    await bench.pressOnce();
    expect(trader.orders).toHaveLength(1);
    bench.guard.resume('anna');
    const { epoch } = bench.guard.status();
    await bench.pressOnce();
    await bench.time.advance(1700);
    bench.press();
    expect(bench.guard.status()).toMatchObject({
      state: 'HALTED',
      epoch: epoch + 1,
      resumeLeftMs: null,
      halt: {
        cause: 'button',
        detail: 'the button was pressed again too soon to arm the box',
        recorded: false,
      },
    });
    expect(bench.permit.read()).toEqual({ ok: false, reason: 'revoked' });
    await bench.time.advance(100);
    expect(trader.orders).toHaveLength(2);
    expect(bench.guard.status()).toMatchObject({ halt: { recorded: true, confirmed: true } });
    expect(bench.record.written.at(-1)).toMatchObject({ armed: false, epoch: epoch + 1 });
    expect(kinds()).toContain('resume_closed');
    bench.release();
    await bench.time.advance(3000);
    await bench.pressTwice();
    expect(state()).toBe('HALTED');
  });

  it('halts at a third press', async () => {
    await startActive();
    await bench.pressOnce();
    await bench.arm();
    expect(state()).toBe('ACTIVE');
    bench.press();
    expect(bench.guard.status()).toMatchObject({ state: 'HALTED', resumeLeftMs: null });
    expect(bench.permit.read()).toEqual({ ok: false, reason: 'revoked' });
  });

  it('begins again with a second press that comes too late', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.pressOnce();
    await bench.time.advance(10_100);
    expect(kinds().at(-1)).toBe('first_press_void');
    await bench.pressOnce();
    expect(state()).toBe('HALTED');
    await bench.time.advance(2000);
    await bench.pressOnce();
    expect(state()).toBe('REDUCING');
  });

  it('shows an open window and says who asked, until when, and that it is over', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna (uid 1000)');
    expect(bench.guard.status().led).toBe('resume_open');
    expect(bench.notices.at(-1)).toMatchObject({ kind: 'resume_opened' });
    expect(bench.notices.at(-1)?.detail).toMatch(
      /^until \d\d:\d\d:\d\d UTC, asked for by anna \(uid 1000\)$/,
    );
    await bench.guard.halt('command', 'halt command');
    expect(bench.notices.at(-1)).toMatchObject({ kind: 'resume_closed', detail: 'halt command' });
    expect(bench.guard.status().led).toMatch(/^halted_/);
  });

  it('expires after two minutes, also in the middle of the act', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.time.advance(117_000);
    await bench.pressOnce();
    await bench.time.advance(2500);
    bench.press();
    await bench.time.advance(400);
    bench.release();
    await bench.time.advance(1000);
    expect(state()).toBe('HALTED');
    expect(kinds()).toContain('resume_expired');
  });

  it('is closed by a halt command and by a fault of the line', async () => {
    for (const close of [
      () => void bench.guard.halt('command', 'halt command'),
      () => bench.gpio.loseEdges(BUTTON, 'gone'),
    ]) {
      await start();
      await bench.time.advance(60);
      bench.guard.resume('anna');
      close();
      await bench.time.advance(2000);
      await bench.pressTwice();
      expect(state()).toBe('HALTED');
      await bench.dispose();
    }
    await start();
  });

  it('takes the reset button held for 3 s, where there is one', async () => {
    await start({ reset: true });
    await bench.time.advance(60);
    bench.gpio.setLevel(RESET, 0);
    await bench.time.advance(5000);
    expect(state()).toBe('HALTED');
    bench.guard.resume('anna');
    await bench.time.advance(5000);
    expect(state()).toBe('HALTED');
    bench.gpio.setLevel(RESET, 1);
    await bench.time.advance(20);
    bench.gpio.setLevel(RESET, 0);
    await bench.time.advance(3050);
    expect(state()).toBe('REDUCING');
  });

  it('begins the hold of the reset button again after any press of the red one', async () => {
    await start({ reset: true });
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.time.advance(50);
    bench.gpio.setLevel(RESET, 0);
    await bench.time.advance(2500);
    bench.press();
    await bench.time.advance(100);
    bench.release();
    await bench.time.advance(5000);
    expect(state()).toBe('HALTED');
  });

  it('gives no permit on a look at the button of before a stall', async () => {
    await start({ record: ARMED });
    await bench.time.advance(200);
    // A trader that has not agreed with the exchange yet: that it has is what asks for a permit beside the look.
    const trader = bench.guard.attachTrader({ beats: true, pid: 4242, send() {}, close() {} });
    trader.receive({ type: 'hello', pid: 4242 });
    bench.gpio.loseEdges(BUTTON, null);
    const { epoch } = bench.guard.status();
    let seen: unknown = null;
    bench.time.scheduler.after(6000, () => {
      bench.gpio.setLevel(BUTTON, 1);
      trader.receive({ type: 'reconciled', epoch });
      seen = bench.permit.read();
    });
    await bench.time.advance(50);
    await bench.time.stall(10_000);
    expect(seen).toMatchObject({ ok: false });
    expect(state()).toBe('HALTED');
  });

  it('ends halted, on disk too, when the button is pressed while the arming is being written', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.pressOnce();
    await bench.time.advance(2000);
    bench.press();
    await bench.time.advance(60);
    let release = () => {};
    bench.record.hold = new Promise((resolve) => {
      release = resolve;
    });
    bench.release();
    await bench.time.advance(60);
    expect(bench.guard.status()).toMatchObject({ arming: true, state: 'HALTED' });
    bench.press();
    release();
    await bench.time.advance(100);
    expect(bench.record.written.map(({ armed }) => armed)).toEqual([false, true, false]);
    expect(bench.guard.status()).toMatchObject({ state: 'HALTED', arming: false, halt: { recorded: true } });
    expect(bench.permit.read()).toMatchObject({ ok: false });
  });

  it('does not arm when the record cannot be written, and records the halt over it', async () => {
    await start();
    await bench.time.advance(60);
    bench.guard.resume('anna');
    await bench.pressOnce();
    await bench.time.advance(2000);
    bench.press();
    await bench.time.advance(60);
    bench.record.failing = 'read-only file system';
    bench.release();
    await bench.time.advance(500);
    expect(state()).toBe('HALTED');
    expect(kinds()).toContain('arming_failed');
    bench.record.failing = null;
    await bench.time.advance(2000);
    expect(bench.record.written.map(({ armed }) => armed)).toEqual([false, false]);
    // Above the arming, should that reach the disk after all.
    expect(bench.record.written[1]!.epoch).toBeGreaterThan(bench.record.written[0]!.epoch + 1);
  });
});
