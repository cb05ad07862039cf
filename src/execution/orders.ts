import type { Candle, StreamKey } from '../core/candle.js';
import { IN_FLIGHT_MAX_MS } from '../core/in-flight.js';
import { type Decimal, decimal, text } from '../core/money.js';
import type { DenialReason, OrderUpdate } from '../core/order.js';
import { isUnplaced, type OrderRequest, type Quote } from '../core/order.js';
import type { RestoredState } from '../core/records.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import type { Account } from '../portfolio/account.js';
import type { Broker } from '../ports/broker.js';
import type { Permit } from '../ports/guard.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';
import { createBrokers } from './brokers.js';
import type { QuoteSource } from './decision-quote.js';
import { quoteToDecideOn } from './decision-quote.js';
import { ExchangeOrders } from './exchange-orders.js';
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
import type { Reconciliation } from './reconciliation.js';
import type { Unprotected } from './resting-stops.js';
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

/** How an order is sent, beside what was decided. */
type How = Pick<OrderIntent, 'decided' | 'exitTry'>;

/** Everything between a decision and the exchanges: execution behind its gate, resting stops, and each exchange's unknowns and comparison. */
export class Orders {
  readonly execution: Execution;
  readonly #deps: OrdersDeps;
  readonly #account: Account;
  readonly #queue: OrderQueue;
  readonly #instruments: readonly Instrument[];
  readonly #brokers: Brokers;
  readonly #stops: RestingStops;
  readonly #exchanges: ExchangeOrders;
  readonly #unresolved: UnresolvedLoop;

