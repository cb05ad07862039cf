import { decimal } from '../../src/core/money.js';
import type { DenialReason, Fill, OrderReport, OrderRequest, Quote } from '../../src/core/order.js';
import type { CapitalFlow } from '../../src/core/records.js';
import type { Balance, Broker, SubmitResult } from '../../src/ports/broker.js';
import { ApiError, refusals } from '../../src/simulator/dialects/binance/api-error.js';
import type { Instrument } from '../../src/simulator/instrument.js';
import type { SimulatedOrder } from '../../src/simulator/order-engine.js';
import { Refusal } from '../../src/simulator/refusal.js';
import type { SimulatedExchange } from '../../src/simulator/simulated-exchange.js';
import type { SyntheticBook } from '../../src/simulator/synthetic-book.js';
import type { EventClock } from './event-clock.js';
import type { FaultPlan } from './fault-plan.js';
import { ACCOUNT, EXCHANGE, rulesOf } from './simulated-market.js';

/** Answers that do not come are given up after this long; signed requests are refused when older than the window. */
const TIMEOUT_MS = 10_000;
const RECV_WINDOW_MS = 2000;
/** Made once: a thousand of them are thrown in a month, and nobody asks where. */
const FAILURES = {
  timedOut: new Error('timed out'),
  unavailable: new Error('503 service unavailable'),
  tooMany: new Error('429 too many requests'),
  reset: new Error('the connection was reset'),
  malformed: new SyntaxError('unexpected end of JSON input'),
} as const;
/** From the arrival of an order to the last thing that can happen to it: a fill after its end. */
const ORDER_LIFE_MS_MAX = 100_000;

export interface SimulatedBrokerOptions {
  readonly exchange: SimulatedExchange;
  readonly clock: EventClock;
  readonly plan: FaultPlan;
  readonly transfers: readonly CapitalFlow[];
  /** The trader's own last check, asked as the request leaves. */
  readonly mayLeave: (order: OrderRequest) => DenialReason | null;
  /** The world's look at an order that leaves the box. */
  readonly onLeaving: (order: OrderRequest, quote: Quote) => void;
  /** The exchange rejected an order for good. */
  readonly onRejected: (order: OrderRequest) => void;
  /** An order was taken by the exchange. */
  readonly onTaken: (order: OrderRequest) => void;
  /** An execution came after its order was told as ended. */
  readonly onLateFill: (order: OrderRequest, amount: string) => void;
  /** The exchange has made its answer: what happens from now on is not in it. */
  readonly onAnswered: (question: 'history' | 'transfers') => void;
}

const isOpen = ({ status }: SimulatedOrder) => status === 'NEW' || status === 'PARTIALLY_FILLED';

/** The request came outside of its window: another one may pass. */
const isOutOfTime = ({ code }: ApiError) => code === -1021;

