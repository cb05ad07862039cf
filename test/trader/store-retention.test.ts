import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { fault } from '../../src/core/errors.js';
import type { Clock } from '../../src/ports/time.js';
import { createStoreRetention, retentionOf } from '../../src/trader/store-retention.js';

const DAY_MS = 86_400_000;

/** A clock that each sleep moves on, until the given number of days has passed. */
function quickClock(days: number): Clock & { readonly slept: Promise<void> } {
  let nowMs = Date.UTC(2026, 0, 1);
  const endMs = nowMs + days * DAY_MS;
  let end = () => {};
  const slept = new Promise<void>((resolve) => {
    end = resolve;
  });
  return {
    slept,
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms, signal) {
      nowMs += ms;
      await new Promise((resolve) => setImmediate(resolve));
      if (nowMs < endMs) return;
      end();
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    },
  };
}

describe('the retention of the store', () => {
  it('keeps as many bars as asked for, whatever their timeframe', () => {
    const { storage } = configSchema.parse({ exchange: [{ id: 'binance', symbols: ['BTC/USDT'] }] });
    expect(retentionOf({ storage, timeframe: '1m' }).bars).toBe(1042);
    expect(retentionOf({ storage, timeframe: '1h' }).bars).toBe(62_500);
    expect(retentionOf({ storage: { ...storage, keepBars: 0 }, timeframe: '1h' }).bars).toBe(0);
    expect(retentionOf({ storage, timeframe: '1h' }).quarantine).toBe(90);
  });

  it('is done each day; what fails is told once, and told again when it is over', async () => {
    const clock = quickClock(6.5);
    const told: string[] = [];
    const rounds: number[] = [];
    const retention = createStoreRetention({
      store: {
        async retire(_, nowMs) {
          rounds.push(nowMs);
          if (rounds.length === 2 || rounds.length === 3)
            throw fault('E_STORE_FULL', 'the disk is full', 'make room');
          return [];
        },
      },
      keepDays: { health: 30 },
      clock,
      alerts: {
        raise: async (code: string, figures: Readonly<Record<string, unknown>>) => {
          told.push(`${code} ${String(figures.errorCode ?? figures.afterMs)}`);
        },
      } as never,
      log: { info: () => undefined, error: () => undefined },
    });
    retention.start();
    await clock.slept;
    await retention.stop();
    expect(rounds.length).toBe(7);
    expect(told).toEqual(['LAYER_FAULT E_STORE_FULL', `LAYER_BACK ${2 * DAY_MS}`]);
  });
});
