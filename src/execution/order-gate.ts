import { decimal } from '../core/money.js';
import type { DenialReason, MarketRules, OrderRequest, Quote } from '../core/order.js';
import { stricter, type TradingState } from '../core/trading-state.js';
import type { SubmitResult } from '../ports/broker.js';
import type { Permit, PermitReading } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';
import type { Brokers } from './brokers.js';
import { withinExitBound } from './exit-bound.js';
import type { MarketBook } from './market-book.js';

/** The gate's own limits, from the configuration's `execution` slice. */
export interface GateConfig {
  readonly notionalMaxFraction: number;
  readonly priceCollarFraction: number;
  readonly ordersPerMinuteMax: number;
  readonly quoteAgeMsMax: number;
}

/** Where an order belongs. */
export type OrderPlace = Pick<OrderRequest, 'exchange' | 'symbol' | 'barOpenMs'>;

export interface GateContext {
  readonly quote: Quote;
  /** Close of the last bar: what the price collar is measured from. */
  readonly lastClose: number;
  readonly rules: MarketRules;
}

export type GateResult =
  | { readonly kind: 'denied'; readonly reason: DenialReason; readonly detail: string }
  | { readonly kind: 'submitted'; readonly result: SubmitResult };

export interface GateDeps {
  readonly brokers: Brokers;
  readonly permit: Permit;
  /** The box's own state for this order; the stricter of this and the permit's rules. */
  readonly tradingState: (order: OrderPlace) => TradingState;
  readonly clock: Clock;
  /** Signed units of base held: by fills or by the exchange's last word, whichever is nearer to zero. */
  readonly unitsHeld: (exchange: string, symbol: string) => string;
  /** Equity in quote units. */
  readonly equity: () => number;
  /** Whether an order of this symbol has an outcome that nobody knows yet. */
  readonly isBlocked: (exchange: string, symbol: string) => boolean;
  /** Units that stops resting for the symbol may trade at any moment. */
  readonly stopAmount: (exchange: string, symbol: string) => string;
  /** Markets that may be closed, by exchange. */
  readonly markets?: ReadonlyMap<string, Pick<MarketBook, 'barrier' | 'leaves'>> | undefined;
}

/**
 * The order gate: the last code before the network, and the only code that may hand an order to a broker. It takes
 * nothing on trust from what computed the order: permit and state are read here and now, the position comes from fills,
 * and the limits are the gate's own. Everything from the permit to `broker.create` runs in one synchronous stretch.
 *
 * What keeps an entry small and well-priced must not keep a position open: an order that only shrinks one is held to no
 * entry's rate, quote age, collar or cap. It is held to permit and state, to what is held, to one exit in flight for each
 * symbol, to a ceiling and a price bound of its own, and to the exchange's filters.
 */
export class OrderGate {
  readonly #deps: GateDeps;
  readonly #config: GateConfig;
  readonly #entries;
  /** By symbol, so that one that goes round in circles holds no other's exit up. */
  readonly #exits = new Map<string, Rate>();
  readonly #exitsInFlight = new Set<string>();

  constructor(deps: GateDeps, config: GateConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#entries = createRate(deps.clock);
  }

