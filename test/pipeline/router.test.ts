import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Candle, StreamKey } from '../../src/core/candle.js';
import type { MarketRules, Quote } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import { createPaperBroker } from '../../src/execution/paper-broker.js';
import type { BarOutcome, DecidedBar } from '../../src/pipeline/bar-outcome.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { CONFIG, HOUR_MS, MODEL, randomWalk, SPOT, START_MS, tinyStream } from '../support/tiny-stream.js';

const NEAR: StreamKey = { exchange: 'near', symbol: 'BTC/USDT', timeframe: '1h' };
const FAR: StreamKey = { ...NEAR, exchange: 'far' };
const CASH = 100_000;
/** The far exchange has coarser steps and a higher fee. */
const RULES: Readonly<Record<string, MarketRules>> = {
  near: SPOT,
  far: { ...SPOT, amountStep: '0.001', amountMin: '0.001', takerFeeRate: '0.002' },
};

const onTick = (price: number) => Math.round(price * 100) / 100;

/** One trader on two exchanges that list the same symbol; `top` is the top of book of each, as factors of the close. */
async function twoExchanges(over: { routing?: 'own' | 'best'; farCash?: string } = {}) {
  // Patience has an end, but not before what can be told at once.
  const clock = { ...createSimulatedClock(), sleep: () => delay(1) };
  const top: Record<string, { bid: number; ask: number } | 'silent' | 'hangs' | 'old'> = {
    near: { bid: 0.9995, ask: 1.0005 },
    far: { bid: 0.9995, ask: 1.0005 },
  };
  const store = new MemoryStore();
  const brokers = [NEAR, FAR].map(({ exchange }) => {
    const paper = createPaperBroker({
      exchange,
      clock,
      rulesOf: () => RULES[exchange]!,
      startBalances: { USDT: String(CASH) },
    });
    // An order is on its way for a while.
    const create: typeof paper.create = (...order) => delay(2).then(() => paper.create(...order));
    return { ...paper, create };
  });
  const quoteOf = async (exchange: string, close: number): Promise<Quote | undefined> => {
    const at = top[exchange]!;
    if (at === 'silent') return undefined;
    if (at === 'hangs') return new Promise(() => undefined);
    const [bid, ask] = at === 'old' ? [0.5, 0.5] : [at.bid, at.ask];
    const atMs = clock.wallMs() - (at === 'old' ? 60_000 : 0);
    return { bid: onTick(close * bid), ask: onTick(close * ask), atMs, source: 'book' };
  };
  const streams = [NEAR, FAR].map((key) => tinyStream(clock, key, RULES[key.exchange]!));
  const pipeline = new Pipeline({
    config: {
      ...CONFIG,
      // Both exchanges share the cap of one position.
      risk: { ...CONFIG.risk, correlationMax: 0.8, correlationBars: 20 },
      execution: { ...CONFIG.execution, routing: over.routing ?? 'best' },
    },
    streams,
    model: MODEL,
    clock,
    store,
    brokers,
    permit: { read: () => ({ ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e15 }) },
    ids: createOrderIds('test', clock, seededRng(1)),
    startCash: String(2 * CASH),
    tradingState: () => 'ACTIVE',
    quoteFor: ({ exchange }, candle) => quoteOf(exchange, candle.close),
  });
  await pipeline.start();
  return {
    pipeline,
    store,
    top,
    async bar(candle: Candle, keys: readonly StreamKey[] = [NEAR]): Promise<DecidedBar[]> {
      clock.setWallMs(candle.openMs + HOUR_MS);
      const outcomes: BarOutcome[] = await Promise.all(keys.map((key) => pipeline.onCandle(key, candle)));
      return outcomes.flatMap((outcome) => (outcome.kind === 'decided' ? [outcome] : []));
    },
    held: () => pipeline.portfolio.books().map(({ exchange, unitsNumber }) => [exchange, unitsNumber]),
  };
}

const WALK: readonly Candle[] = randomWalk(seededRng(7), 400);
type Exchanges = Awaited<ReturnType<typeof twoExchanges>>;

/** Bars of the near stream until one brings an order. */
async function firstEntry(exchanges: Exchanges): Promise<DecidedBar> {
  for (const candle of WALK) {
    for (const outcome of await exchanges.bar(candle)) if (outcome.execution !== null) return outcome;
  }
  throw new Error('no bar brought an order');
}
const exchangeOf = (outcome: DecidedBar) => outcome.execution?.fills[0]?.exchange;

