import { describe, expect, it } from 'vitest';
import type { StreamKey } from '../../../src/core/candle.js';
import { StreamSupervisor } from '../../../src/pipeline/ingestion/stream-supervisor.js';
import type { CandleFeed, RawCandle } from '../../../src/ports/market.js';
import { createVirtualClock, settle } from '../../support/virtual-clock.js';

const HOUR = 3_600_000;
const stream: StreamKey = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };

/** An exchange whose connections the test opens, feeds and breaks by hand. */
function exchange(startMs: number) {
  const clock = createVirtualClock(startMs);
  const bars: RawCandle[] = [];
  const connections: {
    push: (raw: RawCandle) => void;
    life: () => void;
    fail: (error: Error) => void;
    closed: boolean;
  }[] = [];
  let historyFails = 0;
  const unused = () => Promise.reject(new Error('not asked for here'));
  const feed: CandleFeed = {
    exchange: 'binance',
    async history(_symbol, _timeframe, sinceMs, limit) {
      if (historyFails > 0) {
        historyFails -= 1;
        throw new Error('history is down');
      }
      return bars.filter((bar) => bar.openMs >= sinceMs).slice(0, limit);
    },
    stream(_symbol, _timeframe, onClosed, onLife, signal) {
      return new Promise((resolve, reject) => {
        const connection = { push: onClosed, life: onLife, fail: reject, closed: false };
        connections.push(connection);
        signal.addEventListener('abort', () => {
          connection.closed = true;
          resolve();
        });
      });
    },
    quote: unused,
    listed: unused,
    close: async () => undefined,
  };
  const bar = (openMs: number): RawCandle => ({ openMs, open: 1, high: 1, low: 1, close: 1, volume: 1 });
  const taken: { openMs: number; live: boolean }[] = [];
  const told: string[] = [];
  const supervisor = new StreamSupervisor({
    feed,
    stream,
    timeframeMs: HOUR,
    clock,
    silenceMsMax: 60_000,
    backfillBars: 3,
    backoffMs: [1000, 2000, 4000],
    newestOpenMs: () => taken.at(-1)?.openMs ?? null,
    onCandle: async (raw, live) => {
      if (raw.close < 0) throw new Error('the disk is gone');
      taken.push({ openMs: raw.openMs, live });
    },
    events: {
      onLost: (_stream, message) => told.push(`lost: ${message}`),
      onSilent: () => told.push('silent'),
      onBack: () => told.push('back'),
    },
  });
  return {
    clock,
    bars,
    bar,
    connections,
    supervisor,
    taken,
    told,
    failHistory: (times: number) => {
      historyFails = times;
    },
  };
}

describe('the supervisor of a stream', () => {
  const startMs = 1_700_000_400_000 - (1_700_000_400_000 % HOUR);

  it('backfills closed bars only, marked as history, before it streams', async () => {
    const world = exchange(startMs + 10);
    for (let i = -5; i <= 0; i++) world.bars.push(world.bar(startMs + i * HOUR));
    const stop = new AbortController();
    const running = world.supervisor.run(stop.signal);
    await settle();
    expect(world.taken.map((row) => row.live)).toEqual([false, false, false]);
    expect(world.taken.at(-1)?.openMs).toBe(startMs - HOUR);
    world.connections[0]!.push(world.bar(startMs));
    await settle();
    expect(world.taken.at(-1)).toEqual({ openMs: startMs, live: true });
    stop.abort();
    await running;
    expect(world.connections[0]!.closed).toBe(true);
  });

  it('rebuilds a connection that delivers nothing, and fills what was missed', async () => {
    const world = exchange(startMs + 10);
    const stop = new AbortController();
    const running = world.supervisor.run(stop.signal);
    await settle();
    world.connections[0]!.push(world.bar(startMs - HOUR));
    world.connections[0]!.life();
    await world.clock.advance(55_000);
    expect(world.told).toEqual([]);
    world.bars.push(world.bar(startMs - HOUR));
    await world.clock.advance(15_000);
    expect(world.told.slice(0, 2)).toEqual([
      'silent',
      expect.stringMatching(/^lost: no message for 6\d{4} ms/),
    ]);
    expect(world.connections[0]!.closed).toBe(true);
    world.bars.push(world.bar(startMs));
    await world.clock.advance(HOUR);
    expect(world.told).toContain('back');
    expect(world.taken.map((row) => row.openMs)).toEqual([startMs - HOUR, startMs]);
    stop.abort();
    await running;
  });

  it('sleeps until silence could be told, and tells it no later than a tenth after its time', async () => {
    const world = exchange(startMs + 10);
    let sleeps = 0;
    const { sleep } = world.clock;
    world.clock.sleep = (...asked) => {
      sleeps++;
      return sleep.apply(world.clock, asked);
    };
    const stop = new AbortController();
    const running = world.supervisor.run(stop.signal);
    await settle();
    for (let i = 0; i < 120; i++) {
      world.connections[0]!.life();
      await world.clock.advance(30_000);
    }
    expect(world.told).toEqual([]);
    expect(sleeps).toBeGreaterThan(50);
    expect(sleeps).toBeLessThan(130);
    await world.clock.advance(36_000);
    expect(world.told[0]).toBe('silent');
    stop.abort();
    await running;
  });

  it('rebuilds a lively connection that brings no bar, once each time and a half', async () => {
    const world = exchange(startMs + 10);
    for (let i = -5; i < 0; i++) world.bars.push(world.bar(startMs + i * HOUR));
    const stop = new AbortController();
    const running = world.supervisor.run(stop.signal);
    await settle();
    /** Messages come all the while. */
    const chatter = async (minutes: number) => {
      for (let step = 0; step < minutes * 2; step++) {
        world.connections.at(-1)?.life();
        await world.clock.advance(30_000);
      }
    };
    await chatter(89);
    expect(world.told).toEqual([]);
    // The exchange has the bar; only the stream does not bring it.
    world.bars.push(world.bar(startMs));
    await chatter(3);
    expect(world.told).toEqual(['silent', 'lost: messages, but no bar', 'back']);
    expect(world.taken.at(-1)).toEqual({ openMs: startMs, live: false });
    // Where the market itself stands still, there is no storm of connections.
    await chatter(600);
    expect(world.connections.length).toBeGreaterThan(4);
    expect(world.connections.length).toBeLessThan(10);
    stop.abort();
    await running;
  });

  it('waits longer after each failure, and starts afresh after life', async () => {
    const world = exchange(startMs + 10);
    const stop = new AbortController();
    world.failHistory(3);
    const running = world.supervisor.run(stop.signal);
    await settle();
    expect(world.told).toHaveLength(1);
    await world.clock.advance(999);
    expect(world.told).toHaveLength(1);
    await world.clock.advance(1);
    expect(world.told).toHaveLength(2);
    await world.clock.advance(2000);
    expect(world.told).toHaveLength(3);
    await world.clock.advance(4000);
    expect(world.connections).toHaveLength(1);
    expect(world.told.at(-1)).toBe('back');
    world.connections[0]!.life();
    world.connections[0]!.fail(new Error('reset by peer'));
    await settle();
    expect(world.told.at(-1)).toBe('lost: reset by peer');
    await world.clock.advance(1000);
    expect(world.connections).toHaveLength(2);
    stop.abort();
    await running;
  });

  it('does not swallow a fault of what handles the bars', async () => {
    const world = exchange(startMs + 10);
    const running = world.supervisor.run(new AbortController().signal);
    const outcome = expect(running).rejects.toThrow('the disk is gone');
    await settle();
    world.connections[0]!.push({ ...world.bar(startMs), close: -1 });
    await outcome;
  });
});