  /**
   * Whether the order can only bring the position nearer to zero, by the fills known now, also where the stops that rest
   * for the symbol are executed beside it.
   */
  reduces(order: OrderRequest): boolean {
    const held = decimal(this.#deps.unitsHeld(order.exchange, order.symbol));
    const opposite = order.side === 'sell' ? held.gt(0) : held.lt(0);
    const resting = this.#deps.stopAmount(order.exchange, order.symbol);
    return opposite && decimal(order.amount).plus(resting).lte(held.abs());
  }

  /** The state in which an order of this symbol would find the gate now; HALTED without a permit. */
  standing(of: OrderPlace): TradingState {
    const permit = this.#deps.permit.read();
    return permit.ok ? stricter(permit.state, this.#deps.tradingState(of)) : 'HALTED';
  }

  /**
   * Permit and state once more, as the bytes of the request are about to be written, and again while it is under way:
   * between the gate and the wire lie an adapter's queue, its signing and a connection to be made. The permit must still be the one it was passed under: one given again after a halt, or after a step
   * down, is no leave for what was decided before. Synchronous; the reason why it may not, or null.
   */
  mayLeave(order: OrderRequest): DenialReason | null {
    const permit = this.#deps.permit.read();
    // First, so that an order of an earlier epoch is never judged by what it does to the position.
    if (permit.ok && permit.epoch !== order.permitEpoch) return 'permit_changed';
    return this.#barrier(order, permit)?.[0] ?? null;
  }

  async submit(order: OrderRequest, context: GateContext): Promise<GateResult> {
    const permit = this.#deps.permit.read();
    const denied = this.#denial(order, context, permit);
    if (denied) return { kind: 'denied', reason: denied[0], detail: denied[1] };
    const reducing = this.reduces(order);
    const name = nameOf(order);
    (reducing ? this.#exitsOf(name) : this.#entries).add();
    this.#deps.markets?.get(order.exchange)?.leaves(order.symbol);
    if (reducing) this.#exitsInFlight.add(name);
    try {
      const passed = { ...order, reducing, ...(permit.ok && { permitEpoch: permit.epoch }) };
      const result = await this.#deps.brokers.of(order.exchange).create(passed, context.quote);
      return { kind: 'submitted', result };
    } finally {
      if (reducing) this.#exitsInFlight.delete(name);
    }
  }

  #exitsOf(name: string): Rate {
    let rate = this.#exits.get(name);
    if (rate === undefined) {
      rate = createRate(this.#deps.clock);
      this.#exits.set(name, rate);
    }
    return rate;
  }

  /** A stop and an order that closes the same position would together do more than close it. */
  #meetsStop({ exchange, symbol, side, amount }: OrderRequest): boolean {
    const held = decimal(this.#deps.unitsHeld(exchange, symbol));
    const resting = decimal(this.#deps.stopAmount(exchange, symbol));
    const opposite = side === 'sell' ? held.gte(0) : held.lte(0);
    return opposite && resting.gt(0) && resting.plus(amount).gt(held.abs());
  }

  /** What the guard and the box's own state say to this order now. */
  #barrier(order: OrderRequest, permit: PermitReading): [DenialReason, string] | null {
    if (!permit.ok) return ['no_permit', `permit ${permit.reason}`];
    const state = stricter(permit.state, this.#deps.tradingState(order));
    if (state === 'HALTED') return ['state_halted', 'the box is HALTED'];
    if (state !== 'ACTIVE' && !this.reduces(order)) return ['state_reducing', `the box is ${state}`];
    return null;
  }

  #denial(order: OrderRequest, context: GateContext, permit: PermitReading): [DenialReason, string] | null {
    const { quote, lastClose, rules } = context;
    const reducing = this.reduces(order);
    const barred = this.#barrier(order, permit);
    if (barred) return barred;

    if (this.#deps.isBlocked(order.exchange, order.symbol)) {
      return ['symbol_unknown', `an earlier order of ${order.symbol} is not settled`];
    }

    const closed = this.#deps.markets?.get(order.exchange)?.barrier(order.symbol, reducing) ?? null;
    if (closed !== null) return ['market_closed', closed];
    if (this.#meetsStop(order)) return ['stop_rests', `a stop of ${order.symbol} rests at the exchange`];
    const name = nameOf(order);
    if (reducing && this.#exitsInFlight.has(name)) {
      return ['exit_in_flight', `another order that closes ${order.symbol} is on its way`];
    }
    const sent = reducing ? this.#exitsOf(name).count() : this.#entries.count();
    if (sent >= (reducing ? EXITS_PER_MINUTE_MAX : this.#config.ordersPerMinuteMax)) {
      return ['order_rate', `${sent} ${reducing ? 'exits' : 'orders'} in the last minute`];
    }
    if (order.type === 'stop') return stopDenial(order, context, reducing);
    if (reducing) return exitDenial(order, context);
    const ageMs = this.#deps.clock.wallMs() - quote.atMs;
    // A quote from the future is as doubtful as an old one: one of the clocks is wrong.
    if (!(Math.abs(ageMs) <= this.#config.quoteAgeMsMax)) return ['price_stale', `quote is ${ageMs} ms old`];

    const price = order.side === 'buy' ? quote.ask : quote.bid;
    const limit = order.limitPrice === undefined ? price : Number(order.limitPrice);
    const worst = order.side === 'buy' ? Math.max(price, limit) : Math.min(price, limit);
    const amount = Number(order.amount);
    if (!(amount > 0 && Number.isFinite(amount) && price > 0 && worst > 0 && Number.isFinite(worst))) {
      return ['exchange_filter', `amount ${order.amount} at a price of ${price}`];
    }
    const cap = this.#config.notionalMaxFraction * this.#deps.equity();
    if (!(amount * worst <= cap)) {
      return ['notional_cap', `notional ${amount * worst}, cap ${cap}`];
    }
    // The limit is looked at beside the price: it is what the order may fill at in the end.
    const farthest = Math.max(Math.abs(price - lastClose), Math.abs(worst - lastClose));
    if (!(farthest <= this.#config.priceCollarFraction * lastClose)) {
      return ['price_collar', `price ${price}, at worst ${worst}, last close ${lastClose}`];
    }
    const filter = exchangeFilter(order, price, rules);
    return filter === null ? null : ['exchange_filter', filter];
  }
}

/** Exits and stops of one symbol that the gate lets through in a minute. */
const EXITS_PER_MINUTE_MAX = 30;

const nameOf = ({ exchange, symbol }: OrderPlace): string => `${exchange}:${symbol}`;

/** Orders let through in the last minute. By wall time, so that a backtest counts as live does. */
interface Rate {
  count(): number;
  add(): void;
}

function createRate(clock: Pick<Clock, 'wallMs'>): Rate {
  let recentMs: number[] = [];
  return {
    count() {
      const nowMs = clock.wallMs();
      recentMs = recentMs.filter((atMs) => nowMs - atMs < 60_000);
      return recentMs.length;
    },
    add: () => void recentMs.push(clock.wallMs()),
  };
}

/**
 * The rule of exits: an old quote, or none, is no reason to hold a position. A limit is held to the exit's bound; a market
 * order, which has none, needs a book, and one that is not empty.
 */
function exitDenial(
  order: OrderRequest,
  { quote, lastClose, rules }: GateContext,
): [DenialReason, string] | null {
  const price = order.side === 'buy' ? quote.ask : quote.bid;
  // A time of 0 marks a quote that nobody has given.
  if (order.type === 'market' && !(quote.atMs !== 0 && price > 0)) {
    return ['price_stale', `no book to close ${order.symbol} in`];
  }
  const worst = order.limitPrice === undefined ? price : Number(order.limitPrice);
  if (!(Number(order.amount) > 0 && worst > 0 && Number.isFinite(worst))) {
    return ['exchange_filter', `amount ${order.amount} at a price of ${worst}`];
  }
  if (!withinExitBound(order.side, worst, quote, lastClose)) {
    return [
      'price_collar',
      `closes at ${worst} at worst, quote ${quote.bid} ${quote.ask}, last close ${lastClose}`,
    ];
  }
  const filter = exchangeFilter(order, worst, rules);
  return filter === null ? null : ['exchange_filter', filter];
}

/**
 * The rule of stops: it can only shrink what is held, in every state, and it waits on the losing side of the price. It is
 * sent on no quote: its price is its trigger.
 */
function stopDenial(
  order: OrderRequest,
  { lastClose, rules }: GateContext,
  reducing: boolean,
): [DenialReason, string] | null {
  const trigger = Number(order.triggerPrice);
  if (!reducing) return ['stop_not_protective', `a stop of ${order.amount} is no part of what is held`];
  if (!(trigger > 0 && (order.side === 'sell' ? trigger < lastClose : trigger > lastClose))) {
    return ['stop_not_protective', `trigger ${order.triggerPrice}, last close ${lastClose}`];
  }
  if (!decimal(order.triggerPrice!).mod(rules.priceTick).eq(0)) {
    return ['exchange_filter', `trigger ${order.triggerPrice} is off the tick ${rules.priceTick}`];
  }
  const filter = exchangeFilter(order, trigger, rules);
  return filter === null ? null : ['exchange_filter', filter];
}

/** What the exchange itself would refuse, found here first, in decimal arithmetic; null when it passes. */
function exchangeFilter(order: OrderRequest, price: number, rules: MarketRules): string | null {
  const amount = decimal(order.amount);
  if (rules.symbol !== order.symbol) return `rules of ${rules.symbol} given for ${order.symbol}`;
  if (!amount.mod(rules.amountStep).eq(0))
    return `amount ${order.amount} is off the step ${rules.amountStep}`;
  if (amount.lt(rules.amountMin)) return `amount ${order.amount} is below ${rules.amountMin}`;
  const limit = order.limitPrice;
  if (order.type === 'limit_ioc' && limit === undefined) return 'a limit order needs a limit price';
  if (limit !== undefined && !decimal(limit).mod(rules.priceTick).eq(0)) {
    return `limit price ${limit} is off the tick ${rules.priceTick}`;
  }
  const notional = amount.times(limit ?? price);
  if (notional.lt(rules.notionalMin)) return `notional ${notional.toFixed()} is below ${rules.notionalMin}`;
  return null;
}
