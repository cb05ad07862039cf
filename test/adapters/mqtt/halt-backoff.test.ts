import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createBox, eventually } from './box.js';

const TRIES = 30;

/** The longest wait between tries at a broker that is away, without the chance in it. */
async function longestWaitMs(options: Parameters<typeof createBox>[1]): Promise<number> {
  const waits: number[] = [];
  const clock = {
    ...createSystemClock(),
    async sleep(ms: number, signal?: AbortSignal) {
      // State and counted log lines go by a minute, whatever the connection does.
      if (ms !== 60_000) waits.push(ms);
      // Tries follow each other as fast as the refusals come, and a stopped box sleeps no more.
      await new Promise((resolve) => setTimeout(resolve, 1));
      signal?.throwIfAborted();
    },
  };
  // Nothing listens on port 1.
  const box = createBox(
    { url: 'mqtt://127.0.0.1:1' },
    { clock, times: {}, rng: { next: () => 1 }, ...options },
  );
  await box.alerts.start();
  await eventually('tried often', () => waits.length >= TRIES, 20_000);
  await box.alerts.stop();
  return Math.max(...waits);
}

describe('a broker that is away', () => {
  it('is tried again within 5 s by a client that takes halts', async () => {
    expect(await longestWaitMs({ role: 'guard', onHalt: () => undefined })).toBe(5000);
  });

  it('is left in peace for longer by one that only has alerts to deliver', async () => {
    expect(await longestWaitMs({})).toBeGreaterThan(20_000);
  });
});