/** The simulated exchange behind the trader's own port, with a line between them on which everything can go wrong. */
export function createSimulatedBroker(options: SimulatedBrokerOptions): Broker {
  const { exchange, clock, plan } = options;
  const { engine } = exchange.account(ACCOUNT)!;
  const pause = (ms: number) => clock.sleep(ms);
  const instrumentOf = (symbol: string) => exchange.replay.instrument(symbol.replace('/', ''))!;
  const orderOf = (id: string) => engine.orders.findLast((order) => order.clientOrderId === id);

  /** A question that changes nothing at the exchange. */
  async function ask<T>(answer: (lagging: boolean) => T): Promise<T> {
    const fault = plan.request();
    await pause(plan.delayMs(5, 60));
    switch (fault) {
      case 'drop_request':
      case 'drop_answer':
        await pause(TIMEOUT_MS);
        throw FAILURES.timedOut;
      case 'server_error':
      case 'server_error_after':
      case 'error_within_200':
        throw FAILURES.unavailable;
      case 'rate_limit':
        throw FAILURES.tooMany;
      case 'reset':
      case 'reset_after':
        throw FAILURES.reset;
      case 'malformed':
        throw FAILURES.malformed;
      case 'delay_request':
      case 'delay_answer':
        await pause(plan.delayMs(500, 8000));
    }
    const told = answer(fault === 'lagging');
    await pause(plan.delayMs(5, 60));
    return told;
  }

  function fillsOf(order: SimulatedOrder): Fill[] {
    return order.trades.map((trade) => ({
      fillId: String(trade.tradeId),
      clientOrderId: order.clientOrderId,
      exchange: EXCHANGE,
      symbol: trade.symbol,
      side: trade.side,
      price: trade.price,
      amount: trade.amount,
      fee: trade.fee,
      feeCurrency: trade.feeAsset,
      atMs: trade.atMs,
    }));
  }

  function reportOf(order: SimulatedOrder, lagging = false): OrderReport {
    const fills = fillsOf(order);
    const status = { NEW: 'accepted', PARTIALLY_FILLED: 'partially_filled', FILLED: 'filled' } as const;
    return {
      clientOrderId: order.clientOrderId,
      exchangeOrderId: String(order.orderId),
      symbol: order.instrument.symbol,
      side: order.side,
      status:
        order.status === 'CANCELED' || order.status === 'EXPIRED'
          ? (order.status.toLowerCase() as 'canceled' | 'expired')
          : status[order.status],
      amount: order.amount.toFixed(),
      filled: order.filled.toFixed(),
      averagePrice: order.filled.gt(0) ? order.quoteFilled.div(order.filled).toFixed() : null,
      // The list of executions runs behind the order's own figures.
      fills: lagging ? fills.slice(0, -1) : plan.chance(0.05) ? [...fills.reverse(), ...fills] : fills,
      ...(order.trigger && { protective: true as const, triggerPrice: order.trigger.toFixed() }),
      atMs: order.updatedMs,
    };
  }

  /** A stop rests until its trigger, unless the exchange ends it by itself at any time. */
  function rest(
    order: OrderRequest,
    instrument: Instrument,
    book: SyntheticBook,
    nowMs: number,
  ): SimulatedOrder {
    const { clientOrderId, side } = order;
    const trigger = decimal(order.triggerPrice!);
    const amount = decimal(order.amount);
    const type = 'STOP_LOSS';
    const placed = engine.place(
      { clientOrderId, side, type, timeInForce: 'GTC', amount, trigger },
      instrument,
      book,
      nowMs,
    );
    options.onTaken(order);
    if (plan.chance(0.1)) {
      clock.after(plan.delayMs(10, 8 * 3_600_000), () => {
        if (engine.resting.includes(placed)) engine.cancel(placed, clock.wallMs());
      });
    }
    return placed;
  }

  /** The request has reached the exchange. */
  function arrive(order: OrderRequest, sentMs: number): SimulatedOrder {
    if (clock.monotonicMs() - sentMs > RECV_WINDOW_MS) {
      throw new ApiError(400, -1021, 'Timestamp for this request is outside of the recvWindow.');
    }
    const instrument = instrumentOf(order.symbol);
    const book = exchange.book(instrument);
    const nowMs = clock.wallMs();
    if (order.type === 'stop') return rest(order, instrument, book, nowMs);
    const request = {
      clientOrderId: order.clientOrderId,
      side: order.side,
      amount: decimal(order.amount),
      ...(order.type === 'market'
        ? ({ type: 'MARKET', timeInForce: 'GTC' } as const)
        : ({ type: 'LIMIT', timeInForce: 'IOC', price: decimal(order.limitPrice!) } as const)),
    };
    const { amountStep } = rulesOf(order.symbol);
    if (!request.amount.mod(amountStep).eq(0)) throw new ApiError(400, -1013, 'Filter failure: LOT_SIZE');
    const fate = plan.fate();
    if (fate === 'at_once') {
      const placed = engine.place(request, instrument, book, nowMs);
      options.onTaken(order);
      return placed;
    }
    const part = () => decimal(order.amount).times(plan.delayMs(1, 10)).div(10);
    const placed = engine.accept(request, instrument, nowMs);
    options.onTaken(order);
    if (fate === 'later') {
      for (const waitMs of [100, 900, 2500]) {
        clock.after(waitMs, () => {
          // A cancel that came meanwhile has ended it.
          if (isOpen(placed)) engine.execute(placed, book, part(), clock.wallMs());
        });
      }
      clock.after(3000, () => engine.end(placed, 'EXPIRED', clock.wallMs()));
      return placed;
    }
    if (plan.chance(0.5)) engine.execute(placed, book, part(), nowMs);
    engine.end(placed, 'CANCELED', nowMs);
    if (fate === 'filled_after_cancel') {
      clock.after(plan.delayMs(50, 90_000), () => {
        const before = placed.filled;
        engine.execute(placed, book, part(), clock.wallMs());
        const late = placed.filled.minus(before);
        if (late.gt(0)) options.onLateFill(order, late.toFixed());
      });
    }
    return placed;
  }

  /** What the trader makes of an answer, by the same rules as the adapter of real exchanges. */
  function resultOf(outcome: SimulatedOrder | ApiError, doubled: boolean): SubmitResult {
    if (outcome instanceof ApiError) {
      const { message } = outcome;
      return isOutOfTime(outcome)
        ? { kind: 'not_placed', message, retryable: true }
        : { kind: 'rejected', message };
    }
    const report = reportOf(outcome);
    if (!doubled) return { kind: 'report', report };
    return { kind: 'report', report: { ...report, fills: [...report.fills, ...report.fills].reverse() } };
  }

  async function create(order: OrderRequest, quote: Quote): Promise<SubmitResult> {
    await pause(plan.chance(0.05) ? plan.delayMs(500, 4000) : plan.delayMs(0, 100));
    const reason = options.mayLeave(order);
    if (reason !== null) {
      return { kind: 'denied', reason, message: `denied as it was about to leave: ${reason}` };
    }
    options.onLeaving(order, quote);
    const sentMs = clock.monotonicMs();
    const fault = plan.request();
    switch (fault) {
      case 'drop_request':
        await pause(TIMEOUT_MS);
        return { kind: 'ambiguous', message: 'timed out' };
      case 'server_error':
        await pause(plan.delayMs(10, 200));
        return { kind: 'ambiguous', message: '503 service unavailable' };
      case 'rate_limit':
        await pause(plan.delayMs(10, 50));
        return {
          kind: 'not_placed',
          message: '429 too many requests',
          retryable: true,
          retryAfterMs: plan.delayMs(100, 3000),
        };
      case 'reset':
        throw FAILURES.reset;
    }
    const late = fault === 'accepted_late';
    const upMs = late
      ? plan.delayMs(5000, 60_000)
      : fault === 'delay_request'
        ? plan.delayMs(500, 8000)
        : plan.delayMs(5, 150);
    const arrived = new Promise<SimulatedOrder | ApiError>((resolve) => {
      clock.after(upMs, () => {
        try {
          resolve(arrive(order, sentMs));
        } catch (error) {
          const refused = error instanceof Refusal ? refusals[error.reason]() : error;
          if (!(refused instanceof ApiError)) throw error;
          if (!isOutOfTime(refused)) options.onRejected(order);
          resolve(refused);
        }
      });
    });
    if (fault === 'drop_answer' || late) {
      await pause(TIMEOUT_MS);
      return { kind: 'ambiguous', message: 'timed out' };
    }
    const outcome = await arrived;
    // What is told is what was so then; it may have changed by the time it is read.
    const result = resultOf(outcome, fault === 'doubled');
    await pause(fault === 'delay_answer' ? plan.delayMs(500, 9000) : plan.delayMs(5, 150));
    switch (fault) {
      case 'server_error_after':
        return { kind: 'ambiguous', message: '502 bad gateway' };
      case 'error_within_200':
        return { kind: 'ambiguous', message: '{"code":-1001}' };
      case 'reset_after':
        throw FAILURES.reset;
      case 'malformed':
        return { kind: 'ambiguous', message: 'unexpected end of JSON input' };
      case 'absurd':
        if (result.kind !== 'report') return result;
        return { kind: 'report', report: { ...result.report, filled: plan.chance(0.5) ? '9e9' : 'nothing' } };
      case 'lagging':
        if (result.kind !== 'report') return result;
        return { kind: 'report', report: { ...result.report, fills: result.report.fills.slice(1) } };
    }
    return result;
  }

  return {
    exchange: EXCHANGE,
    kind: 'live',
    create,
    find: (id) =>
      ask((lagging) => {
        const order = orderOf(id);
        // An order that was just placed may not be found yet.
        if (!order || (lagging && clock.wallMs() - order.placedMs < 3000)) return undefined;
        return reportOf(order, lagging);
      }),
    cancel: (id) =>
      ask(() => {
        const order = orderOf(id);
        if (order && engine.resting.includes(order)) engine.cancel(order, clock.wallMs());
      }),
    openOrders: (symbols) =>
      ask((lagging) =>
        engine.resting
          .filter((order) => symbols.includes(order.instrument.symbol))
          .map((order) => reportOf(order, lagging)),
      ),
    history: (symbols, sinceMs) =>
      ask((lagging) => {
        options.onAnswered('history');
        const newestMs = clock.wallMs() - (lagging ? 3000 : 0);
        // Orders lie in the order they were placed; nothing happens to one that was placed so long before.
        let from = engine.orders.length;
        while (from > 0 && engine.orders[from - 1]!.placedMs >= sinceMs - ORDER_LIFE_MS_MAX) from--;
        return engine.orders
          .slice(from)
          .filter(
            (order) =>
              symbols.includes(order.instrument.symbol) &&
              order.placedMs <= newestMs &&
              (order.updatedMs >= sinceMs || order.trades.some((trade) => trade.atMs >= sinceMs)),
          )
          .map((order) => reportOf(order, lagging));
      }),
    balances: () =>
      ask(() =>
        engine.ledger.assets().map((currency): Balance => {
          const { free, locked } = engine.ledger.holding(currency);
          return { currency, free: free.toFixed(), total: free.plus(locked).toFixed() };
        }),
      ),
    transfers: () =>
      ask(() => {
        options.onAnswered('transfers');
        return [...options.transfers];
      }),
    takesStops: () => true,
  };
}
