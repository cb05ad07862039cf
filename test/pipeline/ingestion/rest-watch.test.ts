import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Quote } from '../../../src/core/order.js';
import { RestWatch } from '../../../src/pipeline/ingestion/index.js';
import type { CandleFeed } from '../../../src/ports/market.js';

const QUOTE: Quote = { bid: 1, ask: 2, atMs: 0, source: 'book' };
const clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    }),
};

let answer: () => Promise<Quote>;
let asked: number;
let heard: string[];
let watch: RestWatch;
let ending: AbortController;
let running: Promise<void>;
beforeEach(() => {
  vi.useFakeTimers();
  answer = async () => QUOTE;
  asked = 0;
  heard = [];
  const feed = {
    exchange: 'x',
    quote: () => {
      asked += 1;
      return answer();
    },
    history: async () => {
      throw new Error('gone');
    },
  } as unknown as CandleFeed;
  watch = new RestWatch({
    feed,
    symbol: 'A/B',
    clock,
    quoteMsMax: 2000,
    checkMs: 60_000,
    retryMs: 1000,
    events: {
      onDown: (exchange, message) => heard.push(`down ${exchange}: ${message}`),
      onUp: (exchange, downMs) => heard.push(`up ${exchange} after ${Math.round(downMs / 1000)} s`),
    },
  });
  ending = new AbortController();
  running = watch.watch(ending.signal);
});
afterEach(async () => {
  ending.abort();
  await running;
  vi.useRealTimers();
});

const silent = () => new Promise<Quote>(() => undefined);

describe('a watch on the requests to an exchange', () => {
  it('waits for a quote no longer than it may, and then refuses the next ones at once', async () => {
    answer = silent;
    const first = watch.quote('A/B').catch((error: { code: string }) => error.code);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await first).toBe('E_EXCHANGE_SLOW');
    const before = asked;
    const codes = await Promise.all(
      Array.from({ length: 10 }, () => watch.quote('A/B').catch((error: { code: string }) => error.code)),
    );
    expect(new Set(codes)).toEqual(new Set(['E_EXCHANGE_DOWN']));
    expect(asked).toBe(before);
  });

  it('tells of an outage once, asks on by itself, and tells of its end', async () => {
    answer = async () => Promise.reject(new Error('503'));
    await watch.quote('A/B').catch(() => undefined);
    expect(heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual(['down x: 503']);
    answer = async () => QUOTE;
    await vi.advanceTimersByTimeAsync(1000);
    expect(heard[1]).toMatch(/^up x after 1[01] s$/);
    expect(await watch.quote('A/B')).toEqual(QUOTE);
  });

  it('says nothing of a single request that failed', async () => {
    await watch.history('A/B', '1h', 0, 1).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(5000);
    expect(heard).toEqual([]);
  });

  it('finds an outage by itself when nobody asks', async () => {
    answer = silent;
    await vi.advanceTimersByTimeAsync(70_000);
    expect(heard).toHaveLength(1);
  });
});
