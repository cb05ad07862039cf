// @module-tag sockets

import { afterAll, describe, expect, it } from 'vitest';
import { decimal } from '../../src/core/money.js';
import type { Fill, OrderReport, OrderRequest, Quote, Side } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import type { TradingState } from '../../src/core/trading-state.js';
import { createBrokers } from '../../src/execution/brokers.js';
import { Execution } from '../../src/execution/execution.js';
import { EXIT_BOUNDS } from '../../src/execution/exit-bound.js';
import { flattenInstrument } from '../../src/execution/flatten.js';
import { OrderGate } from '../../src/execution/order-gate.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import type { ExecutionOutcome } from '../../src/execution/order-intent.js';
import type { StreamState } from '../../src/pipeline/stream-state.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import type { Broker, SubmitResult } from '../../src/ports/broker.js';
import type { Rng } from '../../src/ports/time.js';
import { liveOrders } from '../support/live-orders.js';
import { emptyContents, tinyStore } from '../support/tiny-store.js';
import { CONFIG, KEY, SPOT } from '../support/tiny-stream.js';

const STATES: readonly Exclude<TradingState, 'HALTED'>[] = ['ACTIVE', 'REDUCING', 'FLATTENING'];
const pick = <T>(rng: Rng, from: readonly T[]): T => from[Math.floor(rng.next() * from.length)]!;

interface Level {
  readonly price: number;
  readonly size: number;
}

/** Rounds of the whole way to the exchange; `EXIT_ROUNDS=1000 npx vitest run test/execution/exits.test.ts` for more. */
const ROUNDS = Number(process.env.EXIT_ROUNDS ?? 60);

/** A market of some shape: what rests on the side that an exit meets, and what the box is told of it. */
function randomMarket(rng: Rng, side: Side, lastClose: number): { levels: Level[]; quote: Quote } {
  // From a crash of 45 % to a jump of as much; most of the time near the close.
  const moved = rng.next() < 0.5 ? (rng.next() - 0.5) * 0.9 : (rng.next() - 0.5) * 0.02;
  const price = lastClose * (1 + moved);
  const away = side === 'sell' ? -1 : 1;
  const levels = Array.from({ length: Math.floor(rng.next() * 6) }, (_, i) => ({
    price: price * (1 + away * i * rng.next() * 0.06),
    size: rng.next() * 2,
  })).sort((a, b) => away * (a.price - b.price));
  const best = levels[0]?.price ?? price;
  const other = best * (1 - away * rng.next() * 0.01);
  const told: Quote = {
    bid: side === 'sell' ? best : other,
    ask: side === 'sell' ? other : best,
    atMs: 1_000_000 - Math.floor(rng.next() * 120_000),
    source: 'book',
  };
  const roll = rng.next();
  const none: Quote = { bid: lastClose, ask: lastClose, atMs: 0, source: 'close' };
  const oneSided: Quote = side === 'sell' ? { ...told, bid: 0.01 } : { ...told, ask: lastClose * 1e6 };
  const old: Quote = { ...told, bid: lastClose * 0.999, ask: lastClose * 1.001, atMs: 1 };
  return { levels, quote: roll < 0.1 ? none : roll < 0.2 ? oneSided : roll < 0.3 ? old : told };
}

