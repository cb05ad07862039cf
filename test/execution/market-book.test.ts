import { describe, expect, it } from 'vitest';
import type { MarketListing } from '../../src/core/order.js';
import { MarketBook } from '../../src/execution/market-book.js';
import { SPOT } from '../support/tiny-stream.js';
import { createVirtualClock, settle } from '../support/virtual-clock.js';

const SYMBOL = SPOT.symbol;
const OPEN: MarketListing = { rules: SPOT, trading: true };

function book(start: MarketListing = OPEN, away = false) {
  const clock = createVirtualClock();
  const told: string[] = [];
  const world = { reads: 0, listing: OPEN as MarketListing | undefined, away };
  const market = new MarketBook({
    feed: {
      exchange: 'binance',
      async listed() {
        world.reads++;
        if (world.away) throw new Error('away');
        return new Map(world.listing === undefined ? [] : [[SYMBOL, world.listing]]);
      },
    },
    listings: new Map([[SYMBOL, start]]),
    isStale: away,
    clock,
    events: {
      onRules: (_exchange, { amountStep }, before) =>
        void told.push(`step ${before.amountStep} ${amountStep}`),
      onClosed: (_exchange, _symbol, why) => void told.push(`closed: ${why}`),
      onOpen: (_exchange, _symbol, afterMs) => void told.push(`open after ${afterMs / 1000} s`),
      onUnread: (_exchange, detail) => void told.push(`unread: ${detail}`),
    },
  });
  const ending = new AbortController();
  const running = market.run(ending.signal);
  /** Tries to close at each second, and is refused; the seconds at which an order left. */
  async function tryFor(seconds: number): Promise<number[]> {
    const left: number[] = [];
    for (let second = 0; second < seconds; second++) {
      if (market.barrier(SYMBOL, true) === null) {
        left.push(second);
        market.leaves(SYMBOL);
        await market.refused(SYMBOL, 'closed');
      }
      await clock.advance(1000);
    }
    return left;
  }
  const end = async () => {
    ending.abort();
    await running;
  };
  return { clock, told, world, market, tryFor, end };
}

describe('the rules of a market', () => {
  it('are read each hour, and told where they have changed', async () => {
    const { clock, told, world, market, end } = book();
    await clock.advance(3_599_000);
    expect(world.reads).toBe(0);
    world.listing = { rules: { ...SPOT, amountStep: '0.5' }, trading: true };
    await clock.advance(2_000);
    expect(world.reads).toBe(1);
    expect(market.rules(SYMBOL)!.amountStep).toBe('0.5');
    expect(told).toEqual([`step ${SPOT.amountStep} 0.5`]);
    await clock.advance(3_600_000);
    expect([world.reads, told.length]).toEqual([2, 1]);
    await end();
  });

  it('are read after a refusal, and not at each of many', async () => {
    const { clock, world, market, end } = book();
    world.listing = { rules: { ...SPOT, amountStep: '0.5' }, trading: true };
    await Promise.all([market.refused(SYMBOL, 'rules'), market.refused(SYMBOL, 'rules')]);
    expect(market.rules(SYMBOL)!.amountStep).toBe('0.5');
    for (let i = 0; i < 100; i++) await market.refused(SYMBOL, 'rules');
    expect(world.reads).toBe(1);
    await clock.advance(5_000);
    await market.refused(SYMBOL, 'rules');
    expect(world.reads).toBe(2);
    await end();
  });

  it('stay what they are while they cannot be read, and are asked for each minute', async () => {
    const { clock, told, world, market, end } = book(OPEN, true);
    await settle();
    await clock.advance(120_500);
    expect(world.reads).toBeGreaterThanOrEqual(2);
    expect(market.rules(SYMBOL)).toBe(SPOT);
    expect(market.barrier(SYMBOL, false)).toBeNull();
    expect(new Set(told)).toEqual(new Set(['unread: away']));
    world.away = false;
    await clock.advance(60_000);
    const { reads } = world;
    await clock.advance(600_000);
    expect(world.reads).toBe(reads);
    await end();
  });
});

describe('a market that is listed as closed', () => {
  it('for an hour is told once, takes no entry, and is tried at growing distances', async () => {
    const { clock, told, world, market, tryFor, end } = book();
    world.listing = { rules: SPOT, trading: false };
    await market.refresh();
    expect(await tryFor(3600)).toEqual([
      10, 30, 70, 150, 310, 610, 910, 1210, 1510, 1810, 2110, 2410, 2710, 3010, 3310,
    ]);
    expect(market.barrier(SYMBOL, false)).toBe(`${SYMBOL} at binance: the exchange lists it as not trading`);
    expect(told).toEqual(['closed: the exchange lists it as not trading']);
    world.listing = OPEN;
    await clock.advance(61_000);
    expect(market.barrier(SYMBOL, false)).toBeNull();
    expect(market.closed().size).toBe(0);
    expect(told).toHaveLength(2);
    await end();
  });

  it('is open within a minute of the list saying so, where no order was refused', async () => {
    const { clock, told, world, market, end } = book({ rules: SPOT, trading: false });
    world.listing = OPEN;
    expect(market.isShut(SYMBOL)).toBe(true);
    await clock.advance(61_000);
    expect(told).toEqual(['closed: the exchange lists it as not trading', 'open after 60 s']);
    await end();
  });

  it('is a market that is no longer listed, too; its rules stay known', async () => {
    const { told, world, market, end } = book();
    world.listing = undefined;
    await market.refresh();
    expect(told).toEqual(['closed: the exchange no longer lists it']);
    expect(market.rules(SYMBOL)).toBe(SPOT);
    await end();
  });
});

describe('a market that refuses as closed and is listed as open', () => {
  it('is told once, and is open as soon as an order is taken', async () => {
    const { told, market, tryFor, end } = book();
    await market.refused(SYMBOL, 'closed');
    await tryFor(600);
    expect(told).toEqual(['closed: the exchange says that it is closed']);
    market.taken(SYMBOL);
    expect(told).toHaveLength(2);
    expect(market.barrier(SYMBOL, false)).toBeNull();
    await end();
  });
});
