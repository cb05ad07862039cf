import type { Candle, StreamKey } from '../core/candle.js';
import { type Decimal, decimal, text } from '../core/money.js';
import { isUnplaced, type OrderRequest, type Quote } from '../core/order.js';
import type { RestoredState } from '../core/records.js';
import { SETTLE_MS } from '../core/settle.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import type { Account } from '../portfolio/account.js';
import type { Broker } from '../ports/broker.js';
import type { Permit } from '../ports/guard.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import { createBrokers } from './brokers.js';
import type { QuoteSource } from './decision-quote.js';
import { quoteToDecideOn } from './decision-quote.js';
import { createExchangeOrders, type ExchangeOrders } from './exchange-orders.js';
import { Execution } from './execution.js';
import { exitQuote } from './exit-bound.js';
import { flattenInstrument } from './flatten.js';
import type { Instrument } from './instrument.js';
import type { MarketBook } from './market-book.js';
import type { GateConfig } from './order-gate.js';
import { OrderGate, type OrderPlace } from './order-gate.js';
import type { OrderIds } from './order-id.js';
import type { ExecutionOutcome, OrderIntent } from './order-intent.js';
import type { OrderQueue } from './order-queue.js';
import { RestingStops } from './resting-stops.js';
import { UnresolvedLoop } from './unresolved-loop.js';

/** How orders are sent, and by what limits. */
export interface ExecutionSettings extends GateConfig {
  readonly triesMax: number;
  readonly backoffMs: readonly number[];
  /** What live orders are; on paper a market order fills at the same quote. */
  readonly orderType: Exclude<OrderRequest['type'], 'stop'>;
  readonly limitCollarFraction: number;
}

export interface OrdersDeps {
  readonly config: {
    readonly execution: ExecutionSettings;
    /** How far below its average entry (above it for a short) a live position's stop rests, in per cent; 0 or absent = none. */
    readonly risk: { readonly protectiveStopPct?: number };
  };
  readonly streams: readonly Pick<Instrument, 'key'>[];
  readonly clock: Clock;
  readonly store: Store;
  /** One an exchange, all of one kind. */
  readonly brokers: readonly Broker[];
  /** The exchanges' markets as they are now, by exchange; without it none closes, and no rule changes. */
  readonly markets?: ReadonlyMap<string, MarketBook>;
  readonly permit: Permit;
  readonly ids: OrderIds;
  /** The box's state for the bar of this stream; the gate asks again, with the permit. */
  readonly tradingState: (stream: StreamKey, openMs: number) => TradingState;
  readonly quoteFor: QuoteSource;
  /** Called as soon as something has become of an order, and is stored, whether a bar, the exchange or a timer brought it. */
  readonly onOrderOutcome?: (outcome: ExecutionOutcome) => void;
}

/** Everything between a decision and the exchanges: execution behind its gate, and each venue's settling and comparison. */
export interface Orders extends Omit<ExchangeOrders, 'restore' | 'start'> {
  readonly execution: Execution;
  /** The box's state for a bar: at most REDUCING until exchange and store agree. */
  stateFor(key: StreamKey, openMs: number): TradingState;
  /** Top of book to decide on; at once where it is known at once. */
  quote(instrument: Instrument, candle: Candle): Quote | Promise<Quote>;
  send(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    decided?: Promise<void>,
  ): Promise<ExecutionOutcome>;
  /** Closes every position at an exchange through the gate, each in its turn, for a halt that flattens. What could not be closed, as text. */
  flatten(exchange: string): Promise<readonly string[]>;
  /** How many orders there have an unknown outcome. */
  unresolvedAt(exchange: string): number;
  /** Asked at the moment a create request leaves the box: why it may not; null when it may. */
  readonly mayLeave: Execution['mayLeave'];
  readonly unprotected: RestingStops['unprotected'];
  /** Asks for orders of unknown outcome at an exchange until `signal` aborts. Rejects when the store fails. */
  watchUnknown(exchange: string, signal: AbortSignal): Promise<void>;
  /** Before the account takes up the same state. */
  restoreComparison(restored: RestoredState): void;
  /** Takes over the open orders of the last run, asks for them, and opens each account where that was never done. */
  open(restored: RestoredState): Promise<void>;
}

