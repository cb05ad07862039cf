import { describe, expect, it } from 'vitest';
import type { OrderReport, OrderRequest, Quote, RiskDecision } from '../../src/core/order.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { createBrokers } from '../../src/execution/brokers.js';
import { Execution, type ExecutionConfig } from '../../src/execution/execution.js';
import { OrderGate } from '../../src/execution/order-gate.js';
import { createOrderIds } from '../../src/execution/order-id.js';
import type { OrderIntent } from '../../src/execution/order-intent.js';
import { Portfolio } from '../../src/portfolio/portfolio.js';
import type { Broker, SubmitResult } from '../../src/ports/broker.js';
import type { PermitReading } from '../../src/ports/guard.js';
import { emptyContents, tinyStore } from '../support/tiny-store.js';
import { CONFIG, SPOT } from '../support/tiny-stream.js';

const QUOTE: Quote = { bid: 99, ask: 101, atMs: 1000, source: 'book' };

const DECISION: Extract<RiskDecision, { kind: 'order' }> = {
  kind: 'order',
  side: 'buy',
  units: 1.000009,
  targetUnits: 1.000009,
  positionFraction: 0.1,
  kellyRaw: 0.2,
  inputs: {
    equity: 1000,
    peakEquity: 1000,
    drawdown: 0,
    positionUnits: 0,
    quote: QUOTE,
    state: 'ACTIVE',
    averageWin: 0.02,
    averageLoss: 0.015,
    annualVolatility: null,
    outsideTraining: null,
    exchange: 'binance',
    cash: 1000,
    dayStartEquity: 1000,
    dayLowEquity: 1000,
    otherExposure: 0,
    correlatedExposure: 0,
    losingTrades: 0,
    barsSinceLoss: null,
  },
};

const MARKET = { orderType: 'market', limitCollarFraction: 0 } as const;

type Answer = SubmitResult | ((order: OrderRequest) => SubmitResult) | Error;

