import { describe, expect, it } from 'vitest';
import type { Candle } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { DecidedBar } from '../../src/pipeline/bar-outcome.js';
import { paperWorld } from '../support/paper-world.js';
import { emptyContents, tinyStore } from '../support/tiny-store.js';
import { CONFIG, HOUR_MS, KEY, randomWalk, START_MS } from '../support/tiny-stream.js';

const WALK = randomWalk(seededRng(11), 400);

/** All that waits for nothing but promises is done. */
const turn = () => new Promise<false>((resolve) => setImmediate(() => resolve(false)));

async function run(candles: readonly Candle[], config = CONFIG) {
  const contents = emptyContents();
  const world = await paperWorld({ store: tinyStore(contents), config });
  const decided: DecidedBar[] = [];
  for (const candle of candles) {
    const outcome = await world.bar(candle);
    if (outcome.kind === 'decided') decided.push(outcome);
  }
  return { contents, decided, ...world };
}

describe('a bar on its way through the layers', () => {
  it('warms up, then predicts, decides, fills and accounts', async () => {
    const { decided, contents, pipeline } = await run(WALK);
    expect(decided).toHaveLength(400);
    expect(decided.slice(0, 19).every((bar) => bar.record.prediction === null)).toBe(true);
    expect(decided[18]?.record.signal).toEqual({ kind: 'none', reason: 'warming_up', confidence: null });
    expect(decided.slice(19).every((bar) => bar.record.prediction !== null)).toBe(true);
    const orders = decided.filter((bar) => bar.execution !== null);
    expect(orders.length).toBeGreaterThan(20);
    expect(orders.every((bar) => bar.execution?.status === 'filled')).toBe(true);
    expect(contents.bars.size).toBe(400);
    expect(contents.fills.size).toBe(orders.length);
    expect(pipeline.portfolio.trades().length).toBeGreaterThan(3);
    // Every prediction but the last has its outcome
    expect(contents.outcomes.size).toBe(380);
    expect(pipeline.health(KEY).status).not.toBe('UNKNOWN');
  });

  it('commits the bar before the intent, and the intent before the fill', async () => {
    const { decided, contents } = await run(WALK);
    const first = decided.find((bar) => bar.execution !== null)!;
    const at = contents.writes.indexOf(`bar ${first.record.candle.openMs}`);
    const after = contents.writes.slice(at, contents.writes.indexOf('order filled with fills') + 1);
    expect(after).toEqual([`bar ${first.record.candle.openMs}`, 'order intended', 'order filled with fills']);
  });

  it('keeps what it refuses, and decides no bar twice', async () => {
    const contents = emptyContents();
    const world = await paperWorld({ store: tinyStore(contents) });
    await world.bar(WALK[0]!);
    expect(await world.bar({ ...WALK[1]!, close: Number.NaN })).toMatchObject({ kind: 'quarantined' });
    expect(contents.quarantine).toHaveLength(1);
    expect(await world.bar(WALK[0]!)).toMatchObject({ kind: 'already_known' });
    expect(await world.bar(WALK[1]!)).toMatchObject({ kind: 'decided' });
    expect(contents.bars.size).toBe(2);
  });

  it('works off bars one after the other, however they arrive', async () => {
    const contents = emptyContents();
    const world = await paperWorld({ store: tinyStore(contents) });
    world.clock.setWallMs(START_MS + HOUR_MS);
    await Promise.all(WALK.slice(0, 50).map((candle) => world.pipeline.onCandle(KEY, candle)));
    expect([...contents.bars.values()].map((bar) => bar.candle.openMs)).toEqual(
      WALK.slice(0, 50).map((candle) => candle.openMs),
    );
  });

  it('lets a denial of risk leave the interval unused', async () => {
    const config = { ...CONFIG, signals: { ...CONFIG.signals, minSignalIntervalBars: 5 } };
    const contents = emptyContents();
    const world = await paperWorld({ store: tinyStore(contents), config });
    const records = [];
    for (const candle of WALK) {
      const outcome = await world.bar(candle);
      if (outcome.kind === 'decided') records.push(outcome.record);
    }
    let last = Number.NEGATIVE_INFINITY;
    let deniedInside = 0;
    for (const { candle, risk, signal } of records) {
      const bars = (candle.openMs - last) / HOUR_MS;
      if (signal?.kind === 'none' && signal.reason === 'interval') expect(bars).toBeLessThan(5);
      if (risk !== null) expect(bars).toBeGreaterThanOrEqual(5);
      if (risk?.kind === 'order') last = candle.openMs;
      if (risk?.kind === 'denial') deniedInside++;
    }
    expect(deniedInside).toBeGreaterThan(0);
  });

  it('enters nothing at a live exchange that was not compared with the store yet', async () => {
    const world = await paperWorld({ store: tinyStore(), wrap: (paper) => ({ ...paper, kind: 'live' }) });
    const reasons = new Set<string>();
    for (const candle of WALK) {
      const outcome = await world.bar(candle);
      if (outcome.kind !== 'decided' || outcome.record.risk === null) continue;
      const { risk } = outcome.record;
      expect(risk.inputs.state).toBe('REDUCING');
      reasons.add(risk.kind === 'denial' ? risk.reason : risk.side);
    }
    expect(reasons).toContain('state_reducing');
    expect(reasons).not.toContain('buy');
  });

  it('lets no entry leave that was decided before another stream tripped the breaker', async () => {
    const eth = { ...KEY, symbol: 'ETH/USDT' };
    const store = tinyStore();
    let trips = true;
    const world = await paperWorld({
      keys: [KEY, eth],
      store: {
        ...store,
        async commitBar(record, outcomes) {
          await store.commitBar(record, outcomes);
          if (!trips || record.risk?.kind !== 'order' || record.stream !== KEY) return;
          trips = false;
          // A third of the account is gone, and the other stream's bar is the first to see it.
          const { portfolio } = world.pipeline;
          const flow = { flowId: '1', kind: 'withdrawal', currency: 'USDT', amount: '-35000' } as const;
          portfolio.applyFlow({ ...flow, exchange: KEY.exchange, atMs: record.candle.openMs });
          const seen = await world.pipeline.onCandle(eth, record.candle);
          expect(seen).toMatchObject({ kind: 'decided', breakerTripped: true });
        },
      },
    });
    for (const candle of WALK) {
      const outcome = await world.bar(candle);
      if (trips) continue;
      expect(outcome).toMatchObject({
        record: { risk: { kind: 'order', side: 'buy' } },
        execution: { status: 'denied', reason: 'state_reducing', fills: [] },
      });
      return;
    }
    expect.unreachable('no entry was decided');
  });

  it('lets no order leave before its decision is written down, and none whose decision could not be', async () => {
    const contents = emptyContents();
    const store = tinyStore(contents);
    const created: string[] = [];
    const waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const world = await paperWorld({
      store: {
        ...store,
        async commitBar(record, outcomes) {
          if (record.risk?.kind === 'order')
            await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
          await store.commitBar(record, outcomes);
        },
      },
      wrap: (paper) => ({
        ...paper,
        create(order, quote) {
          created.push(order.clientOrderId);
          return paper.create(order, quote);
        },
      }),
    });
    for (const candle of WALK) {
      const bar = world.bar(candle);
      const ended = bar.then(
        () => true,
        () => true,
      );
      while (waiting.length === 0 && !(await Promise.race([ended, turn()])));
      const held = waiting.pop();
      if (held === undefined) continue;
      // The intent may be on the disk already: the same sync serves both.
      expect(contents.orderLog.at(-1)).toMatchObject({ status: 'intended' });
      const before = created.length;
      await turn();
      expect(created).toHaveLength(before);
      if (before === 0) {
        held.resolve();
        expect(await bar).toMatchObject({ kind: 'decided' });
        expect(created).toHaveLength(1);
      } else {
        held.reject(new Error('the disk is gone'));
        await expect(bar).rejects.toThrow('the disk is gone');
        await turn();
        expect(created).toHaveLength(before);
        return;
      }
    }
    expect.unreachable('no second order was decided');
  });

  it('refuses to decide on no quote, and says so', async () => {
    const world = await paperWorld({ store: tinyStore() });
    world.box.quote = false;
    const reasons = new Set<string>();
    for (const candle of WALK) {
      const outcome = await world.bar(candle);
      if (outcome.kind === 'decided' && outcome.record.risk?.kind === 'denial') {
        reasons.add(outcome.record.risk.reason);
      }
    }
    expect([...reasons]).toEqual(['price_stale']);
  });

  it('annualises volatility by timeframe and calendar', async () => {
    const { decided } = await run(WALK);
    const inputs = decided.find((bar) => bar.record.risk !== null)!;
    // The feature says √252; an hourly market that never closes has 8766 bars a year
    expect(inputs.record.risk?.inputs.annualVolatility).toBeCloseTo(
      (inputs.record.features![3]! * Math.sqrt(8766)) / Math.sqrt(252),
      12,
    );
  });

  it('takes no assumed odds in live mode', async () => {
    const { decided } = await run(WALK, { ...CONFIG, mode: 'live' });
    const inputs = decided.find((bar) => bar.record.risk !== null)?.record.risk?.inputs;
    expect(inputs?.averageWin).toBe(inputs?.averageLoss);
  });

  it('uses the averages of real trades once there are 30', async () => {
    const { decided } = await run(randomWalk(seededRng(5), 1500));
    const wins = decided.map((bar) => bar.record.risk?.inputs.averageWin).filter((win) => win !== undefined);
    expect(wins[0]).toBe(0.02);
    expect(wins.at(-1)).not.toBe(0.02);
  });
});