/** How an order is sent, beside what was decided. */
type How = Pick<OrderIntent, 'decided' | 'exitTry'>;

export function createOrders(
  deps: OrdersDeps,
  { portfolio, breaker, capital }: Account,
  turns: OrderQueue,
  instruments: readonly Instrument[],
): Orders {
  const { config, clock, store } = deps;
  const brokers = createBrokers(deps.brokers);
  const execution = new Execution(
    {
      store,
      brokers,
      clock,
      ids: deps.ids,
      portfolio,
      markets: deps.markets,
      onOutcome(outcome) {
        deps.onOrderOutcome?.(outcome);
        unresolved.wake(outcome.order.exchange);
      },
      makeGate: (isBlocked, stopAmount) =>
        new OrderGate(
          {
            brokers,
            permit: deps.permit,
            clock,
            markets: deps.markets,
            isBlocked,
            stopAmount,
            tradingState: stateForOrder,
            unitsHeld: (exchange, symbol) => text(sellable(exchange, symbol)),
            equity: portfolio.equity,
          },
          config.execution,
        ),
    },
    {
      triesMax: config.execution.triesMax,
      backoffMs: config.execution.backoffMs,
      settleMs: brokers.kind === 'paper' ? 0 : SETTLE_MS,
      orderType: brokers.kind === 'paper' ? 'market' : config.execution.orderType,
      limitCollarFraction: config.execution.limitCollarFraction,
    },
  );
  const stops = new RestingStops({
    brokers,
    execution,
    instruments,
    percent: config.risk.protectiveStopPct ?? 0,
    agreed: (exchange) => venues.agreed(exchange),
    // What could not be closed is tried again with the next comparison, which comes soon then.
    close: (instrument) =>
      flattenInstrument(instrument, {
        clock,
        closable,
        quote: async (of, bar) => quote(of, bar),
        send: (of, bar, decision, exitTry) => sendAlone(of, bar, decision, { exitTry }),
      }),
    isClosed: (exchange, symbol) => deps.markets?.get(exchange)?.closed().has(symbol) === true,
  });
  const { restore, start, ...venues } = createExchangeOrders({
    brokers,
    execution,
    portfolio,
    store,
    clock,
    ids: deps.ids,
    turns,
    stops,
    streams: deps.streams,
    onCapital: capital,
  });

  const unresolvedAt = (exchange: string) => execution.unresolved(exchange).length;
  const unresolved = new UnresolvedLoop({ unresolvedAt, settle: venues.settle, clock });

  function stateFor(key: StreamKey, openMs: number): TradingState {
    const state = deps.tradingState(key, openMs);
    return venues.agreed(key.exchange) ? state : stricter(state, 'REDUCING');
  }

  /**
   * The same for an order; what no stream of the box has decided may not leave at all. Streams decide beside each other:
   * one may trip the circuit breaker while the order of another is on its way to the gate or to the wire.
   */
  function stateForOrder({ exchange, symbol, barOpenMs }: OrderPlace): TradingState {
    const stream = deps.streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol);
    if (stream === undefined) return 'HALTED';
    const state = stateFor(stream.key, barOpenMs);
    return breaker.tripped ? stricter(state, 'REDUCING') : state;
  }

  const closable = ({ key }: Instrument) => sellable(key.exchange, key.symbol);

  /** Units held, by fills or by the exchange's last word, whichever is nearer to zero. */
  function sellable(exchange: string, symbol: string): Decimal {
    const { units } = portfolio.book(exchange, symbol);
    const short = venues.shortfall(exchange, symbol);
    if (short.eq(0) || !units.gt(0)) return units;
    return short.gte(units) ? decimal(0) : units.minus(short);
  }

  const quote = (instrument: Instrument, candle: Candle) =>
    quoteToDecideOn(deps.quoteFor, instrument.key, candle);

  /** The order, and what rests made to fit what it left. */
  async function sendAligned(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    how: How,
  ): Promise<ExecutionOutcome> {
    const outcome = await sendAlone(instrument, candle, decision, how);
    await stops.sync(instrument.key.exchange, instrument.key.symbol);
    unresolved.wake(instrument.key.exchange);
    return outcome;
  }

  async function sendAlone(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    how: How,
  ): Promise<ExecutionOutcome> {
    const { decided, exitTry } = how;
    const { key, rules } = instrument;
    const held = instrument.book.units;
    let { units } = decision;
    const closing = decision.side === 'sell' ? held.gt(0) : held.lt(0);
    // What the exchange does not hold cannot be sold, and must not keep in what can.
    const there = sellable(key.exchange, key.symbol).abs();
    if (closing && there.lt(units) && held.abs().gte(units)) units = there.toNumber();
    const market = deps.markets?.get(key.exchange);
    // In a closed market a stop could not be put back, and nothing can be closed.
    const isShut =
      market !== undefined && (market.isShut(key.symbol) || market.barrier(key.symbol, true) !== null);
    if (closing && !isShut && execution.restingStops(key.exchange, key.symbol).length > 0) {
      // A stop is taken away for a decision that is written down, and for no other.
      await decided;
      await stops.cancelAll(instrument);
      // What the stop has closed before it could be cancelled is closed.
      const closed = held.abs().minus(instrument.book.units.abs());
      if (closed.gt(0)) units = Math.max(0, decimal(units).minus(closed).toNumber());
    }
    const priced = (book: Quote) =>
      closing
        ? exitQuote(book, candle.close, candle.openMs + instrument.barMs, config.execution.quoteAgeMsMax)
        : book;
    const outcome = await execution.submit({
      exchange: key.exchange,
      decision: { ...decision, units, inputs: { ...decision.inputs, quote: priced(decision.inputs.quote) } },
      rules,
      barOpenMs: candle.openMs,
      decisionPrice: candle.close,
      refreshQuote: async () => {
        const book = await deps.quoteFor(key, candle);
        return book && priced(book);
      },
      ...(decided && { decided }),
      ...(exitTry !== undefined && { exitTry }),
    });
    const { status, reason } = outcome;
    if (!closing || !isUnplaced(status) || reason !== null || instrument.rules === rules) return outcome;
    // Rejected by rules that were read again meanwhile: what closes a position does not wait for the next bar.
    return sendAlone(instrument, candle, decision, how);
  }

  return {
    ...venues,
    execution,
    stateFor,
    quote,
    send: (instrument, candle, decision, decided) =>
      sendAligned(instrument, candle, decision, { ...(decided && { decided }) }),
    unresolvedAt,
    watchUnknown: (exchange, signal) => unresolved.run(exchange, signal),
    mayLeave: (order) => execution.mayLeave(order),
    async flatten(exchange) {
      const held = instruments.filter(({ key }) => key.exchange === exchange);
      const closed = await Promise.all(
        held.map((instrument) => {
          const { symbol } = instrument.key;
          return turns.serialize(exchange, symbol, async () => {
            await venues.settleSymbol(exchange, symbol);
            return flattenInstrument(instrument, {
              clock,
              closable,
              quote: async (of, candle) => quote(of, candle),
              send: (of, candle, decision, exitTry) => sendAligned(of, candle, decision, { exitTry }),
            });
          });
        }),
      );
      return closed.flatMap((unclosed) => unclosed ?? []);
    },
    unprotected: (exchange) => stops.unprotected(exchange),
    restoreComparison: restore,
    async open(restored) {
      await execution.restore(restored.openOrders, restored.fills);
      await start();
    },
  };
}
