import { describe, expect, it } from 'vitest';
import { isChronySynchronised } from '../../src/adapters/clock/time-sync.js';
import { createBoxConditions } from '../../src/trader/box-conditions.js';
import { createVirtualClock } from '../support/virtual-clock.js';

const MB = 1_000_000;

function box() {
  const clock = createVirtualClock();
  const now = { synchronised: true, offsetMs: 20 as number | null, freeMb: 5000 };
  const told: string[] = [];
  const conditions = createBoxConditions({
    probes: {
      synchronised: async () => now.synchronised,
      offsetMs: async () => now.offsetMs,
      disk: async () => ({ freeBytes: now.freeMb * MB, freePct: 1 }),
    },
    clock,
    alerts: {
      raise: async (code) => {
        told.push(code);
      },
    },
    offsetMsMax: 1000,
    diskReserveBytes: 500 * MB,
    stateDir: '/var/lib/redbutton',
  });
  const state = { guard: 'ACTIVE' as 'ACTIVE' | 'REDUCING' | 'HALTED' };
  const limited = conditions.limit({ state: () => state.guard });
  return { clock, now, told, conditions, limited, state };
}

describe('the conditions of the box', () => {
  it('let no bar in and nothing out before the clock is known to be right', async () => {
    const { clock, now, told, conditions, limited } = box();
    now.synchronised = false;
    expect(limited.state()).toBe('HALTED');
    let ready = false;
    const waiting = conditions.ready(new AbortController().signal).then(() => {
      ready = true;
    });
    await clock.advance(60_000);
    expect([ready, told]).toEqual([false, ['CLOCK_OFF']]);
    now.synchronised = true;
    now.offsetMs = null;
    await clock.advance(5000);
    expect([ready, limited.state()]).toEqual([false, 'HALTED']);
    now.offsetMs = -1000;
    await clock.advance(5000);
    expect(ready).toBe(false);
    now.offsetMs = -999;
    await clock.advance(5000);
    await waiting;
    expect([ready, limited.state(), told]).toEqual([true, 'ACTIVE', ['CLOCK_OFF']]);
  });

  it('stop orders when the clock drifts later, tell it once each time, and never raise the guard’s state', async () => {
    const { clock, now, told, conditions, limited, state } = box();
    const ending = new AbortController();
    const running = conditions.run(ending.signal);
    await clock.advance(1);
    expect(limited.state()).toBe('ACTIVE');
    state.guard = 'HALTED';
    expect(limited.state()).toBe('HALTED');
    state.guard = 'ACTIVE';
    now.offsetMs = 4000;
    await clock.advance(300_000);
    expect([limited.state(), told]).toEqual(['HALTED', ['CLOCK_OFF']]);
    expect(conditions.health()[0]).toMatchObject({
      layer: 'clock',
      state: 'fault',
      errorCode: 'E_CLOCK_OFF',
    });
    now.offsetMs = 5;
    await clock.advance(60_000);
    expect(limited.state()).toBe('ACTIVE');
    // Not measurable for a while: the last offset counts, but not forever.
    now.offsetMs = null;
    await clock.advance(500_000);
    expect(limited.state()).toBe('ACTIVE');
    await clock.advance(200_000);
    expect([limited.state(), told]).toEqual(['HALTED', ['CLOCK_OFF', 'CLOCK_OFF']]);
    ending.abort();
    await running;
  });

  it('only reduce on a disk below its reserve, and take nothing before it is full', async () => {
    const { clock, now, told, conditions, limited, state } = box();
    const ending = new AbortController();
    const running = conditions.run(ending.signal);
    await clock.advance(1);
    now.freeMb = 499;
    await clock.advance(60_000);
    expect([limited.state(), told]).toEqual(['REDUCING', ['DISK_LOW']]);
    state.guard = 'HALTED';
    expect(limited.state()).toBe('HALTED');
    state.guard = 'ACTIVE';
    await conditions.ready(ending.signal);
    now.freeMb = 99;
    await clock.advance(60_000);
    expect(limited.state()).toBe('HALTED');
    const stopped = expect(conditions.ready(ending.signal)).rejects.toThrow();
    await clock.advance(2000);
    ending.abort();
    await stopped;
    await running;
    // A little room lets bars in again, but does not let it flap.
    now.freeMb = 520;
    const again = new AbortController();
    const second = conditions.run(again.signal);
    await clock.advance(60_000);
    expect(limited.state()).toBe('REDUCING');
    now.freeMb = 560;
    await clock.advance(60_000);
    expect([limited.state(), told]).toEqual(['ACTIVE', ['DISK_LOW']]);
    again.abort();
    await second;
  });
});

describe('chrony', () => {
  it('is read by its leap status', () => {
    const line = (leap: string) =>
      `A29FC801,162.159.200.1,4,1700000000.1,0.0001,0.0,0.0001,-1.2,0.0,0.1,0.01,0.001,64.2,${leap}\n`;
    expect(isChronySynchronised(line('Normal'))).toBe(true);
    expect(isChronySynchronised(line('Insert second'))).toBe(true);
    expect(isChronySynchronised(line('Not synchronised'))).toBe(false);
    expect(isChronySynchronised('506 Cannot talk to daemon\n')).toBe(false);
  });
});