describe('the drawdown breaker in the pipeline', () => {
  /** The walk, then a fall that no position survives. */
  const config = {
    ...CONFIG,
    risk: { ...CONFIG.risk, maxPositionFraction: 1, kellyFraction: 1, drawdownHaltFraction: 0.05 },
    execution: { ...CONFIG.execution, notionalMaxFraction: 1 },
  };

  it('trips once, lets nobody in, survives a restart, and continues after a person’s word', async () => {
    const contents = emptyContents();
    const world = await paperWorld({ store: tinyStore(contents), config });
    let trips = 0;
    let i = 0;
    for (; i < WALK.length && trips === 0; i++) {
      const outcome = await world.bar(WALK[i]!);
      if (outcome.kind === 'decided' && outcome.breakerTripped) trips++;
    }
    expect(trips).toBe(1);
    // When the box restarts, the peak and the latch are as they were
    const again = await paperWorld({ store: tinyStore(contents), config, idSeed: 2 });
    expect(again.pipeline.state().account).toMatchObject({
      breakerTripped: true,
      peakEquity: world.pipeline.state().account.peakEquity,
    });
    await again.pipeline.warmUp(KEY, WALK.slice(0, i));
    const entries: string[] = [];
    for (; i < 300; i++) {
      const outcome = await again.bar(WALK[i]!);
      if (outcome.kind !== 'decided') continue;
      if (outcome.record.risk?.kind === 'order') entries.push(outcome.record.risk.side);
      expect(outcome.breakerTripped).toBe(false);
    }
    expect(entries.filter((side) => side === 'buy')).toEqual([]);
    const peakBefore = again.pipeline.state().account.peakEquity;
    // When somebody takes the responsibility, it is written down with the name, and outlives a restart before any bar
    const word = await again.pipeline.rebasePeak('anna');
    expect(word).toMatchObject({ by: 'anna', peakBefore, drawdownBefore: expect.any(Number) });
    expect(contents.rebases).toEqual([word]);
    expect(again.pipeline.state().account).toMatchObject({ breakerTripped: false, drawdown: 0 });
    expect(await again.pipeline.rebasePeak('anna')).toBeNull();
    const third = await paperWorld({ store: tinyStore(contents), config, idSeed: 3 });
    expect(third.pipeline.state().account).toMatchObject({
      breakerTripped: false,
      peakEquity: word!.equity,
      drawdown: 0,
    });
    let bought = 0;
    for (; i < WALK.length; i++) {
      const outcome = await again.bar(WALK[i]!);
      if (outcome.kind === 'decided' && outcome.execution?.order.side === 'buy') bought++;
    }
    expect(bought).toBeGreaterThan(0);
  });
});