/** One position, one market, one box in some state; everything drawn from the seed. */
function given(seed: number) {
  const rng = seededRng(seed);
  const lastClose = Math.round(rng.next() * 1e6) / 100 + 1;
  const long = rng.next() < 0.7;
  const held = Math.ceil(rng.next() * 1e5) / 1e4;
  const rules = { ...SPOT, kind: long ? ('spot' as const) : ('swap' as const) };
  const side: Side = long ? 'sell' : 'buy';
  // What is not at the exchange cannot be sold: a withdrawal, say, that the fills know nothing of.
  const short = long && rng.next() < 0.2 ? Math.floor(rng.next() * held * 1e4) / 1e4 : 0;
  let truth = decimal(held).minus(short);
  const portfolio = new Portfolio({ startCash: String(rng.next() < 0.2 ? 0 : 1e6) });
  const fill = (order: OrderRequest, price: number, amount: string, id: string): Fill => ({
    fillId: id,
    clientOrderId: order.clientOrderId,
    exchange: KEY.exchange,
    symbol: rules.symbol,
    side: order.side,
    price: String(price),
    amount,
    fee: '0',
    feeCurrency: 'USDT',
    atMs: 1,
  });
  const opening = { clientOrderId: 'o', side: long ? 'buy' : 'sell' } as OrderRequest;
  portfolio.apply(fill(opening, lastClose, String(held), 'opening'));
  const book = portfolio.book(KEY.exchange, rules.symbol);
  book.markPrice = lastClose;
  const market = randomMarket(rng, side, lastClose);
  const flaws: string[] = [];
  const sent: OrderRequest[] = [];
  let nowMs = 1_000_000;
  const clock = {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const broker: Broker = {
    exchange: KEY.exchange,
    kind: 'live',
    async create(order): Promise<SubmitResult> {
      sent.push(order);
      nowMs += 20;
      if (decimal(order.amount).gt(truth)) flaws.push(`${order.amount} sent of ${truth.toFixed()} held`);
      const limit = Number(order.limitPrice);
      let left = decimal(order.amount);
      const fills: Fill[] = [];
      for (const [i, level] of market.levels.entries()) {
        const beyond = side === 'sell' ? level.price < limit : level.price > limit;
        if (beyond || !left.gt(0)) break;
        const amount = left.lt(level.size) ? left : decimal(level.size.toFixed(4));
        if (!amount.gt(0)) continue;
        fills.push(fill(order, level.price, amount.toFixed(), `${order.clientOrderId}-${i}`));
        market.levels[i] = { ...level, size: level.size - Number(amount.toFixed()) };
        left = left.minus(amount);
      }
      const done = decimal(order.amount).minus(left);
      truth = truth.minus(done);
      const report: OrderReport = {
        clientOrderId: order.clientOrderId,
        exchangeOrderId: 'x',
        symbol: order.symbol,
        side,
        status: left.gt(0) ? 'expired' : 'filled',
        amount: order.amount,
        filled: done.toFixed(),
        averagePrice: fills.length === 0 ? null : String(lastClose),
        fills,
        atMs: nowMs,
      };
      return { kind: 'report', report };
    },
    find: async () => undefined,
    cancel: async () => {},
    openOrders: async () => [],
    history: async () => [],
    transfers: async () => [],
    balances: async () => [],
  };
  const brokers = createBrokers([broker]);
  const state = pick(rng, STATES);
  const sellable = () => (short === 0 ? book.units : book.units.minus(short));
  const outcomes: ExecutionOutcome[] = [];
  const execution = new Execution(
    {
      store: tinyStore(emptyContents()),
      brokers,
      clock,
      ids: createOrderIds('exits', clock, rng),
      portfolio,
      onOutcome: (outcome) => void outcomes.push(outcome),
      makeGate: (isBlocked, stopAmount) =>
        new OrderGate(
          {
            brokers,
            clock,
            isBlocked,
            stopAmount,
            permit: { read: () => ({ ok: true, state, epoch: 1, expiresMonotonicMs: 1e15 }) },
            tradingState: () => 'ACTIVE',
            unitsHeld: () => sellable().toFixed(),
            equity: () => (rng.next() < 0.5 ? 1 : Number.NaN),
          },
          // Nothing that an entry would be let through by.
          { ...CONFIG.execution, ordersPerMinuteMax: 0, notionalMaxFraction: 1e-9, quoteAgeMsMax: 1 },
        ),
    },
    { triesMax: 1, backoffMs: [1], inFlightMaxMs: 0, orderType: 'limit_ioc', limitCollarFraction: 0.002 },
  );
  const stream = { book, key: KEY, rules, lastBarMs: 0 } as unknown as StreamState;
  const close = () =>
    flattenInstrument(stream, {
      clock,
      closable: sellable,
      quote: () => market.quote,
      send: (_stream, candle, decision, exitTry) =>
        execution.submit({
          exchange: KEY.exchange,
          decision,
          rules,
          barOpenMs: candle.openMs,
          decisionPrice: candle.close,
          exitTry,
        }),
    });
  return { close, outcomes, book, sent, flaws, market, lastClose, rules, side, sellable };
}

describe('orders that close what is held', () => {
  it('are held up by no limit, and sell no more than is held, in 10 000 random books and states', async () => {
    const counts = { exits: 0, orders: 0, closed: 0, heldUp: 0, oversold: 0, beyondBound: 0 };
    for (let seed = 1; seed <= 10_000; seed++) {
      const { close, outcomes, sent, flaws, lastClose, rules, side, sellable, market } = given(seed);
      const quote = market.quote;
      const unclosed = await close();
      counts.exits++;
      counts.orders += sent.length;
      if (unclosed === null) counts.closed++;
      counts.oversold += flaws.length;
      for (const { reason, order, message } of outcomes) {
        if (reason === null) continue;
        // The exchange itself takes none so small.
        const notional = decimal(order.amount).times(order.limitPrice ?? 0);
        const tooSmall = decimal(order.amount).lt(rules.amountMin) || notional.lt(rules.notionalMin);
        if (reason === 'exchange_filter' && tooSmall) continue;
        counts.heldUp++;
        console.log(`seed ${seed}: ${reason}: ${message}`);
      }
      // From the better of what it was told and the last close, no order may fill at less than half.
      for (const { limitPrice } of sent) {
        const market = side === 'sell' ? Math.max(quote.bid, lastClose) : Math.min(quote.ask, lastClose);
        const least = side === 'sell' ? Math.min(lastClose, quote.bid > 1 ? quote.bid : lastClose) : market;
        const beyond =
          side === 'sell'
            ? Number(limitPrice) < least * (1 - EXIT_BOUNDS.at(-1)!) - 0.011
            : Number(limitPrice) >
              Math.max(lastClose, quote.ask < lastClose * 100 ? quote.ask : 0) * (1 + EXIT_BOUNDS.at(-1)!) +
                0.011;
        if (beyond) counts.beyondBound++;
      }
      expect(
        sellable()
          .times(side === 'sell' ? 1 : -1)
          .gte(0),
        `seed ${seed}`,
      ).toBe(true);
    }
    console.log(`exits: ${JSON.stringify(counts)}`);
    expect(counts).toMatchObject({ heldUp: 0, oversold: 0, beyondBound: 0 });
    expect(counts.closed).toBeGreaterThan(2000);
    expect(counts.orders).toBeGreaterThan(15_000);
  });

  describe('through gate, adapter and exchange', () => {
    const worlds: Awaited<ReturnType<typeof liveOrders>>[] = [];
    afterAll(() => Promise.all(worlds.map(({ world }) => world.simulator.stop())));

    it(`close in ${ROUNDS} random books and states, and sell no more than is held`, {
      timeout: 600_000,
    }, async () => {
      const execution = { ordersPerMinuteMax: 0, notionalMaxFraction: 1e-9, quoteAgeMsMax: 1 };
      const made = await liveOrders({ percent: 0, execution, bars: 1_200 });
      worlds.push(made);
      const { stream, box, engine, world, instrument, flatten, reconcile } = made;
      const counts = { exits: 0, closed: 0, heldUp: 0, oversold: 0, thin: 0 };
      const rng = seededRng(11);
      const ids = createOrderIds('box', world.clock, seededRng(12));
      const { ledger } = engine;
      const wasOpen = stream.book.units;
      expect(wasOpen.toFixed()).toBe('0');
      for (let round = 0; round < ROUNDS; round++) {
        // What a box of before has bought: the exchange's own ledger and trades say so.
        // A minute has room for some closings only: an hour passes.
        await world.simulator.step();
        const amount = decimal((Math.ceil(5 + rng.next() * 2000) / 1e4).toFixed(4));
        const buyBook = world.simulator.exchange.book(instrument);
        buyBook.draw(40_000);
        const bought = engine.place(
          { clientOrderId: ids.next(), side: 'buy', type: 'MARKET', timeInForce: 'GTC', amount },
          instrument,
          buyBook,
          world.clock.wallMs(),
        );
        expect(bought.status).toBe('FILLED');
        await reconcile('binance');
        stream.book.markPrice = 40_000;
        // The market moves by up to 45 %, the box is told of it, of something old, or of nothing.
        const moved = rng.next() < 0.5 ? (rng.next() - 0.5) * 0.9 : (rng.next() - 0.5) * 0.02;
        const price = Math.round(40_000 * (1 + moved) * 100) / 100;
        const book = world.simulator.exchange.book(instrument);
        book.draw(price);
        const roll = rng.next();
        box.quote =
          roll < 0.2
            ? () => ({ bid: 39_990, ask: 40_010, atMs: 1, source: 'book' })
            : roll < 0.3
              ? () => ({ bid: 40_000, ask: 40_000, atMs: 0, source: 'close' })
              : undefined;
        box.state = pick(rng, STATES);
        const before = stream.book.units;
        const free = ledger.holding('BTC').free;
        const left = await flatten('binance');
        counts.exits++;
        const sold = free.minus(ledger.holding('BTC').free);
        if (sold.gt(before)) counts.oversold++;
        if (stream.book.units.lt('0.0001')) counts.closed++;
        else if (left.every((why) => /expired/.test(why))) counts.thin++;
        else {
          counts.heldUp++;
          console.log(`round ${round}: ${left.join('; ')}`);
        }
        box.quote = undefined;
        box.state = 'ACTIVE';
        if (stream.book.units.gte('0.0001')) {
          book.draw(40_000);
          stream.book.markPrice = 40_000;
          await flatten('binance');
        }
      }
      console.log(`exits through the exchange: ${JSON.stringify(counts)}`);
      expect(counts).toMatchObject({ exits: ROUNDS, heldUp: 0, oversold: 0 });
      expect(counts.closed).toBeGreaterThan(ROUNDS * 0.9);
    });
  });
});
