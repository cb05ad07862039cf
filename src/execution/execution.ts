import { waitMs } from '../core/backoff.js';
import { badInput, invariant, messageOf } from '../core/errors.js';
import { type Decimal, decimal, floorToStep, text } from '../core/money.js';
import {
  type DenialReason,
  type Fill,
  isFinal,
  type OrderReport,
  type OrderRequest,
  type OrderStatus,
  type OrderUpdate,
  type Quote,
} from '../core/order.js';
import type { OrderEvent } from '../core/records.js';
import type { TradingState } from '../core/trading-state.js';
import type { Portfolio } from '../portfolio/portfolio.js';
import type { SubmitResult } from '../ports/broker.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';
import { affordable, limitOf } from './limit-price.js';
import { adoptOrder, averageOf, uniqueFills } from './listed-orders.js';
import type { MarketBook } from './market-book.js';
import type { GateContext, OrderGate, OrderPlace } from './order-gate.js';
import type { OrderIds } from './order-id.js';
import type { ExecutionOutcome, OrderIntent } from './order-intent.js';
import { OrderLog } from './order-log.js';
import { slippageOf } from './slippage.js';
import { type StopIntent, stopOrder } from './stop-order.js';
import { reportFlaw, type UnresolvedOrder, UnresolvedOrders } from './unresolved-orders.js';

/** The part of the configuration's `execution` slice that concerns sending. */
export interface ExecutionConfig {
  readonly triesMax: number;
  readonly backoffMs: readonly number[];
  /** Time after which a second "not found" counts: recvWindow and margin. 0 for a broker whose answers are never unknown. */
  readonly inFlightMaxMs: number;
  readonly orderType: Exclude<OrderRequest['type'], 'stop'>;
  /** How much worse than the quote an order with a limit may fill, as a fraction of the price. */
  readonly limitCollarFraction: number;
}

export interface ExecutionDeps {
  readonly store: Store;
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly ids: OrderIds;
  readonly portfolio: Portfolio;
  /** Told what came of each order that was sent, by exchange. */
  readonly markets?: ReadonlyMap<string, Pick<MarketBook, 'taken' | 'refused'>> | undefined;
  /** Called as soon as something has become of an order, and is stored: a fill, an end, an unknown outcome. */
  readonly onOutcome?: ((outcome: ExecutionOutcome) => void) | undefined;
  /** Made with what the unresolved orders say. */
  readonly makeGate: (
    isBlocked: UnresolvedOrders['blocks'],
    stopAmount: UnresolvedOrders['stopAmount'],
  ) => Gate;
}

type Gate = Pick<OrderGate, 'submit' | 'mayLeave' | 'reduces' | 'standing'>;

/** A decision is not kept waiting for longer: the next bar decides again. */
const RETRY_WAIT_MS_MAX = 10_000;

/** Layer 6: an order's life from decision to settled. */
export class Execution {
  readonly #deps: ExecutionDeps;
  readonly #config: ExecutionConfig;
  readonly #unresolved: UnresolvedOrders;
  readonly #gate: Gate;
  readonly #log = new OrderLog();