describe('power that fails at any write', () => {
  it('decides no bar twice, sends no order twice, and keeps fills and positions equal', async () => {
    const candles = WALK.slice(0, 80);
    const whole = await run(candles);
    const writesTotal = whole.contents.writes.length;
    let cutsInOrders = 0;
    for (let cut = 0; cut < writesTotal; cut++) {
      // Given a run whose power fails at write number `cut`
      const contents = emptyContents();
      let writes = 0;
      const created: string[] = [];
      const store = tinyStore(contents, (write) => {
        if (writes === cut && (write.startsWith('order') || write === 'fills')) cutsInOrders++;
        // Nothing is written after it either.
        if (writes++ >= cut) throw new Error('power cut');
      });
      const spy = (broker: Parameters<NonNullable<Parameters<typeof paperWorld>[0]['wrap']>>[0]) => ({
        ...broker,
        create: async (...args: Parameters<typeof broker.create>) => {
          created.push(args[0].clientOrderId);
          return broker.create(...args);
        },
      });
      const before = await paperWorld({ store, wrap: spy });
      for (const candle of candles) {
        try {
          await before.bar(candle);
        } catch {
          break;
        }
      }
      // When it starts again, warms up from the store and gets all bars once more
      const after = await paperWorld({ store: tinyStore(contents), wrap: spy, idSeed: 2 });
      await after.pipeline.orders.resolveUnknown();
      await after.pipeline.orders.resolveUnknown();
      await after.pipeline.warmUp(
        KEY,
        [...contents.bars.values()].map((bar) => bar.candle),
      );
      for (const candle of candles) await after.bar(candle);
      // Then every bar is there once (the store throws at a second), no id was sent twice, nothing is left open,
      expect(contents.bars.size, `cut ${cut}`).toBe(candles.length);
      expect(new Set(created).size, `cut ${cut}`).toBe(created.length);
      expect(after.pipeline.state().unresolvedOrders, `cut ${cut}`).toBe(0);
      // each intent was of one bar, each bar has at most one intent,
      const intents = contents.orderLog.filter((event) => event.status === 'intended');
      expect(new Set(intents.map((event) => event.order.barOpenMs)).size, `cut ${cut}`).toBe(intents.length);
      // and the position is that of the stored fills, the broker's book that of the portfolio.
      const held = [...contents.fills.values()].reduce(
        (sum, fill) => sum + (fill.side === 'buy' ? 1 : -1) * Math.round(Number(fill.amount) * 1e5),
        0,
      );
      expect(
        Math.round(after.pipeline.portfolio.book('binance', 'BTC/USDT').unitsNumber * 1e5),
        `cut ${cut}`,
      ).toBe(held);
      const cash = (await after.paper.balances()).find(({ currency }) => currency === 'USDT');
      expect(Number(cash?.total), `cut ${cut}`).toBe(after.pipeline.portfolio.cash());
    }
    expect(cutsInOrders).toBeGreaterThan(10);
  });
});

