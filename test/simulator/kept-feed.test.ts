// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtFeed } from '../../src/adapters/ccxt/index.js';
import { candleAt } from '../../src/core/candle.js';
import { StreamSupervisor } from '../../src/pipeline/ingestion/index.js';
import type { RawCandle } from '../../src/ports/market.js';
import { plain, until } from './bar-collector.js';
import { HOUR_MS, startWorld, type World, walk } from './world.js';

let world: World;
afterEach(() => world.simulator.stop());

describe('a feed that is kept alive over a line that breaks', () => {
  it('hands on every bar of the file once and in order, whatever breaks when', async () => {
    const candles = walk(400, { skip: [150, 151, 152, 230] });
    world = await startWorld({ candles });
    const { simulator, clock } = world;
    const feed = createCcxtFeed(await world.connect(), { graceMs: 0 });
    const got: RawCandle[] = [];
    const losses: string[] = [];
    const supervisor = new StreamSupervisor({
      feed,
      stream: { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' },
      timeframeMs: HOUR_MS,
      clock,
      silenceMsMax: 400,
      backfillBars: 30,
      backoffMs: [10],
      newestOpenMs: () => got.at(-1)?.openMs ?? null,
      onCandle: async (raw) => {
        got.push(raw);
      },
      events: {
        onLost: (_, message) => losses.push(message),
        onSilent: () => undefined,
        onBack: () => undefined,
      },
    });
    const ending = new AbortController();
    const running = supervisor.run(ending.signal);
    await until(() => simulator.subscribers('BTC/USDT') > 0);
    const playing = simulator.play(150, ending.signal, (position) => {
      // Breaks come at awkward moments: right after a step, twice in a row, and once as a line that only falls silent.
      if (position === 140 || position === 142 || position === 200) simulator.dropStreams();
      if (position === 260) simulator.silent = true;
      if (position === 300) simulator.silent = false;
    });
    await playing;
    const last = candles.openMs[candles.length - 1]!;
    await until(() => got.at(-1)?.openMs === last);
    ending.abort();
    await running;
    const first = candles.openMs.indexOf(got[0]!.openMs);
    expect(first).toBeGreaterThan(60);
    expect(got.map((bar) => candles.openMs.indexOf(bar.openMs))).toEqual(
      Array.from({ length: candles.length - first }, (_, i) => first + i),
    );
    expect(got.map(plain)).toEqual(
      Array.from({ length: candles.length - first }, (_, i) => candleAt(candles, first + i)),
    );
    expect(losses.length).toBeGreaterThanOrEqual(1);
  });
});
