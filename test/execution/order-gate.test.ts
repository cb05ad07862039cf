import { describe, expect, it } from 'vitest';
import type { MarketRules, OrderRequest, Quote } from '../../src/core/order.js';
import type { TradingState } from '../../src/core/trading-state.js';
import { createBrokers } from '../../src/execution/brokers.js';
import { type GateResult, OrderGate } from '../../src/execution/order-gate.js';
import type { Broker } from '../../src/ports/broker.js';
import type { PermitReading } from '../../src/ports/guard.js';
import { CONFIG, SPOT } from '../support/tiny-stream.js';

const OK: PermitReading = { ok: true, state: 'ACTIVE', epoch: 1, expiresMonotonicMs: 1e12 };

interface Given {
  permit?: PermitReading;
  state?: TradingState;
  held?: string;
  blocked?: boolean;
  stops?: string;
  nowMs?: number;
  equity?: number;
}

/** A gate before a broker that only notes what reached it. */
function gateFor(given: Given = {}) {
  const sent: OrderRequest[] = [];
  const world = {
    permit: OK,
    state: 'ACTIVE' as TradingState,
    held: '0',
    blocked: false,
    stops: '0',
    nowMs: 1000,
    ...given,
  };
  const broker: Broker = {
    exchange: 'binance',
    kind: 'paper',
    async create(order) {
      sent.push(order);
      return { kind: 'rejected', message: 'noted' };
    },
    find: async () => undefined,
    cancel: async () => {},
    openOrders: async () => [],
    history: async () => [],
    transfers: async () => [],
    balances: async () => [],
  };
  const gate = new OrderGate(
    {
      brokers: createBrokers([broker]),
      permit: { read: () => world.permit },
      tradingState: () => world.state,
      clock: { wallMs: () => world.nowMs, monotonicMs: () => world.nowMs, sleep: async () => {} },
      unitsHeld: () => world.held,
      equity: () => given.equity ?? 100_000,
      isBlocked: () => world.blocked,
      stopAmount: () => world.stops,
    },
    CONFIG.execution,
  );
  return { gate, sent, world };
}

function order(over: Partial<OrderRequest> = {}): OrderRequest {
  return {
    clientOrderId: 'rb-test-1',
    exchange: 'binance',
    symbol: 'BTC/USDT',
    side: 'buy',
    type: 'market',
    amount: '0.1',
    barOpenMs: 0,
    decisionPrice: 30_000,
    reducing: false,
    ...over,
  };
}

const QUOTE: Quote = { bid: 29_999, ask: 30_001, atMs: 1000, source: 'book' };

function submit(
  { gate }: ReturnType<typeof gateFor>,
  over: Partial<OrderRequest> = {},
  more: { quote?: Partial<Quote>; lastClose?: number; rules?: Partial<MarketRules> } = {},
): Promise<GateResult> {
  return gate.submit(order(over), {
    quote: { ...QUOTE, ...more.quote },
    lastClose: more.lastClose ?? 30_000,
    rules: { ...SPOT, ...more.rules },
  });
}

async function reasonOf(
  given: Given,
  over: Partial<OrderRequest> = {},
  more: Parameters<typeof submit>[2] = {},
) {
  const gate = gateFor(given);
  const result = await submit(gate, over, more);
  if (result.kind === 'submitted') return 'submitted';
  // Whatever was denied must not have reached the broker.
  expect(gate.sent).toEqual([]);
  return result.reason;
}