describe('an entry on a symbol that two exchanges list', () => {
  it('goes to the lower net price, the fee included, by the rules of the market there', async () => {
    const cheap = await twoExchanges();
    cheap.top.far = { bid: 0.99, ask: 0.998 };
    const entry = await firstEntry(cheap);
    expect(exchangeOf(entry)).toBe('far');
    expect(entry.stream).toBe(NEAR);
    expect(entry.record.risk).toMatchObject({ kind: 'order', side: 'buy', inputs: { exchange: 'far' } });
    // In steps of the far exchange.
    expect(Number(entry.execution!.fills[0]!.amount) * 1000).toBeCloseTo(
      Math.round(Number(entry.execution!.fills[0]!.amount) * 1000),
      9,
    );
    expect(cheap.held()).toEqual([
      ['near', 0],
      ['far', expect.any(Number)],
    ]);

    // A price that is lower by less than the fee is higher by.
    const dear = await twoExchanges();
    dear.top.far = { bid: 0.99, ask: 1.0005 - 0.0009 };
    expect(exchangeOf(await firstEntry(dear))).toBe('near');
  });

  it('stays at home where routing is off, or the prices are the same', async () => {
    const off = await twoExchanges({ routing: 'own' });
    off.top.far = { bid: 0.9, ask: 0.9 };
    expect(exchangeOf(await firstEntry(off))).toBe('near');
    expect(exchangeOf(await firstEntry(await twoExchanges()))).toBe('near');
  });

  it.each(['silent', 'hangs', 'old'] as const)('skips an exchange whose price is %s', async (how) => {
    const exchanges = await twoExchanges();
    exchanges.top.far = how;
    expect(exchangeOf(await firstEntry(exchanges))).toBe('near');
  });

  it('leaves a home that does not tell its price', async () => {
    const exchanges = await twoExchanges();
    exchanges.top.near = 'silent';
    expect(exchangeOf(await firstEntry(exchanges))).toBe('far');
  });

  it('skips an exchange that cannot pay for it', async () => {
    const exchanges = await twoExchanges();
    exchanges.top.far = { bid: 0.99, ask: 0.99 };
    const { portfolio } = exchanges.pipeline;
    portfolio.applyFlow({
      exchange: 'far',
      flowId: '1',
      kind: 'withdrawal',
      currency: 'USDT',
      amount: '-95000',
      atMs: START_MS,
    });
    expect(exchangeOf(await firstEntry(exchanges))).toBe('near');
  });
});

describe('streams of one symbol on two exchanges', () => {
  it('decide at once without a circle: one entry, at the best place, closed where it is', async () => {
    const exchanges = await twoExchanges();
    const rng = seededRng(3);
    let entries = 0;
    let routed = 0;
    for (const candle of WALK) {
      for (const exchange of ['near', 'far']) {
        const ask = 1 + 0.004 * rng.next();
        exchanges.top[exchange] = { bid: ask - 0.003, ask };
      }
      const net = (exchange: string) => {
        const { ask } = exchanges.top[exchange] as { ask: number };
        return onTick(candle.close * ask) * (1 + Number(RULES[exchange]!.takerFeeRate));
      };
      const before = new Map(exchanges.held() as [string, number][]);
      // What a second stream adds in the same bar is what is left of the cap.
      let flat = [...before.values()].every((units) => units === 0);
      const outcomes = await exchanges.bar(candle, rng.next() < 0.5 ? [NEAR, FAR] : [FAR, NEAR]);
      for (const { execution, stream } of outcomes) {
        for (const fill of execution?.fills ?? []) {
          if (fill.side === 'sell') {
            expect(fill.exchange).toBe(stream.exchange);
          } else if (flat) {
            flat = false;
            entries++;
            expect(fill.exchange).toBe(net('near') <= net('far') ? 'near' : 'far');
            if (fill.exchange !== stream.exchange) routed++;
          }
        }
      }
      // Nothing is sold that is not held there.
      for (const [, units] of exchanges.held()) expect(units).toBeGreaterThanOrEqual(0);
      const value = exchanges.pipeline.portfolio
        .books()
        .reduce((sum, { unitsNumber, markPrice }) => sum + unitsNumber * markPrice, 0);
      expect(value).toBeLessThanOrEqual(0.1 * exchanges.pipeline.portfolio.equity() * 1.1);
    }
    expect(entries).toBeGreaterThan(10);
    expect(routed).toBeGreaterThan(3);
  });
});