  constructor(deps: ExecutionDeps, config: ExecutionConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#unresolved = new UnresolvedOrders(deps.brokers, deps.clock, config.inFlightMaxMs);
    this.#gate = deps.makeGate(
      (exchange, symbol) => this.#unresolved.blocks(exchange, symbol),
      (exchange, symbol) => this.#unresolved.stopAmount(exchange, symbol),
    );
  }

  /** Asked at the very moment a create request leaves: why it may not; null when it may. */
  mayLeave(order: OrderRequest): DenialReason | null {
    return this.#gate.mayLeave(order);
  }

  /** Whether a hint speaks of something that is not known here: then the exchange is worth asking. */
  isNewer(hint: OrderUpdate): boolean {
    return this.#log.isNewer(hint);
  }

  /**
   * Takes what an exchange lists of an order of ours: an end that was unknown, a fill that came after the end, an order
   * that the store does not know. Null where it says nothing new.
   */
  async applyListedOrder(
    exchange: string,
    listed: OrderReport,
    barOpenMs: number,
  ): Promise<ExecutionOutcome | null> {
    const { clientOrderId } = listed;
    const open = this.#unresolved.list().find((entry) => entry.order.clientOrderId === clientOrderId);
    const isNew = listed.fills.some((fill) => !this.#deps.portfolio.knows(fill));
    const known = this.#log.order(clientOrderId);
    // An end without a fill says nothing that the store would miss; an open order is watched to its end.
    if (!open && !isNew && (known !== undefined || isFinal(listed.status))) return null;
    const order = open?.order ?? known ?? adoptOrder(listed, exchange, barOpenMs);
    // The store may count the order as done already: its event goes before its fills then, since a fill that is not
    // stored is found again, and an event that was not corrected would not be.
    if (!open && isFinal(listed.status) && reportFlaw(order, listed) === null) {
      await this.#record(order, listed.status, listed.message ?? null, { report: this.#valued(listed) });
    }
    return this.#report(await this.#applyReport(order, listed, 0));
  }

  /** Writes the intent down, sends it through the gate and stores what came of it. */
  async submit({
    exchange,
    decision,
    rules,
    barOpenMs,
    decisionPrice,
    ...intent
  }: OrderIntent): Promise<ExecutionOutcome> {
    const { quote } = decision.inputs;
    const draft = (amount: Decimal, limitPrice?: string): OrderRequest => ({
      clientOrderId: '',
      exchange,
      symbol: rules.symbol,
      side: decision.side,
      type: this.#config.orderType,
      amount: text(floorToStep(amount, decimal(rules.amountStep))),
      ...(limitPrice !== undefined && { limitPrice }),
      barOpenMs,
      decisionPrice,
      reducing: false,
    });
    const units = decimal(decision.units);
    const reducing = this.#gate.reduces(draft(units));
    // The limit is part of the intent: another try of the request keeps it, and does not follow a price that runs away.
    const exit = reducing ? { lastClose: decisionPrice, tries: intent.exitTry ?? 1 } : null;
    const limitPrice = limitOf(decision.side, quote, rules, this.#config, exit);
    const order = draft(affordable(decision, limitPrice, rules, this.#deps.portfolio.cash()), limitPrice);
    const made = { ...order, clientOrderId: this.#deps.ids.next(), reducing };
    return this.#report(await this.#dispatch(made, { quote, lastClose: decisionPrice, rules }, intent));
  }

  /** Writes a stop down and sends it through the gate, like any other order. */
  async submitStop(intent: StopIntent): Promise<ExecutionOutcome> {
    const { lastClose, rules } = intent;
    // A stop is sent on no quote, and the gate looks at none.
    const quote: Quote = { bid: lastClose, ask: lastClose, atMs: this.#deps.clock.wallMs(), source: 'close' };
    return this.#report(
      await this.#dispatch(stopOrder(intent, this.#deps.ids.next()), { quote, lastClose, rules }),
    );
  }

  /** The state in which an order of this symbol would find the gate now; HALTED without a permit. */
  standing(of: OrderPlace): TradingState {
    return this.#gate.standing(of);
  }

  /** Stops known to rest, of an exchange or of one symbol there. */
  restingStops(exchange: string, symbol?: string): readonly OrderRequest[] {
    return this.#unresolved
      .list()
      .filter(({ resting }) => resting)
      .map(({ order }) => order)
      .filter((order) => order.exchange === exchange && order.symbol === (symbol ?? order.symbol));
  }

  /**
   * Cancels a stop and asks what became of it; null where that is not known to the end. A cancel always may leave: it is
   * the caller's business not to take protection away without need.
   */
  async cancelStop(order: OrderRequest): Promise<ExecutionOutcome | null> {
    // From here on nobody knows, until the exchange has said it: it blocks the symbol.
    this.#unresolved.rest(order.clientOrderId, false);
    await this.#cancel(order);
    const entry = this.#unresolved.list().find((each) => each.order.clientOrderId === order.clientOrderId);
    return entry ? this.#report(await this.#resolve(entry)) : null;
  }

  /** Takes over what the last run left open: every such order is `unknown`. Stale intents are never sent. */
  async restore(openOrders: readonly OrderEvent[], fills: readonly Fill[]): Promise<void> {
    for (const event of openOrders) {
      if (!this.#deps.brokers.has(event.order.exchange)) throw exchangeGone(event.order);
      invariant(!isFinal(event.status), `restored order ${event.order.clientOrderId} is ${event.status}`);
      const filled = fills
        .filter((fill) => fill.clientOrderId === event.order.clientOrderId)
        .reduce((sum, fill) => sum.plus(fill.amount), decimal(0));
      this.#unresolved.add(event.order, text(filled));
      if (event.status !== 'unknown')
        await this.#record(event.order, 'unknown', 'found open after a restart');
    }
  }

  /** Asks once for each unresolved order at the exchange, or of one symbol there. Returns those that were resolved by it. */
  async resolveUnknown(exchange: string, symbol?: string): Promise<readonly ExecutionOutcome[]> {
    const resolved: ExecutionOutcome[] = [];
    for (const entry of this.#unresolved.list()) {
      if (entry.order.exchange !== exchange || (symbol ?? entry.order.symbol) !== entry.order.symbol)
        continue;
      const result = this.#report(await this.#resolve(entry));
      if (result) resolved.push(result);
    }
    return resolved;
  }

  /** Orders with an outcome not yet known, of one exchange or of all. */
  unresolved(exchange?: string): readonly OrderRequest[] {
    return this.#unresolved
      .list()
      .filter(({ resting }) => !resting)
      .map((entry) => entry.order)
      .filter((order) => order.exchange === (exchange ?? order.exchange));
  }

  /** Whether an order of this symbol has an outcome that nobody knows yet. */
  blocks(exchange: string, symbol: string): boolean {
    return this.#unresolved.blocks(exchange, symbol);
  }

  get unresolvedCount(): number {
    return this.#unresolved.count;
  }

  async #record(
    order: OrderRequest,
    status: OrderStatus,
    message: string | null,
    { report, reason = null }: { report?: OrderReport; reason?: DenialReason | null } = {},
  ): Promise<void> {
    const listed = report?.fills ?? [];
    const filled = report?.filled ?? '0';
    if (!this.#log.note(order, status, filled, message)) {
      // Nothing new of the order itself, but a fill that was missing may be named now.
      if (listed.length > 0) await this.#deps.store.recordFills(listed);
      return;
    }
    const event: OrderEvent = {
      order,
      status,
      exchangeOrderId: report?.exchangeOrderId ?? null,
      filled,
      averagePrice: averageOf(report),
      reason,
      message,
      atMs: this.#deps.clock.wallMs(),
    };
    await this.#deps.store.recordOrder(event, listed);
  }

  #outcome(
    order: OrderRequest,
    status: OrderStatus,
    message: string | null,
    tries: number,
    rest: { reason?: DenialReason | null; fills?: readonly Fill[]; quote?: Quote } = {},
  ): ExecutionOutcome {
    const fills = rest.fills ?? [];
    return {
      order,
      status,
      reason: rest.reason ?? null,
      message,
      tries,
      fills,
      slippage: slippageOf(order, fills, rest.quote),
    };
  }

  /** Stores what a report says, fills and status at once: a fill must be safe before the order may count as done. */
  async #applyReport(
    order: OrderRequest,
    given: OrderReport,
    tries: number,
    quote?: Quote,
  ): Promise<ExecutionOutcome> {
    const flaw = reportFlaw(order, given);
    if (flaw !== null) return this.#markUnknown(order, `the answer cannot be right: ${flaw}`, tries);
    const report = this.#valued(given);
    const listed = report.fills;
    const told = listed.reduce((sum, fill) => sum.plus(fill.amount), decimal(0));
    const complete = isFinal(report.status) && told.eq(report.filled);
    const message = report.message ?? null;
    if (complete) {
      this.#unresolved.remove(order.clientOrderId);
      await this.#record(order, report.status, message, { report });
      const fills = listed.filter((fill) => this.#deps.portfolio.apply(fill));
      return this.#outcome(order, report.status, message, tries, { fills, ...(quote && { quote }) });
    }
    // Still working, or done with fills that the exchange has yet to name: its end is not known.
    const status: OrderStatus = isFinal(report.status) ? 'unknown' : report.status;
    this.#unresolved.add(order, text(told));
    // A stop that the exchange has, untriggered, is where it belongs.
    this.#unresolved.rest(order.clientOrderId, order.type === 'stop' && status === 'accepted');
    await this.#record(order, status, message, { report });
    const fills = listed.filter((fill) => this.#deps.portfolio.apply(fill));
    // It was to be filled at once or not at all, and rests: some exchanges take it for one that may wait.
    if (order.type === 'limit_ioc' && !isFinal(report.status)) await this.#cancel(order);
    return this.#outcome(order, status, message, tries, { fills, ...(quote && { quote }) });
  }

  /** Each fill once, with the price of its fee: what is stored first of a fill stays. */
  #valued(report: OrderReport): OrderReport {
    return {
      ...report,
      fills: uniqueFills(report.fills).map((fill) => this.#deps.portfolio.valued(fill)),
    };
  }

  async #cancel({ exchange, clientOrderId, symbol }: OrderRequest): Promise<void> {
    // A cancel that fails is tried again with the next look at the order: it stays unresolved until it has ended.
    await this.#deps.brokers
      .of(exchange)
      .cancel(clientOrderId, symbol)
      .catch(() => undefined);
  }

  /** What became of an order by the time its rest was cancelled, where the exchange can say it already. */
  async #afterCancel(open: ExecutionOutcome, quote: Quote): Promise<ExecutionOutcome> {
    const { order, tries } = open;
    const entry = this.#unresolved.list().find((each) => each.order.clientOrderId === order.clientOrderId);
    if (order.type !== 'limit_ioc' || entry === undefined) return open;
    const ended = await this.#resolve(entry);
    if (ended === null) return open;
    const fills = [...open.fills, ...ended.fills];
    return { ...ended, tries, fills, slippage: slippageOf(order, fills, quote) };
  }

  async #markUnknown(order: OrderRequest, message: string, tries: number): Promise<ExecutionOutcome> {
    this.#unresolved.add(order, '0');
    this.#unresolved.rest(order.clientOrderId, false);
    await this.#record(order, 'unknown', message);
    return this.#outcome(order, 'unknown', message, tries);
  }

  /** The order is not at the exchange. */
  async #end(
    order: OrderRequest,
    status: 'denied' | 'rejected' | 'never_placed',
    message: string,
    tries: number,
    reason: DenialReason | null = null,
  ): Promise<ExecutionOutcome> {
    await this.#record(order, status, message, { reason });
    return this.#outcome(order, status, message, tries, { reason });
  }

  #worthAnotherTry(
    { retryable, retryAfterMs = 0 }: Extract<SubmitResult, { kind: 'not_placed' }>,
    tries: number,
  ): boolean {
    return retryable && retryAfterMs <= RETRY_WAIT_MS_MAX && tries < this.#config.triesMax;
  }

  /** Writes the intent down, hands it to the gate until it is placed or unknown, and stores what came of it. */
  async #dispatch(
    order: OrderRequest,
    context: GateContext,
    { refreshQuote, decided }: Pick<OrderIntent, 'refreshQuote' | 'decided'> = {},
  ): Promise<ExecutionOutcome> {
    let { quote } = context;
    await Promise.all([this.#record(order, 'intended', null), decided]);
    for (let tries = 1; ; tries++) {
      let result: SubmitResult;
      try {
        const passed = await this.#gate.submit(order, { ...context, quote });
        if (passed.kind === 'denied')
          return await this.#end(order, 'denied', `${passed.reason}: ${passed.detail}`, tries, passed.reason);
        result = passed.result;
      } catch (thrown) {
        // Whatever broke, it broke at a moment when the order may have been on its way.
        return await this.#markUnknown(order, messageOf(thrown), tries);
      }
      const market = this.#deps.markets?.get(order.exchange);
      if (result.kind === 'report') {
        market?.taken(order.symbol);
        return await this.#afterCancel(await this.#applyReport(order, result.report, tries, quote), quote);
      }
      if (result.kind === 'ambiguous') return await this.#markUnknown(order, result.message, tries);
      if (result.kind === 'denied')
        return await this.#end(order, 'denied', result.message, tries, result.reason);
      if (result.kind === 'rejected' || !this.#worthAnotherTry(result, tries)) {
        const status = result.kind === 'rejected' ? 'rejected' : 'never_placed';
        const reason = result.about === 'closed' ? 'market_closed' : null;
        const ended = await this.#end(order, status, result.message, tries, reason);
        if (market && result.about !== undefined) await market.refused(order.symbol, result.about);
        return ended;
      }
      await this.#deps.clock.sleep(Math.max(waitMs(this.#config.backoffMs, tries), result.retryAfterMs ?? 0));
      quote = (await refreshQuote?.().catch(() => undefined)) ?? quote;
    }
  }

  /** Whoever asked gets the outcome too; news of an order does not wait for them. */
  #report<T extends ExecutionOutcome | null>(result: T): T {
    if (result !== null) this.#deps.onOutcome?.(result);
    return result;
  }

  async #resolve(entry: UnresolvedOrder): Promise<ExecutionOutcome | null> {
    const { order } = entry;
    const resolution = await this.#unresolved.look(entry);
    if (resolution.kind === 'open') return null;
    if (resolution.kind === 'report') {
      const result = await this.#applyReport(order, resolution.report, 0);
      if (isFinal(result.status)) return result;
      // Not settled, and yet a part of it may have filled.
      if (result.fills.length > 0) this.#report(result);
      return null;
    }
    // Where fills of it are stored it was placed, and what is not filled is gone.
    const filled = decimal(resolution.filledKnown);
    const taken = filled.gt(0) || resolution.placed;
    const status: OrderStatus = filled.eq(order.amount) ? 'filled' : taken ? 'canceled' : 'never_placed';
    const message = 'not found twice at the exchange';
    this.#unresolved.remove(order.clientOrderId);
    await this.#deps.store.recordOrder({
      order,
      status,
      exchangeOrderId: null,
      filled: resolution.filledKnown,
      averagePrice: null,
      reason: null,
      message,
      atMs: this.#deps.clock.wallMs(),
    });
    return this.#outcome(order, status, message, 0);
  }
}

function exchangeGone({ clientOrderId, exchange }: OrderRequest) {
  return badInput(
    'E_VENUE_GONE',
    `order ${clientOrderId} has an unknown outcome at ${exchange}, which the configuration no longer names`,
    `put the [[exchange]] section of ${exchange} back until the order is settled`,
  );
}