describe('an order whose outcome becomes known between bars', () => {
  it('is reported once, as soon as it is known, and not with the next bar', async () => {
    let lose = true;
    const world = await paperWorld({
      store: tinyStore(),
      wrap: (broker) => ({
        ...broker,
        create: async (...args: Parameters<typeof broker.create>) => {
          const result = await broker.create(...args);
          if (!lose) return result;
          lose = false;
          return { kind: 'ambiguous', message: 'answer lost' };
        },
      }),
    });
    let i = 0;
    let lost = '';
    for (; i < WALK.length && lost === ''; i++) {
      const outcome = await world.bar(WALK[i]!);
      if (outcome.kind === 'decided' && outcome.execution) {
        expect(outcome.execution.status).toBe('unknown');
        lost = outcome.execution.order.clientOrderId;
      }
    }
    expect(await world.pipeline.orders.resolveUnknown()).toMatchObject([
      { status: 'filled', order: { clientOrderId: lost } },
    ]);
    const ofLost = () => world.outcomes.filter(({ order }) => order.clientOrderId === lost);
    expect(ofLost().map(({ status }) => status)).toEqual(['unknown', 'filled']);
    await world.bar(WALK[i]!);
    expect(ofLost()).toHaveLength(2);
  });
});

describe('several streams', () => {
  it('share capital and keep positions apart', async () => {
    const eth = { ...KEY, symbol: 'ETH/USDT' };
    const contents = emptyContents();
    const world = await paperWorld({ store: tinyStore(contents), keys: [KEY, eth] });
    const other = randomWalk(seededRng(12), 200, 2000);
    for (let i = 0; i < 200; i++) {
      await world.bar(WALK[i]!);
      await world.bar(other[i]!, eth);
    }
    const symbols = new Set([...contents.fills.values()].map((fill) => fill.symbol));
    expect(symbols).toEqual(new Set(['BTC/USDT', 'ETH/USDT']));
    const { account, positions } = world.pipeline.state();
    const marked =
      account.cash +
      positions['binance:BTC/USDT']! * WALK[199]!.close +
      positions['binance:ETH/USDT']! * other[199]!.close;
    expect(account.equity).toBeCloseTo(marked, 6);
  });
});
