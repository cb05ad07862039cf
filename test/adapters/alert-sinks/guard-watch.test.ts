import { describe, expect, it } from 'vitest';
import { createGuardWatch } from '../../../src/adapters/alert-sinks/index.js';
import type { PermitReading } from '../../../src/ports/guard.js';
import { createSimulatedClock } from '../../../src/research/backtest/simulated-clock.js';
import { eventually } from '../mqtt/box.js';

const OK: PermitReading = { ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e12 };
const LAPSED: PermitReading = { ok: false, reason: 'lapsed' };
const REVOKED: PermitReading = { ok: false, reason: 'revoked' };

/** Shows the watch one reading a second, and says after how many readings it raised GUARD_LOST. */
async function lookAt(readings: readonly PermitReading[]): Promise<number[]> {
  const clock = createSimulatedClock();
  const raisedAt: number[] = [];
  let monotonicMs = 0;
  let looks = 0;
  let published = 0;
  const watch = createGuardWatch({
    permit: { read: () => readings[Math.min(looks++, readings.length - 1)]! },
    clock: {
      ...clock,
      monotonicMs: () => monotonicMs,
      async sleep(ms) {
        monotonicMs += ms;
        if (looks >= readings.length) await new Promise((resolve) => setTimeout(resolve, 1));
      },
    },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    alerts: {
      raise: async (code) => {
        expect(code).toBe('GUARD_LOST');
        raisedAt.push(looks);
      },
    },
    onLook: () => {
      published += 1;
    },
  });
  watch.start();
  await eventually('all looked at', () => looks >= readings.length);
  await watch.stop();
  expect(published).toBeGreaterThanOrEqual(readings.length);
  return raisedAt.filter((at) => at <= readings.length);
}

describe('the watch on the guard', () => {
  it('says once that it is lost, after 5 s of silence, and again only after it was back', async () => {
    const silence = Array<PermitReading>(10).fill(LAPSED);
    expect(await lookAt([OK, ...silence])).toEqual([7]);
    expect(await lookAt([OK, ...silence, OK, ...silence])).toEqual([7, 18]);
  });

  it('says nothing of a short gap, as at a restart, nor of a halt', async () => {
    expect(await lookAt([OK, ...Array<PermitReading>(4).fill(LAPSED), OK])).toEqual([]);
    expect(await lookAt(Array<PermitReading>(20).fill(REVOKED))).toEqual([]);
  });
});