describe('the order gate', () => {
  it('lets an order through that breaks no rule', async () => {
    expect(await reasonOf({})).toBe('submitted');
  });

  it('asks for a permit, whatever the order', async () => {
    for (const reason of ['absent', 'unreadable', 'lapsed', 'revoked'] as const) {
      expect(await reasonOf({ permit: { ok: false, reason } })).toBe('no_permit');
      expect(await reasonOf({ permit: { ok: false, reason }, held: '1' }, { side: 'sell' })).toBe(
        'no_permit',
      );
    }
  });

  it('goes by the stricter of the permit’s state and the box’s', async () => {
    expect(await reasonOf({ state: 'HALTED' })).toBe('state_halted');
    expect(await reasonOf({ state: 'HALTED', held: '1' }, { side: 'sell' })).toBe('state_halted');
    expect(await reasonOf({ state: 'REDUCING' })).toBe('state_reducing');
    expect(await reasonOf({ permit: { ...OK, state: 'REDUCING' } })).toBe('state_reducing');
  });

  it('computes by itself, from fills, whether an order reduces', async () => {
    // An order that says of itself that it reduces is not believed
    expect(await reasonOf({ state: 'REDUCING' }, { reducing: true })).toBe('state_reducing');
    expect(await reasonOf({ state: 'REDUCING', held: '0.05' }, { side: 'sell', reducing: true })).toBe(
      'state_reducing',
    );
    expect(await reasonOf({ state: 'REDUCING', held: '0.1' }, { side: 'sell' })).toBe('submitted');
    expect(await reasonOf({ state: 'REDUCING', held: '-0.1' }, { side: 'buy' })).toBe('submitted');
    const gate = gateFor({ held: '0.1' });
    await submit(gate, { side: 'sell', reducing: false });
    expect(gate.sent[0]?.reducing).toBe(true);
  });

  it('denies a symbol with an order nobody knows the end of', async () => {
    expect(await reasonOf({ blocked: true })).toBe('symbol_unknown');
  });

  it('denies a price that is old, or from the future', async () => {
    expect(await reasonOf({ nowMs: 6000 })).toBe('submitted');
    expect(await reasonOf({ nowMs: 6001 })).toBe('price_stale');
    expect(await reasonOf({ nowMs: 1000 }, {}, { quote: { atMs: 6001 } })).toBe('price_stale');
    expect(await reasonOf({}, {}, { quote: { atMs: Number.NaN } })).toBe('price_stale');
  });

  it('caps the notional by its own fraction of equity, but not for exits', async () => {
    expect(await reasonOf({}, { amount: '0.83' })).toBe('submitted');
    expect(await reasonOf({}, { amount: '0.84' })).toBe('notional_cap');
    expect(await reasonOf({ equity: Number.NaN })).toBe('notional_cap');
    expect(await reasonOf({ held: '2' }, { side: 'sell', amount: '2' })).toBe('submitted');
  });

  it('denies a price far from the last close', async () => {
    expect(await reasonOf({}, {}, { lastClose: 28_600 })).toBe('submitted');
    expect(await reasonOf({}, {}, { lastClose: 28_000 })).toBe('price_collar');
    expect(await reasonOf({}, {}, { lastClose: Number.NaN })).toBe('price_collar');
  });

  it('looks at a limit as at what the order may fill at in the end', async () => {
    const buying = { type: 'limit_ioc', limitPrice: '30100' } as const;
    expect(await reasonOf({}, { ...buying, amount: '0.83' })).toBe('submitted');
    expect(await reasonOf({}, { ...buying, amount: '0.8306' })).toBe('notional_cap');
    expect(await reasonOf({}, { ...buying, limitPrice: '31600' })).toBe('price_collar');
    const short = { type: 'limit_ioc', side: 'sell', amount: '0.8' } as const;
    expect(await reasonOf({}, { ...short, limitPrice: '29900' })).toBe('submitted');
    expect(await reasonOf({}, { ...short, limitPrice: '28400' })).toBe('price_collar');
  });

  it('holds an exit up by no limit of an entry: collar, rate, quote age, cap', async () => {
    const sell = { side: 'sell', amount: '1', type: 'limit_ioc', limitPrice: '29900' } as const;
    const old = { quote: { atMs: -3_600_000 } };
    expect(await reasonOf({ held: '1' }, sell, old)).toBe('submitted');
    expect(await reasonOf({ held: '1' }, { ...sell, type: 'market' }, old)).toBe('submitted');
    // The price has fallen by 30 % since the last close.
    expect(await reasonOf({ held: '1' }, sell, { lastClose: 42_857 })).toBe('submitted');
    expect(await reasonOf({ held: '1', equity: 1 }, sell)).toBe('submitted');
    expect(await reasonOf({ held: '-1' }, { ...sell, side: 'buy', limitPrice: '30100' }, old)).toBe(
      'submitted',
    );
    const full = gateFor({ held: '0.1' });
    for (let i = 0; i < CONFIG.execution.ordersPerMinuteMax; i++) await submit(full);
    expect(await submit(full)).toMatchObject({ reason: 'order_rate' });
    expect((await submit(full, { side: 'sell' })).kind).toBe('submitted');
  });

  it('holds an exit to permit and state, to what is held and to an order of unknown outcome', async () => {
    const sell = { side: 'sell', amount: '1' } as const;
    expect(await reasonOf({ held: '1', permit: { ok: false, reason: 'lapsed' } }, sell)).toBe('no_permit');
    expect(await reasonOf({ held: '1', state: 'HALTED' }, sell)).toBe('state_halted');
    expect(await reasonOf({ held: '1', blocked: true }, sell)).toBe('symbol_unknown');
    expect(await reasonOf({ held: '0.9', state: 'REDUCING' }, sell)).toBe('state_reducing');
  });

  it('lets thirty exits of a symbol through in a minute, and none of another is held up by them', async () => {
    const gate = gateFor({ held: '1' });
    for (let i = 0; i < 30; i++) expect((await submit(gate, { side: 'sell' })).kind).toBe('submitted');
    expect(await submit(gate, { side: 'sell' })).toMatchObject({ reason: 'order_rate' });
    const other = { side: 'sell', symbol: 'ETH/USDT' } as const;
    expect((await submit(gate, other, { rules: { symbol: 'ETH/USDT' } })).kind).toBe('submitted');
    gate.world.nowMs += 60_000;
    expect((await submit(gate, { side: 'sell' })).kind).toBe('submitted');
  });

  it('lets one exit of a symbol be on its way', async () => {
    const gate = gateFor({ held: '1' });
    const first = submit(gate, { side: 'sell' });
    expect(await submit(gate, { side: 'sell' })).toMatchObject({ reason: 'exit_in_flight' });
    await first;
    expect((await submit(gate, { side: 'sell' })).kind).toBe('submitted');
  });

  it('sweeps no empty book: an exit has a bound, from the book where it is a market, else from the last close', async () => {
    const sell = { side: 'sell', amount: '1', type: 'limit_ioc' } as const;
    // Half the price is the last step.
    expect(await reasonOf({ held: '1' }, { ...sell, limitPrice: '15000' })).toBe('submitted');
    expect(await reasonOf({ held: '1' }, { ...sell, limitPrice: '14900' })).toBe('price_collar');
    // One side is what nobody took away.
    const junk = { quote: { bid: 1, ask: 30_001 } };
    expect(await reasonOf({ held: '1' }, { ...sell, limitPrice: '0.99' }, junk)).toBe('price_collar');
    expect(await reasonOf({ held: '1' }, { ...sell, limitPrice: '29000' }, junk)).toBe('submitted');
    expect(await reasonOf({ held: '1' }, { side: 'sell', amount: '1' }, junk)).toBe('price_collar');
    // A market order without a book would be filled at anything.
    expect(await reasonOf({ held: '1' }, { side: 'sell', amount: '1' }, { quote: { atMs: 0 } })).toBe(
      'price_stale',
    );
    // Without a book a limit is measured from the last close.
    expect(
      await reasonOf({ held: '1' }, { ...sell, limitPrice: '29000' }, { quote: { atMs: 0, bid: 0, ask: 0 } }),
    ).toBe('submitted');
  });

  it('lets a stop only shrink what is held, on the losing side of the price, in every state but HALTED', async () => {
    const stop = { type: 'stop', side: 'sell', amount: '1', triggerPrice: '28000' } as const;
    expect(await reasonOf({ held: '1' }, stop)).toBe('submitted');
    // Its price is its trigger: no quote is looked at.
    expect(await reasonOf({ held: '1' }, stop, { quote: { atMs: -1e9 } })).toBe('submitted');
    expect(await reasonOf({ held: '1', state: 'REDUCING' }, stop)).toBe('submitted');
    expect(await reasonOf({ held: '1', state: 'HALTED' }, stop)).toBe('state_halted');
    expect(await reasonOf({ held: '0.9' }, stop)).toBe('stop_not_protective');
    expect(await reasonOf({ held: '0' }, stop)).toBe('stop_not_protective');
    expect(await reasonOf({ held: '-1' }, stop)).toBe('stop_not_protective');
    expect(await reasonOf({ held: '1' }, { ...stop, side: 'buy' })).toBe('stop_not_protective');
    expect(await reasonOf({ held: '1' }, { ...stop, triggerPrice: '30000' })).toBe('stop_not_protective');
    expect(await reasonOf({ held: '1' }, { ...stop, triggerPrice: '28000.001' })).toBe('exchange_filter');
    expect(await reasonOf({ held: '-1' }, { ...stop, side: 'buy', triggerPrice: '32000' })).toBe('submitted');
  });

  it('lets no order close what a resting stop closes too', async () => {
    const sell = { side: 'sell', amount: '0.6' } as const;
    expect(await reasonOf({ held: '1', stops: '0.4' }, sell)).toBe('submitted');
    expect(await reasonOf({ held: '1', stops: '1' }, sell)).toBe('stop_rests');
    expect(await reasonOf({ held: '1', stops: '1' }, { ...sell, type: 'stop', triggerPrice: '28000' })).toBe(
      'stop_rests',
    );
    // A stop without a position has to go before anything is opened.
    expect(await reasonOf({ held: '0', stops: '1' }, { amount: '0.1' })).toBe('stop_rests');
    expect(await reasonOf({ held: '1', stops: '1' }, { amount: '0.1' })).toBe('submitted');
  });

  it('lets no more orders through in a minute than allowed', async () => {
    const gate = gateFor();
    for (let i = 0; i < CONFIG.execution.ordersPerMinuteMax; i++) {
      expect((await submit(gate)).kind).toBe('submitted');
    }
    expect(await submit(gate)).toMatchObject({ reason: 'order_rate' });
    gate.world.nowMs += 60_000;
    expect((await submit(gate, {}, { quote: { atMs: 61_000 } })).kind).toBe('submitted');
  });

  it('holds the exchange’s filters exactly, in decimal', async () => {
    // 0.3 is no multiple of 0.1 in doubles
    expect(await reasonOf({}, { amount: '0.3' }, { rules: { amountStep: '0.1' } })).toBe('submitted');
    expect(await reasonOf({}, { amount: '0.000015' })).toBe('exchange_filter');
    expect(await reasonOf({}, { amount: '0.00001' })).toBe('exchange_filter');
    expect(await reasonOf({}, { amount: '0' })).toBe('exchange_filter');
    expect(await reasonOf({}, { type: 'limit_ioc' })).toBe('exchange_filter');
    expect(await reasonOf({}, { type: 'limit_ioc', limitPrice: '30001.005' })).toBe('exchange_filter');
    expect(await reasonOf({}, { type: 'limit_ioc', limitPrice: '30001.01' })).toBe('submitted');
    expect(await reasonOf({}, {}, { rules: { symbol: 'ETH/USDT' } })).toBe('exchange_filter');
  });

  it('lets a passed order leave only under the permit it was passed under', async () => {
    const entry = gateFor();
    await submit(entry);
    const exit = gateFor({ held: '1' });
    await submit(exit, { side: 'sell' });
    const [passedEntry, passedExit] = [entry.sent[0]!, exit.sent[0]!];
    const asked = (gate: typeof entry, order: OrderRequest, permit: PermitReading) => {
      gate.world.permit = permit;
      return gate.gate.mayLeave(order);
    };
    expect(asked(entry, passedEntry, OK)).toBe(null);
    expect(asked(entry, passedEntry, { ok: false, reason: 'revoked' })).toBe('no_permit');
    expect(asked(entry, passedEntry, { ...OK, state: 'REDUCING' })).toBe('state_reducing');
    // Halted and armed again while it queued: the new leave is none for what was decided under the old one.
    expect(asked(entry, passedEntry, { ...OK, epoch: 2 })).toBe('permit_changed');
    expect(asked(exit, passedExit, { ...OK, state: 'REDUCING' })).toBe(null);
    expect(asked(exit, passedExit, { ...OK, state: 'REDUCING', epoch: 2 })).toBe('permit_changed');
    // An order that came past the gate has no epoch at all.
    expect(asked(entry, order(), OK)).toBe('permit_changed');
  });

  it('reads the permit in the same synchronous stretch that sends', async () => {
    const gate = gateFor();
    const pending = submit(gate);
    // Handed over before `submit` gave control back: nothing can come between the check and the call.
    expect(gate.sent.length).toBe(1);
    await pending;
  });

  it('decides in 50 µs at most', async () => {
    const gate = gateFor({ permit: { ok: false, reason: 'revoked' } });
    const open = gateFor({ held: '1' });
    // The best of many short batches: what the gate takes, not what the machine's other work does.
    const runs = 200;
    let eachUs = Number.POSITIVE_INFINITY;
    for (let batch = 0; batch < 20; batch++) {
      const startedAt = process.hrtime.bigint();
      for (let i = 0; i < runs; i++) {
        await submit(gate);
        open.world.nowMs += 60_000;
        await submit(open, { side: 'sell' }, { quote: { atMs: open.world.nowMs } });
      }
      eachUs = Math.min(eachUs, Number(process.hrtime.bigint() - startedAt) / 1000 / runs / 2);
    }
    console.log(`gate: ${eachUs.toFixed(1)} µs an order`);
    expect(open.sent.length).toBe(20 * runs);
    expect(eachUs).toBeLessThan(50);
  });
});