  constructor(deps: OrdersDeps, account: Account, queue: OrderQueue, instruments: readonly Instrument[]) {
    this.#deps = deps;
    this.#account = account;
    this.#queue = queue;
    this.#instruments = instruments;
    this.#brokers = createBrokers(deps.brokers);
    this.execution = this.#makeExecution();
    this.#stops = this.#makeStops();
    this.#exchanges = new ExchangeOrders({
      ...{ brokers: this.#brokers, execution: this.execution, portfolio: account.portfolio },
      ...{ store: deps.store, clock: deps.clock, ids: deps.ids, streams: deps.streams },
      queue: queue,
      stops: this.#stops,
      onCapital: (before, after) => account.capital(before, after),
    });
    this.#unresolved = new UnresolvedLoop({
      unresolvedAt: (exchange) => this.unresolvedAt(exchange),
      resolveUnknown: (exchange) => this.resolveUnknown(exchange),
      clock: deps.clock,
    });
  }

  #makeExecution(): Execution {
    const { store, clock, ids, markets, permit, onOrderOutcome, config } = this.#deps;
    const brokers = this.#brokers;
    const { portfolio } = this.#account;
    const { triesMax, backoffMs, orderType, limitCollarFraction } = config.execution;
    const onPaper = brokers.kind === 'paper';
    return new Execution(
      {
        ...{ store, brokers, clock, ids, portfolio, markets },
        onOutcome: (outcome) => {
          onOrderOutcome?.(outcome);
          this.#unresolved.wake(outcome.order.exchange);
        },
        makeGate: (isBlocked, stopAmount) =>
          new OrderGate(
            {
              ...{ brokers, permit, clock, markets, isBlocked, stopAmount },
              tradingState: (order) => this.#stateForOrder(order),
              unitsHeld: (exchange, symbol) => text(this.#sellable(exchange, symbol)),
              equity: () => portfolio.equity(),
            },
            config.execution,
          ),
      },
      {
        ...{ triesMax, backoffMs, limitCollarFraction },
        inFlightMaxMs: onPaper ? 0 : IN_FLIGHT_MAX_MS,
        orderType: onPaper ? 'market' : orderType,
      },
    );
  }

  #makeStops(): RestingStops {
    const { markets, config } = this.#deps;
    return new RestingStops({
      brokers: this.#brokers,
      execution: this.execution,
      instruments: this.#instruments,
      percent: config.risk.protectiveStopPct ?? 0,
      agreed: (exchange) => this.#exchanges.agreed(exchange),
      // What could not be closed is tried again with the next comparison, which comes soon then.
      close: (instrument) =>
        this.#close(instrument, (decision, candle, exitTry) =>
          this.#sendAlone(instrument, candle, decision, { exitTry }),
        ),
      isClosed: (exchange, symbol) => markets?.get(exchange)?.closed().has(symbol) === true,
    });
  }

  /** Before the account takes up the same state. */
  restoreComparison(restored: RestoredState): void {
    this.#exchanges.restore(restored);
  }

  /** Takes over the open orders of the last run, asks for them, and opens each account where that was never done. */
  async open(restored: RestoredState): Promise<void> {
    await this.execution.restore(restored.openOrders, restored.fills);
    await this.#exchanges.start();
  }

  /** Asks once for each order of this symbol whose outcome is unknown; in the symbol's own turn. */
  resolveSymbol(exchange: string, symbol: string): Promise<readonly ExecutionOutcome[]> {
    return this.#exchanges.resolveSymbol(exchange, symbol);
  }

  /** The same for all symbols of an exchange, or of all exchanges, each in its turn. */
  resolveUnknown(exchange?: string): Promise<readonly ExecutionOutcome[]> {
    return this.#exchanges.resolveUnknown(exchange);
  }

  /**
   * Compares orders, fills and balances with one exchange. Until a comparison agreed, that exchange is at most REDUCING.
   * Null with a paper broker, which knows nothing that the store does not.
   */
  reconcile(exchange: string): Promise<Reconciliation | null> {
    return this.#exchanges.reconcile(exchange);
  }

  /** See {@link ExchangeOrders.heard}. */
  onOrderUpdate(exchange: string, hint: OrderUpdate): Promise<void> {
    return this.#exchanges.onOrderUpdate(exchange, hint);
  }

  /** Takes that agreement back until the next comparison; does nothing on paper. */
  invalidate(exchange: string): void {
    this.#exchanges.invalidate(exchange);
  }

  /** The box's state for a bar: at most REDUCING until exchange and store agree. */
  stateFor(key: StreamKey, openMs: number): TradingState {
    const state = this.#deps.tradingState(key, openMs);
    return this.#exchanges.agreed(key.exchange) ? state : stricter(state, 'REDUCING');
  }

  /** Top of book to decide on; at once where it is known at once. */
  quote(instrument: Instrument, candle: Candle): Quote | Promise<Quote> {
    return quoteToDecideOn(this.#deps.quoteFor, instrument.key, candle);
  }

  send(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    decided?: Promise<void>,
  ): Promise<ExecutionOutcome> {
    return this.#sendAligned(instrument, candle, decision, { ...(decided && { decided }) });
  }

  /** How many orders there have an unknown outcome. */
  unresolvedAt(exchange: string): number {
    return this.execution.unresolved(exchange).length;
  }

  /** Asks for orders of unknown outcome at an exchange until `signal` aborts. Rejects when the store fails. */
  watchUnknown(exchange: string, signal: AbortSignal): Promise<void> {
    return this.#unresolved.run(exchange, signal);
  }

  /** Asked at the moment a create request leaves the box: why it may not; null when it may. */
  mayLeave(order: OrderRequest): DenialReason | null {
    return this.execution.mayLeave(order);
  }

  /** Closes every position at an exchange through the gate, each in its turn, for a halt that flattens. What could not be closed, as text. */
  async flatten(exchange: string): Promise<readonly string[]> {
    const held = this.#instruments.filter(({ key }) => key.exchange === exchange);
    const closed = await Promise.all(
      held.map((instrument) =>
        this.#queue.serialize(exchange, instrument.key.symbol, async () => {
          await this.resolveSymbol(exchange, instrument.key.symbol);
          return this.#close(instrument, (decision, candle, exitTry) =>
            this.#sendAligned(instrument, candle, decision, { exitTry }),
          );
        }),
      ),
    );
    return closed.flatMap((unclosed) => unclosed ?? []);
  }

  /** Positions at an exchange without the stop that they should have, and why. */
  unprotected(exchange: string): readonly Unprotected[] {
    return this.#stops.unprotected(exchange);
  }

  /**
   * The same for an order; what no stream of the box has decided may not leave at all. Streams decide beside each other:
   * one may trip the circuit breaker while the order of another is on its way to the gate or to the wire.
   */
  #stateForOrder({ exchange, symbol, barOpenMs }: OrderPlace): TradingState {
    const stream = this.#deps.streams.find(({ key }) => key.exchange === exchange && key.symbol === symbol);
    if (stream === undefined) return 'HALTED';
    const state = this.stateFor(stream.key, barOpenMs);
    return this.#account.breaker.tripped ? stricter(state, 'REDUCING') : state;
  }

  /** Closes what an instrument holds; what could not be closed, as text, or null. */
  #close(
    instrument: Instrument,
    send: (decision: OrderIntent['decision'], candle: Candle, exitTry: number) => Promise<ExecutionOutcome>,
  ): Promise<string | null> {
    return flattenInstrument(instrument, {
      clock: this.#deps.clock,
      closable: ({ key }) => this.#sellable(key.exchange, key.symbol),
      quote: async (of, candle) => this.quote(of, candle),
      send: (_, candle, decision, exitTry) => send(decision, candle, exitTry),
    });
  }

  /** Units held, by fills or by the exchange's last word, whichever is nearer to zero. */
  #sellable(exchange: string, symbol: string): Decimal {
    const { units } = this.#account.portfolio.book(exchange, symbol);
    const short = this.#exchanges.shortfall(exchange, symbol);
    if (short.eq(0) || !units.gt(0)) return units;
    return short.gte(units) ? decimal(0) : units.minus(short);
  }

  /** The order, and what rests made to fit what it left. */
  async #sendAligned(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    how: How,
  ): Promise<ExecutionOutcome> {
    const outcome = await this.#sendAlone(instrument, candle, decision, how);
    await this.#stops.sync(instrument.key.exchange, instrument.key.symbol);
    this.#unresolved.wake(instrument.key.exchange);
    return outcome;
  }

  async #sendAlone(
    instrument: Instrument,
    candle: Candle,
    decision: OrderIntent['decision'],
    how: How,
  ): Promise<ExecutionOutcome> {
    const { decided, exitTry } = how;
    const { key, rules } = instrument;
    const held = instrument.book.units;
    const closing = decision.side === 'sell' ? held.gt(0) : held.lt(0);
    const units = closing ? await this.#unitsToClose(instrument, decision.units, decided) : decision.units;
    const priced = (book: Quote) =>
      closing
        ? exitQuote(
            book,
            candle.close,
            candle.openMs + instrument.barMs,
            this.#deps.config.execution.quoteAgeMsMax,
          )
        : book;
    const outcome = await this.execution.submit({
      exchange: key.exchange,
      decision: { ...decision, units, inputs: { ...decision.inputs, quote: priced(decision.inputs.quote) } },
      rules,
      barOpenMs: candle.openMs,
      decisionPrice: candle.close,
      refreshQuote: async () => {
        const book = await this.#deps.quoteFor(key, candle);
        return book && priced(book);
      },
      ...(decided && { decided }),
      ...(exitTry !== undefined && { exitTry }),
    });
    const { status, reason } = outcome;
    if (!closing || !isUnplaced(status) || reason !== null || instrument.rules === rules) return outcome;
    // Rejected by rules that were read again meanwhile: what closes a position does not wait for the next bar.
    return this.#sendAlone(instrument, candle, decision, how);
  }
  /** What is left to close once the stops that rest are out of the way: on spot they lock what is to be sold. */
  async #unitsToClose(instrument: Instrument, decided: number, until?: Promise<void>): Promise<number> {
    const { exchange, symbol } = instrument.key;
    const held = instrument.book.units;
    let units = decided;
    // What the exchange does not hold cannot be sold, and must not keep in what can.
    const there = this.#sellable(exchange, symbol).abs();
    if (there.lt(units) && held.abs().gte(units)) units = there.toNumber();
    const market = this.#deps.markets?.get(exchange);
    // In a closed market a stop could not be put back, and nothing can be closed.
    const isShut = market !== undefined && (market.isShut(symbol) || market.barrier(symbol, true) !== null);
    if (isShut || this.execution.restingStops(exchange, symbol).length === 0) return units;
    // A stop is taken away for a decision that is recorded, and for no other.
    await until;
    await this.#stops.cancelAll(instrument);
    // What the stop has closed before it could be cancelled is closed.
    const closed = held.abs().minus(instrument.book.units.abs());
    return closed.gt(0) ? Math.max(0, decimal(units).minus(closed).toNumber()) : units;
  }
}
