import { setImmediate as turn } from 'node:timers/promises';
import type { Candle } from '../../src/core/candle.js';
import type { CandleFeed, RawCandle } from '../../src/ports/market.js';
import type { ExchangeSimulator } from '../../src/simulator/index.js';

/** One running stream and what it has delivered. `ended` settles as the stream does. */
export interface Collector {
  readonly bars: RawCandle[];
  readonly lives: () => number;
  readonly ended: Promise<void>;
  /** Resolves once that many bars are there. */
  arrived(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a stream and resolves once the simulator knows the subscription. */
export async function collect(
  feed: CandleFeed,
  simulator: ExchangeSimulator,
  symbol = 'BTC/USDT',
  bars: RawCandle[] = [],
): Promise<Collector> {
  const controller = new AbortController();
  let lives = 0;
  let woken: () => void = () => undefined;
  const ended = feed.stream(
    symbol,
    '1h',
    (bar) => {
      bars.push(bar);
      woken();
    },
    () => lives++,
    controller.signal,
  );
  // Whoever awaits `ended` sees the rejection; until then it is no unhandled one.
  ended.catch(() => undefined);
  await until(() => lives > 0 && simulator.subscribers(symbol) > 0);
  return {
    bars,
    lives: () => lives,
    ended,
    arrived: async (count) => {
      while (bars.length < count) {
        await new Promise<void>((resolve) => {
          woken = resolve;
        });
      }
    },
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

/** Steps in lockstep: each bar must have arrived before the next is stepped. */
export async function stepThrough(
  simulator: ExchangeSimulator,
  collector: Collector,
  steps: number,
): Promise<void> {
  for (let i = 0; i < steps; i++) {
    const before = collector.bars.length;
    const { closed } = await simulator.step();
    await collector.arrived(before + closed);
  }
}

/** Turns the event loop until the condition holds; the test's own time-out bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** A bar without the source's text, for comparison with the file. */
export function plain({ openMs, open, high, low, close, volume }: RawCandle): Candle {
  return { openMs, open, high, low, close, volume };
}
