import { describe, expect, it } from 'vitest';
import { ReplayClock } from '../../src/simulator/replay-clock.js';

const HOUR_MS = 3_600_000;

function clockAt(startMs: number) {
  let monotonicMs = 0;
  const clock = new ReplayClock(() => monotonicMs);
  clock.jump(startMs, startMs + HOUR_MS);
  return { clock, pass: (ms: number) => (monotonicMs += ms) };
}

describe('ReplayClock', () => {
  it('runs with real time and strictly increases in whole milliseconds', () => {
    const { clock, pass } = clockAt(1000);
    const readings = [clock.wallMs(), clock.wallMs(), clock.wallMs()];
    pass(0.4);
    readings.push(clock.wallMs());
    pass(50.9);
    readings.push(clock.wallMs());
    expect(readings).toEqual([1000, 1001, 1002, 1003, 1051]);
  });

  it('never reaches the next close by itself, and jumps to it with the step', () => {
    const { clock, pass } = clockAt(0);
    pass(2 * HOUR_MS);
    expect(clock.wallMs()).toBe(HOUR_MS - 1);
    clock.jump(HOUR_MS, 2 * HOUR_MS);
    expect(clock.wallMs()).toBe(HOUR_MS);
  });

  it('counts age in real time: a jump ages nothing', () => {
    const { clock, pass } = clockAt(0);
    pass(10);
    const signedMs = clock.wallMs();
    pass(5);
    clock.jump(HOUR_MS, 2 * HOUR_MS);
    pass(3);
    expect(clock.ageMs(signedMs)).toBe(8);
    expect(clock.ageMs(HOUR_MS)).toBe(3);
  });

  it('tells times that are ahead, and times before the replay', () => {
    const { clock } = clockAt(1000);
    expect(clock.ageMs(6000)).toBeLessThanOrEqual(-4999);
    expect(clock.ageMs(999)).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes a time in the middle of a jump for the end of the stretch before it', () => {
    const { clock, pass } = clockAt(0);
    pass(4);
    clock.jump(HOUR_MS, 2 * HOUR_MS);
    pass(6);
    expect(clock.ageMs(HOUR_MS / 2)).toBe(6);
  });
});
