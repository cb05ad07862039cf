// @module-tag sockets

import { afterEach, describe, expect, it } from 'vitest';
import { createCcxtFeed } from '../../../src/adapters/ccxt/index.js';
import { type CandleColumns, candleAt } from '../../../src/core/candle.js';
import { RedbuttonError } from '../../../src/core/errors.js';
import { syntheticQuote } from '../../../src/core/synthetic-quote.js';
import { collect, plain, stepThrough, until } from '../../simulator/bar-collector.js';
import { HOUR_MS, START_MS, startWorld, type World, walk } from '../../simulator/world.js';

const SYMBOL = 'BTC/USDT';
let world: World;
afterEach(() => world.simulator.stop());

async function feedOf(options?: Parameters<typeof startWorld>[0]) {
  world = await startWorld(options);
  return createCcxtFeed(await world.connect(), { graceMs: 0 });
}

/** The same market at a multiple of its prices. */
function times(candles: CandleColumns, factor: number): CandleColumns {
  const [open, high, low, close] = (['open', 'high', 'low', 'close'] as const).map((name) =>
    candles[name].map((price) => Math.round(price * factor * 100) / 100),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  return { ...candles, open, high, low, close };
}

describe('history', () => {
  it('pages through the candles of the file, to the last digit, and shows nothing of the future', async () => {
    const candles = walk(1300);
    const feed = await feedOf({ candles, startIndex: 1250 });
    const rows = [];
    for (let sinceMs = START_MS; ; ) {
      const page = await feed.history(SYMBOL, '1h', sinceMs, 500);
      rows.push(...page);
      if (page.length < 500) break;
      sinceMs = page.at(-1)!.openMs + 1;
    }
    expect(rows.slice(0, 1250).map(plain)).toEqual(
      Array.from({ length: 1250 }, (_, i) => candleAt(candles, i)),
    );
    const inProgress = rows[1250]!;
    expect(rows).toHaveLength(1251);
    expect([inProgress.high, inProgress.low, inProgress.close]).toEqual(Array(3).fill(candles.open[1250]));
  });

  it('refuses a symbol and a timeframe that the exchange does not have', async () => {
    const feed = await feedOf();
    await expect(feed.history('ETH/USDT', '1h', 0, 10)).rejects.toMatchObject({ code: 'E_SYMBOL_UNKNOWN' });
    await expect(feed.history(SYMBOL, '7h', 0, 10)).rejects.toMatchObject({
      code: 'E_TIMEFRAME_UNSUPPORTED',
    });
  });
});

describe('stream', () => {
  it('delivers exactly the bars of the file, each once it is closed', async () => {
    const candles = walk(200);
    const feed = await feedOf({ candles });
    const collector = await collect(feed, world.simulator);
    await stepThrough(world.simulator, collector, 100);
    await collector.stop();
    expect(collector.bars.map(plain)).toEqual(
      Array.from({ length: 100 }, (_, i) => candleAt(candles, 100 + i)),
    );
    expect(world.simulator.done).toBe(true);
  });

  it('passes over bars that the market does not have', async () => {
    const candles = walk(200, { skip: [120, 121, 122, 150] });
    const feed = await feedOf({ candles });
    const collector = await collect(feed, world.simulator);
    await stepThrough(world.simulator, collector, candles.length - 100);
    await collector.stop();
    expect(collector.bars.map((bar) => bar.openMs)).toEqual([...candles.openMs.slice(100)]);
  });

  it('rejects when the connection drops; the next stream continues without loss or repetition', async () => {
    const candles = walk(200);
    const feed = await feedOf({ candles });
    const first = await collect(feed, world.simulator);
    await stepThrough(world.simulator, first, 10);
    world.simulator.dropStreams();
    await expect(first.ended).rejects.toMatchObject({ code: 'E_FEED_LOST' });
    for (let i = 0; i < 7; i++) await world.simulator.step();
    const second = await collect(feed, world.simulator, SYMBOL, first.bars);
    await stepThrough(world.simulator, second, 10);
    await second.stop();
    expect(first.bars.map(plain)).toEqual(Array.from({ length: 27 }, (_, i) => candleAt(candles, 100 + i)));
  });

  it('continues from where history ended, so that no bar falls between the two', async () => {
    const candles = walk(200);
    const feed = await feedOf({ candles });
    const history = await feed.history(SYMBOL, '1h', START_MS + 90 * HOUR_MS, 100);
    for (let i = 0; i < 3; i++) await world.simulator.step();
    const collector = await collect(feed, world.simulator);
    await stepThrough(world.simulator, collector, 2);
    await collector.stop();
    const closed = history.slice(0, -1);
    expect([...closed, ...collector.bars].map(plain)).toEqual(
      Array.from({ length: 15 }, (_, i) => candleAt(candles, 90 + i)),
    );
  });

  it('asks REST for a bar that closed in silence', async () => {
    const candles = walk(200);
    const feed = await feedOf({ candles });
    const collector = await collect(feed, world.simulator);
    world.simulator.silent = true;
    await world.simulator.step();
    await until(() => collector.bars.length === 1);
    const stoppedMs = performance.now();
    await collector.stop();
    // The dead line answers no closing frame; the stream must not wait for it.
    expect(performance.now() - stoppedMs).toBeLessThan(5000);
    expect(collector.bars.map(plain)).toEqual([candleAt(candles, 100)]);
  });

  it('ends without a word when aborted, and leaves no socket behind', async () => {
    const feed = await feedOf();
    const collector = await collect(feed, world.simulator);
    await collector.stop();
    await until(() => world.simulator.subscribers(SYMBOL) === 0);
  });

  it('polls REST where the exchange has no stream', async () => {
    const candles = walk(200, { barMs: 1000 });
    world = await startWorld({
      markets: [{ symbol: SYMBOL, timeframe: '1s', candles, priceTick: '0.01' }],
    });
    const connection = await world.connect();
    const api = Object.create(connection.api, {
      has: { value: { ...connection.api.has, watchOHLCV: false } },
    });
    const feed = createCcxtFeed({ ...connection, api }, { graceMs: 0 });
    const controller = new AbortController();
    const bars: number[] = [];
    let lives = 0;
    const ended = feed.stream(
      SYMBOL,
      '1s',
      (bar) => bars.push(bar.openMs),
      () => lives++,
      controller.signal,
    );
    await until(() => lives > 0);
    for (let i = 0; i < 3; i++) await world.simulator.step();
    await until(() => bars.length >= 3);
    controller.abort();
    await ended;
    expect(bars).toEqual([...candles.openMs.slice(100, 103)]);
  });
});

describe('several symbols on one time line', () => {
  it('gives each stream its own bars', async () => {
    const candles = { 'BTC/USDT': walk(150), 'ETH/USDT': walk(150, { skip: [110, 111] }) };
    world = await startWorld({
      markets: Object.entries(candles).map(([symbol, columns]) => ({
        symbol,
        timeframe: '1h',
        candles: columns,
        priceTick: '0.01',
      })),
    });
    const feed = createCcxtFeed(await world.connect(), { graceMs: 0 });
    const btc = await collect(feed, world.simulator, 'BTC/USDT');
    const eth = await collect(feed, world.simulator, 'ETH/USDT');
    for (let i = 0; i < 50; i++) await world.simulator.step();
    await until(() => btc.bars.length === 50 && eth.bars.length === 48);
    await btc.stop();
    await world.simulator.step();
    await eth.stop();
    expect(btc.bars.map((bar) => bar.openMs)).toEqual([...candles['BTC/USDT'].openMs.slice(100)]);
    expect(eth.bars.map((bar) => bar.openMs)).toEqual([...candles['ETH/USDT'].openMs.slice(100)]);
  });
});

describe('quote and rules', () => {
  it('is the very quote that a backtest computes from the close', async () => {
    const candles = walk(200);
    const feed = await feedOf({ candles, book: { halfSpreadBps: 2.5 } });
    for (let i = 0; i < 20; i++) {
      const quote = (await feed.quote(SYMBOL))!;
      expect(quote).toEqual(syntheticQuote(candles.close[99 + i]!, 2.5, '0.01', quote.atMs));
      await world.simulator.step();
    }
  });

  it('is asked for with one request where many symbols want it at once, and says the same', async () => {
    const names = ['BTC/USDT', 'ETH/USDT', 'SOL/USDT'];
    world = await startWorld({
      markets: names.map((symbol, i) => ({
        symbol,
        timeframe: '1h',
        candles: times(walk(150), i + 1),
        priceTick: '0.01',
      })),
    });
    const feed = createCcxtFeed(await world.connect(), { graceMs: 0 });
    const alone = [];
    for (const symbol of names) alone.push((await feed.quote(symbol))!);
    const asked: string[] = [];
    world.simulator.interceptor = ({ path, params }) => {
      asked.push(`${path} ${params.get('symbols')}`);
      return undefined;
    };
    const together = await Promise.all(names.map((symbol) => feed.quote(symbol)));
    expect(asked).toEqual(['/api/v3/ticker/bookTicker ["BTCUSDT","ETHUSDT","SOLUSDT"]']);
    const prices = (quote: { bid: number; ask: number } | undefined) => [quote?.bid, quote?.ask];
    expect(together.map(prices)).toEqual(alone.map(prices));
    expect(new Set(together.map((quote) => quote?.bid)).size).toBe(3);
  });

  it('states steps and minimums as plain decimal text', async () => {
    world = await startWorld({
      markets: [
        {
          symbol: SYMBOL,
          timeframe: '1h',
          candles: walk(200),
          priceTick: '0.01',
          amountStep: '0.00000001',
          notionalMin: '0.0001',
        },
      ],
    });
    const feed = createCcxtFeed(await world.connect());
    const listed = await feed.listed([SYMBOL, 'NO/USDT']);
    expect([...listed.keys()]).toEqual([SYMBOL]);
    expect(listed.get(SYMBOL)!.rules).toEqual({
      symbol: SYMBOL,
      kind: 'spot',
      priceTick: '0.01',
      amountStep: '0.00000001',
      amountMin: '0.00000001',
      notionalMin: '0.0001',
      takerFeeRate: '0.001',
    });
  });
});

const AWAY = { kind: 'answer', status: 503, body: 'away' } as const;

describe('markets that cannot be read again', () => {
  it('leave every other request as it was, and are read again when they can be', async () => {
    const feed = await feedOf();
    await feed.listed([SYMBOL]);
    world.simulator.exchange.changeMarket(SYMBOL, { amountStep: '0.5', status: 'BREAK' });
    world.simulator.interceptor = ({ path }) => (path === '/api/v3/exchangeInfo' ? AWAY : undefined);
    const reading = feed.listed([SYMBOL]).catch(() => 'failed');
    expect((await feed.quote(SYMBOL))!.bid).toBeGreaterThan(0);
    expect(await reading).toBe('failed');
    expect((await feed.quote(SYMBOL))!.bid).toBeGreaterThan(0);
    world.simulator.interceptor = undefined;
    const listed = (await feed.listed([SYMBOL])).get(SYMBOL)!;
    expect([listed.rules.amountStep, listed.trading]).toEqual(['0.5', false]);
  }, 30_000);

  it('fail at first, and no request forever after', async () => {
    const feed = await feedOf();
    world.simulator.interceptor = ({ path }) => (path === '/api/v3/exchangeInfo' ? AWAY : undefined);
    await expect(feed.listed([SYMBOL])).rejects.toMatchObject({ code: 'E_EXCHANGE_REQUEST' });
    world.simulator.interceptor = undefined;
    expect((await feed.listed([SYMBOL])).has(SYMBOL)).toBe(true);
    expect((await feed.quote(SYMBOL))!.bid).toBeGreaterThan(0);
  });
});

describe('a simulator that is gone', () => {
  it('is a fault with the place in it', async () => {
    const feed = await feedOf();
    await world.simulator.stop();
    const error = await feed.quote(SYMBOL).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RedbuttonError);
    expect(error).toMatchObject({ code: 'E_EXCHANGE_REQUEST' });
    world = await startWorld();
  });
});
