import { describe, expect, it } from 'vitest';
import { createDaily, nextLocalTime } from '../../../src/adapters/alert-delivery/daily.js';
import type { Clock } from '../../../src/ports/time.js';
import { eventually } from '../mqtt/box.js';

const nothing = () => {};
const log = { info: nothing, warn: nothing, error: nothing };

describe('once a day', () => {
  it('the next local time is today or tomorrow', () => {
    const morning = new Date(2024, 5, 7, 6, 0).getTime();
    expect(new Date(nextLocalTime('08:30', morning))).toEqual(new Date(2024, 5, 7, 8, 30));
    expect(new Date(nextLocalTime('06:00', morning))).toEqual(new Date(2024, 5, 8, 6, 0));
  });

  it.each([
    ['Europe/Berlin', '02:30', '2026-03-27T12:00Z', ['28 02:30', '29 03:30', '30 02:30', '31 02:30']],
    ['Europe/Berlin', '02:30', '2026-10-23T12:00Z', ['24 02:30', '25 02:30', '26 02:30', '27 02:30']],
    ['America/New_York', '02:30', '2026-03-06T12:00Z', ['07 02:30', '08 03:30', '09 02:30', '10 02:30']],
    ['America/New_York', '01:30', '2026-10-30T12:00Z', ['31 01:30', '01 01:30', '02 01:30', '03 01:30']],
    ['Australia/Lord_Howe', '02:15', '2026-10-02T12:00Z', ['03 02:15', '04 02:45', '05 02:15', '06 02:15']],
    ['Australia/Lord_Howe', '01:45', '2026-04-03T12:00Z', ['04 01:45', '05 01:45', '06 01:45', '07 01:45']],
    ['America/Santiago', '00:30', '2026-09-04T12:00Z', ['05 00:30', '06 01:30', '07 00:30', '08 00:30']],
    ['Asia/Kolkata', '02:30', '2026-03-27T12:00Z', ['28 02:30', '29 02:30', '30 02:30', '31 02:30']],
    ['UTC', '02:30', '2026-03-27T12:00Z', ['28 02:30', '29 02:30', '30 02:30', '31 02:30']],
  ])('survives the change of the clock in %s at %s from %s on', (zone, at, from, expected) => {
    const before = process.env.TZ;
    process.env.TZ = zone;
    try {
      let ms = Date.parse(from);
      const shown = expected.map(() => {
        ms = nextLocalTime(at, ms);
        const local = new Date(ms);
        const two = (value: number) => String(value).padStart(2, '0');
        return `${two(local.getDate())} ${two(local.getHours())}:${two(local.getMinutes())}`;
      });
      expect(shown).toEqual(expected);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('runs once for each day the clock passes the time, though the clock is set back and the work fails', async () => {
    let wallMs = new Date(2024, 5, 7, 7, 0).getTime();
    const endMs = new Date(2024, 5, 10, 7, 0).getTime();
    let setBack = false;
    const clock: Clock = {
      wallMs: () => wallMs,
      monotonicMs: () => wallMs,
      sleep: async (ms, signal) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (signal?.aborted) throw signal.reason;
        if (wallMs < endMs) wallMs += ms;
        if (!setBack && wallMs > new Date(2024, 5, 8, 9, 0).getTime()) {
          setBack = true;
          wallMs -= 2 * 3_600_000;
        }
      },
    };
    const ranAt: number[] = [];
    const daily = createDaily({
      at: '08:00',
      clock,
      log,
      run: async () => {
        ranAt.push(wallMs);
        if (ranAt.length === 1) throw new Error('the first one fails');
      },
    });
    daily.start();
    await eventually('three days', () => wallMs >= endMs);
    await daily.stop();
    expect(ranAt.map((ms) => new Date(ms).getDate())).toEqual([7, 8, 9]);
    for (const ms of ranAt) expect(new Date(ms).getHours()).toBe(8);
  });
});