/** Execution before a broker that answers as told, in order. */
function world(
  answers: Answer[],
  contents = emptyContents(),
  how: Pick<ExecutionConfig, 'orderType' | 'limitCollarFraction'> = MARKET,
) {
  const sent: OrderRequest[] = [];
  const sentAfter: string[] = [];
  const slept: number[] = [];
  const canceled: string[] = [];
  const known = new Map<string, OrderReport | Error>();
  let nowMs = 1000;
  let permit: PermitReading = { ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e12 };
  const broker: Broker = {
    exchange: 'binance',
    kind: 'live',
    async create(order) {
      sent.push(order);
      sentAfter.push(contents.writes.at(-1) ?? '');
      const answer = answers.shift();
      if (answer === undefined) throw new Error('the test gave no answer');
      if (answer instanceof Error) throw answer;
      return typeof answer === 'function' ? answer(order) : answer;
    },
    async find(clientOrderId) {
      const answer = known.get(clientOrderId);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async cancel(clientOrderId) {
      canceled.push(clientOrderId);
    },
    openOrders: async () => [],
    history: async () => [],
    transfers: async () => [],
    balances: async () => [],
  };
  const brokers = createBrokers([broker]);
  const clock = {
    wallMs: () => 1000,
    monotonicMs: () => nowMs,
    async sleep(ms: number) {
      slept.push(ms);
      nowMs += ms;
    },
  };
  const portfolio = new Portfolio({ startCash: '1000' });
  const execution = new Execution(
    {
      store: tinyStore(contents),
      brokers,
      clock,
      ids: createOrderIds('test', clock, seededRng(1)),
      portfolio,
      makeGate: (isBlocked, stopAmount) =>
        new OrderGate(
          {
            brokers,
            clock,
            isBlocked,
            stopAmount,
            permit: { read: () => permit },
            tradingState: () => 'ACTIVE',
            unitsHeld: (exchange, symbol) => portfolio.book(exchange, symbol).units.toFixed(),
            equity: () => portfolio.equity(),
          },
          CONFIG.execution,
        ),
    },
    { triesMax: 3, backoffMs: [1000, 2000, 4000], inFlightMaxMs: 5000, ...how },
  );
  return {
    execution,
    sent,
    sentAfter,
    slept,
    canceled,
    known,
    contents,
    portfolio,
    later: (ms: number) => {
      nowMs += ms;
    },
    revoke: () => {
      permit = { ok: false, reason: 'revoked' };
    },
    submit: (decision: Partial<OrderIntent['decision']> = {}) =>
      execution.submit({
        exchange: 'binance',
        decision: { ...DECISION, ...decision },
        rules: SPOT,
        barOpenMs: 7,
        decisionPrice: 100,
      }),
  };
}

function report(order: OrderRequest, over: Partial<OrderReport> = {}, filled = order.amount): OrderReport {
  const fills =
    filled === '0'
      ? []
      : [
          {
            fillId: `${order.clientOrderId}-f`,
            clientOrderId: order.clientOrderId,
            exchange: 'binance',
            symbol: order.symbol,
            side: order.side,
            price: '101',
            amount: filled,
            fee: '0.1',
            feeCurrency: 'USDT',
            atMs: 1,
          },
        ];
  return {
    clientOrderId: order.clientOrderId,
    exchangeOrderId: 'x1',
    symbol: order.symbol,
    side: order.side,
    status: 'filled',
    amount: order.amount,
    filled,
    averagePrice: '101',
    fills,
    atMs: 1,
    ...over,
  };
}

const filled = (order: OrderRequest): SubmitResult => ({ kind: 'report', report: report(order) });
const busy: SubmitResult = { kind: 'not_placed', message: 'busy', retryable: true };
const lost: SubmitResult = { kind: 'ambiguous', message: 'timed out' };

describe('sending an order with a limit', () => {
  const LIMIT = { orderType: 'limit_ioc', limitCollarFraction: 0.002 } as const;

  it('sets it around the quote, on the tick, never beyond the collar', async () => {
    const buying = world([filled], emptyContents(), LIMIT);
    // 101 × 1.002 = 101.202, on a tick of 0.01.
    expect((await buying.submit()).order).toMatchObject({
      type: 'limit_ioc',
      limitPrice: '101.2',
      side: 'buy',
    });
    const selling = world([filled], emptyContents(), LIMIT);
    // 99 × 0.998 = 98.802.
    expect((await selling.submit({ side: 'sell' })).order).toMatchObject({
      limitPrice: '98.81',
      side: 'sell',
    });
  });

  it('keeps it over another try: a price that ran away is not followed', async () => {
    const it = world([busy, filled], emptyContents(), LIMIT);
    await it.submit();
    expect(it.sent.map(({ limitPrice }) => limitPrice)).toEqual(['101.2', '101.2']);
    expect(it.contents.orderLog[0]?.order.limitPrice).toBe('101.2');
  });

  it('buys no more than cash pays for at the limit, fee included', async () => {
    const it = world([filled], emptyContents(), LIMIT);
    const { order } = await it.submit({ units: 9.9 });
    // 1000 / (101.2 × 1.001)
    expect(order.amount).toBe('9.87155');
  });

  it('cancels at once what was to be filled at once and rests, and takes what it filled by then', async () => {
    const rests = (order: OrderRequest): SubmitResult => {
      const ended = report(order, { status: 'canceled' }, '0.6');
      it.known.set(order.clientOrderId, ended);
      return { kind: 'report', report: report(order, { status: 'accepted' }, '0') };
    };
    const it = world([rests], emptyContents(), LIMIT);
    const outcome = await it.submit();
    expect(it.canceled).toEqual([outcome.order.clientOrderId]);
    expect(outcome).toMatchObject({ status: 'canceled', fills: [{ amount: '0.6' }], slippage: {} });
    expect(it.execution.blocks('binance', 'BTC/USDT')).toBe(false);
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(0.6);
  });

  it('cancels it again with each look for as long as it rests', async () => {
    const rests = (order: OrderRequest): SubmitResult => {
      const open = report(order, { status: 'partially_filled' }, '0.3');
      it.known.set(order.clientOrderId, open);
      return { kind: 'report', report: open };
    };
    const it = world([rests], emptyContents(), LIMIT);
    await it.submit();
    expect(it.execution.blocks('binance', 'BTC/USDT')).toBe(true);
    const before = it.canceled.length;
    await it.execution.resolveUnknown('binance');
    expect(it.canceled.length).toBeGreaterThan(before);
  });

  it('counts what filled when the exchange lets the rest expire, and blocks nothing', async () => {
    const part = (order: OrderRequest): SubmitResult => ({
      kind: 'report',
      report: report(order, { status: 'expired' }, '0.4'),
    });
    const it = world([part], emptyContents(), LIMIT);
    const outcome = await it.submit();
    expect(outcome).toMatchObject({ status: 'expired', fills: [{ amount: '0.4' }] });
    expect(it.contents.writes).toEqual(['order intended', 'order expired with fills']);
    expect(it.contents.orderLog.at(-1)).toMatchObject({ status: 'expired', filled: '0.4' });
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(0.4);
    expect(it.execution.blocks('binance', 'BTC/USDT')).toBe(false);
  });
});

describe('sending an order', () => {
  it('writes the intent down before it sends, and fill and end at once', async () => {
    const it = world([filled]);
    const outcome = await it.submit();
    expect(it.sentAfter).toEqual(['order intended']);
    expect(it.contents.writes).toEqual(['order intended', 'order filled with fills']);
    expect(outcome).toMatchObject({ status: 'filled', reason: null, tries: 1 });
    expect(outcome.order).toMatchObject({ amount: '1', symbol: 'BTC/USDT', barOpenMs: 7, type: 'market' });
    expect(outcome.order.clientOrderId).toMatch(/^rb-test-[a-z0-9]+$/);
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(1);
    expect(outcome.slippage?.decisionBps).toBeCloseTo(100, 9);
    expect(outcome.slippage?.arrivalBps).toBe(0);
  });

  it('stores the gate’s denial with its reason', async () => {
    const it = world([]);
    it.revoke();
    expect(await it.submit()).toMatchObject({ status: 'denied', reason: 'no_permit' });
    expect(it.sent).toEqual([]);
    expect(it.contents.orderLog.at(-1)).toMatchObject({
      status: 'denied',
      reason: 'no_permit',
      message: 'no_permit: permit revoked',
    });
  });

  it('calls denied what the gate takes its leave back from at the wire, and never sends it again', async () => {
    const it = world([{ kind: 'denied', reason: 'state_halted', message: 'denied at the wire' }, filled]);
    expect(await it.submit()).toMatchObject({ status: 'denied', reason: 'state_halted', tries: 1 });
    expect(it.contents.orderLog.at(-1)).toMatchObject({ status: 'denied', reason: 'state_halted' });
    expect([it.sent.length, it.execution.unresolvedCount]).toEqual([1, 0]);
  });

  it.each([
    ['rejected', 'closed', 'market_closed', { kind: 'rejected', message: 'market is closed' }],
    ['rejected', 'rules', null, { kind: 'rejected', message: 'off the step' }],
    ['rejected', undefined, null, { kind: 'rejected', message: 'no funds' }],
    ['never_placed', 'rules', null, { kind: 'not_placed', message: 'off the step', retryable: false }],
    ['never_placed', undefined, null, { kind: 'not_placed', message: 'not signed', retryable: false }],
  ] as const)('stores as %s what is about %s, with the reason %s', async (status, about, reason, answer) => {
    const it = world([{ ...answer, ...(about && { about }) }, filled]);
    expect(await it.submit()).toMatchObject({ status, reason, tries: 1 });
    expect(it.contents.orderLog.at(-1)).toMatchObject({ status, reason, message: answer.message });
  });

  it('tries again, 1 and 2 seconds later and under the same id, what was surely not placed', async () => {
    const it = world([busy, busy, filled]);
    expect(await it.submit()).toMatchObject({ status: 'filled', tries: 3 });
    expect(it.slept).toEqual([1000, 2000]);
    expect(new Set(it.sent.map((order) => order.clientOrderId)).size).toBe(1);
  });

  it('gives up after the last try, and at once on what will not change', async () => {
    const thrice = world([busy, busy, busy]);
    expect(await thrice.submit()).toMatchObject({ status: 'never_placed', message: 'busy', tries: 3 });
    const once = world([{ kind: 'rejected', message: 'no funds' }]);
    expect(await once.submit()).toMatchObject({ status: 'rejected', message: 'no funds', tries: 1 });
    expect(once.slept).toEqual([]);
  });

  it('waits as long as the exchange asks', async () => {
    const it = world([{ ...busy, retryAfterMs: 4500 } as SubmitResult, filled]);
    await it.submit();
    expect(it.slept).toEqual([4500]);
  });

  it('asks the gate again before each try', async () => {
    const revokeAndFail = () => {
      it.revoke();
      return busy;
    };
    const it = world([revokeAndFail, filled]);
    expect(await it.submit()).toMatchObject({ status: 'denied', reason: 'no_permit', tries: 2 });
    expect(it.sent).toHaveLength(1);
  });

  it('gives every order an id of its own, of at most 36 characters', () => {
    const ids = createOrderIds(
      'abcdefghijklmnop',
      { wallMs: () => Date.UTC(2050, 0, 1), monotonicMs: () => 0, sleep: async () => {} },
      seededRng(3),
    );
    const made = Array.from({ length: 10_000 }, () => ids.next());
    expect(new Set(made).size).toBe(made.length);
    expect(made.every((id) => id.length <= 36 && /^[A-Za-z0-9_-]+$/.test(id) && ids.isOurs(id))).toBe(true);
  });
});

describe('an order whose outcome nobody knows', () => {
  it('is never sent again, and blocks its symbol', async () => {
    for (const answer of [lost, new Error('socket hang up')]) {
      const it = world([answer, filled]);
      expect(await it.submit()).toMatchObject({ status: 'unknown' });
      expect(it.contents.writes).toEqual(['order intended', 'order unknown']);
      expect(await it.submit()).toMatchObject({ status: 'denied', reason: 'symbol_unknown' });
      expect(it.sent).toHaveLength(1);
    }
  });

  it('doubts an answer that cannot be right', async () => {
    const wrong: ((order: OrderRequest) => OrderReport)[] = [
      (order) => report({ ...order, clientOrderId: 'other' }),
      (order) => report(order, { side: 'sell' }),
      (order) => report(order, { filled: '2' }),
      (order) => report(order, { filled: 'NaN' }),
      (order) => report(order, { fills: [{ ...report(order).fills[0]!, price: '0' }] }),
      (order) => report(order, { fills: [{ ...report(order).fills[0]!, symbol: 'ETH/USDT' }] }),
    ];
    for (const make of wrong) {
      const it = world([(order) => ({ kind: 'report', report: make(order) })]);
      expect(await it.submit()).toMatchObject({ status: 'unknown' });
      expect(it.portfolio.cash()).toBe(1000);
    }
  });

  it('is settled by what the exchange says of its id', async () => {
    const it = world([lost]);
    const { order } = await it.submit();
    it.known.set(order.clientOrderId, new Error('503'));
    expect(await it.execution.resolveUnknown('binance')).toEqual([]);
    it.known.set(order.clientOrderId, report(order));
    expect(await it.execution.resolveUnknown('binance')).toMatchObject([{ status: 'filled' }]);
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(1);
    expect(it.execution.unresolved()).toEqual([]);
  });

  it('is dead only when not found twice, the later time beyond send, window and margin', async () => {
    const it = world([lost]);
    await it.submit();
    expect(await it.execution.resolveUnknown('binance')).toEqual([]);
    expect(await it.execution.resolveUnknown('binance')).toEqual([]);
    it.later(4999);
    expect(await it.execution.resolveUnknown('binance')).toEqual([]);
    it.later(1);
    expect(await it.execution.resolveUnknown('binance')).toMatchObject([
      { status: 'never_placed', reason: null },
    ]);
    // One late look alone is not enough
    const once = world([lost]);
    await once.submit();
    once.later(60_000);
    expect(await once.execution.resolveUnknown('binance')).toEqual([]);
    expect(await once.execution.resolveUnknown('binance')).toMatchObject([
      { status: 'never_placed', reason: null },
    ]);
  });

  it('stays open while fills of it are still to be named', async () => {
    const it = world([(order) => ({ kind: 'report', report: report(order, { fills: [] }) })]);
    const { order, status } = await it.submit();
    expect(status).toBe('unknown');
    it.known.set(order.clientOrderId, report(order));
    expect(await it.execution.resolveUnknown('binance')).toMatchObject([{ status: 'filled' }]);
  });

  it('stores a fill that is named while others of the same order still are not', async () => {
    const it = world([(order) => ({ kind: 'report', report: report(order, { fills: [] }) })]);
    const { order } = await it.submit();
    const first = report(order, {}, '0.4').fills[0]!;
    it.known.set(order.clientOrderId, report(order, { fills: [first] }));
    await it.execution.resolveUnknown('binance');
    // Nothing new of the order, and the process may end here.
    expect(it.contents.orderLog.at(-1)?.status).toBe('unknown');
    expect([...it.contents.fills.values()]).toMatchObject([{ fillId: first.fillId, amount: '0.4' }]);
  });

  it('follows an order that is still working, and takes each fill once', async () => {
    const it = world([
      (order) => ({ kind: 'report', report: report(order, { status: 'partially_filled' }, '0.4') }),
    ]);
    const { order } = await it.submit();
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(0.4);
    const first = report(order, {}, '0.4').fills[0]!;
    const second = { ...first, fillId: 'second', amount: '0.6' };
    it.known.set(order.clientOrderId, report(order, { fills: [first, second] }));
    expect(await it.execution.resolveUnknown('binance')).toMatchObject([
      { status: 'filled', fills: [{ fillId: 'second' }] },
    ]);
    expect(it.portfolio.book('binance', 'BTC/USDT').unitsNumber).toBe(1);
  });
});

describe('after a restart', () => {
  it('takes every open order as unknown and sends none of them', async () => {
    // Given an intent that was written down, and no word of what became of it
    const before = world([lost]);
    const { order } = await before.submit();
    const event = before.contents.orderLog[0]!;
    expect(event.status).toBe('intended');
    // When the next run takes it over
    const after = world([], before.contents);
    await after.execution.restore([event], []);
    // Then its symbol is blocked, it is looked up, and it dies only by the rule
    expect(await after.submit()).toMatchObject({ status: 'denied', reason: 'symbol_unknown' });
    expect(await after.execution.resolveUnknown('binance')).toEqual([]);
    after.later(5000);
    expect(await after.execution.resolveUnknown('binance')).toMatchObject([
      { status: 'never_placed', order: { clientOrderId: order.clientOrderId } },
    ]);
    expect(after.sent).toEqual([]);
  });

  it('never calls an order never placed of which a fill is stored', async () => {
    const before = world([filled]);
    const { order } = await before.submit();
    const fill = [...before.contents.fills.values()][0]!;
    const after = world([]);
    await after.execution.restore([before.contents.orderLog[0]!], [{ ...fill, amount: '0.4' }]);
    await after.execution.resolveUnknown('binance');
    after.later(5000);
    expect(await after.execution.resolveUnknown('binance')).toMatchObject([{ status: 'canceled' }]);
    expect(after.contents.orders.get(order.clientOrderId)).toMatchObject({ filled: '0.4' });
  });
});
