import { describe, expect, it } from 'vitest';
import type { StreamKey } from '../../../src/core/candle.js';
import type { Gap } from '../../../src/core/records.js';
import { GapFiller } from '../../../src/pipeline/ingestion/index.js';
import type { CandleFeed, RawCandle } from '../../../src/ports/market.js';
import { MemoryStore } from '../../support/memory-store/memory-store.js';
import { createVirtualClock } from '../../support/virtual-clock.js';

const HOUR = 3_600_000;
const T0 = 1_704_067_200_000;
const stream: StreamKey = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };
const bar = (slot: number): RawCandle => ({
  openMs: T0 + slot * HOUR,
  open: 1,
  high: 1,
  low: 1,
  close: 1,
  volume: 1,
});

/** An exchange that lists the bars of `listed`, and a filler of the gaps of one of its streams. */
function world(listed: Set<number>) {
  const clock = createVirtualClock(T0 + 100 * HOUR);
  const store = new MemoryStore();
  const unused = () => Promise.reject(new Error('not asked for here'));
  const exchange = { fails: 0, asked: 0 };
  const feed: CandleFeed = {
    exchange: 'binance',
    async history(_symbol, _timeframe, sinceMs, limit) {
      exchange.asked += 1;
      if (exchange.fails-- > 0) throw new Error('the exchange is down');
      return [...listed]
        .sort((a, b) => a - b)
        .map(bar)
        .filter((row) => row.openMs >= sinceMs)
        .slice(0, limit);
    },
    stream: unused,
    quote: unused,
    listed: unused,
    close: async () => undefined,
  };
  const filled: number[] = [];
  const filler = () =>
    new GapFiller({
      feed,
      stream,
      calendar: '24x7',
      clock,
      store,
      async fill(rows) {
        const fresh = rows.filter((row) => !filled.includes(row.openMs));
        filled.push(...fresh.map((row) => row.openMs));
        return fresh.length;
      },
    });
  const states = async () =>
    (await store.gaps()).map((gap: Gap) => [gap.fromMs, gap.toMs, gap.bars, gap.state]);
  return { clock, store, exchange, filler, filled, states };
}

const slots = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('a gap in a stream', () => {
  it('is a row, and is filled with what the exchange has', async () => {
    const { clock, filler, filled, states } = world(new Set(slots(0, 20)));
    const gaps = filler();
    await gaps.found(T0 + 10 * HOUR, 4);
    expect(await states()).toEqual([[T0 + 6 * HOUR, T0 + 10 * HOUR, 4, 'open']]);
    const ending = new AbortController();
    const running = gaps.run(ending.signal);
    await clock.advance(1);
    expect(filled).toEqual(slots(6, 10).map((slot) => T0 + slot * HOUR));
    expect(await states()).toEqual([[T0 + 6 * HOUR, T0 + 10 * HOUR, 0, 'filled']]);
    ending.abort();
    await running;
  });

  it('is gone only when the exchange said so several times, some minutes apart', async () => {
    const { clock, filler, filled, states, exchange } = world(new Set([...slots(0, 6), 8, ...slots(10, 20)]));
    const gaps = filler();
    const ending = new AbortController();
    const running = gaps.run(ending.signal);
    await gaps.found(T0 + 10 * HOUR, 4);
    await clock.advance(1);
    // The bar that was there is taken, and the gap continues with three.
    expect(filled).toEqual([T0 + 8 * HOUR]);
    expect(await states()).toEqual([[T0 + 6 * HOUR, T0 + 10 * HOUR, 3, 'open']]);
    await clock.advance(4 * 60_000);
    expect((await states())[0]!.at(-1)).toBe('open');
    await clock.advance(3 * HOUR);
    expect(await states()).toEqual([[T0 + 6 * HOUR, T0 + 10 * HOUR, 3, 'gone']]);
    const { asked } = exchange;
    await clock.advance(48 * HOUR);
    expect(exchange.asked).toBe(asked);
    ending.abort();
    await running;
  });

  it('stays open while the exchange does not answer, over a restart too', async () => {
    const { clock, filler, states, exchange } = world(new Set(slots(0, 20)));
    exchange.fails = 4;
    const first = new AbortController();
    const before = filler();
    const running = before.run(first.signal);
    await before.found(T0 + 10 * HOUR, 1);
    // No answer says nothing of the gap, so the waits begin at a second: 1, 2, 4, 8.
    await clock.advance(8000);
    expect(exchange.asked).toBe(4);
    expect((await states())[0]!.at(-1)).toBe('open');
    first.abort();
    await running;
    const second = new AbortController();
    const after = filler();
    await after.start([]);
    const again = after.run(second.signal);
    await clock.advance(1);
    expect((await states())[0]!.at(-1)).toBe('filled');
    second.abort();
    await again;
  });

  it('that a crash left without a row is found among the stored candles, once', async () => {
    const { filler, states } = world(new Set());
    const recent = [...slots(0, 4), ...slots(7, 9)].map(bar);
    await filler().start(recent);
    await filler().start(recent);
    expect(await states()).toEqual([[T0 + 4 * HOUR, T0 + 7 * HOUR, 3, 'open']]);
  });
});
