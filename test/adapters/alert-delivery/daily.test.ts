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
