import type { Candle } from '../core/candle.js';
import { type Decimal, decimal } from '../core/money.js';
import type { Side } from '../core/order.js';
import type { AccountListener, ExecutionType } from './account-events.js';
import type { Instrument } from './instrument.js';
import type { Ledger, Trade } from './ledger.js';
import type { NewOrder, OrderType, TimeInForce } from './new-order.js';
import { Refusal } from './refusal.js';
import type { SyntheticBook, Take } from './synthetic-book.js';

export type SimulatedOrderStatus = 'NEW' | 'PARTIALLY_FILLED' | 'FILLED' | 'CANCELED' | 'EXPIRED';

/** An order as the exchange keeps it. */
export interface SimulatedOrder {
  readonly orderId: number;
  readonly clientOrderId: string;
  readonly instrument: Instrument;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly amount: Decimal;
  readonly price: Decimal | undefined;
  /** Of stops: the price that wakes them. */
  readonly trigger: Decimal | undefined;
  triggered: boolean;
  readonly feeIn: 'base' | 'quote' | undefined;
  readonly placedMs: number;
  status: SimulatedOrderStatus;
  filled: Decimal;
  quoteFilled: Decimal;
  updatedMs: number;
  readonly trades: Trade[];
}

/** Numbers that grow across all accounts of one exchange. */
export interface IdSource {
  nextOrderId(): number;
  /** Trades are numbered symbol by symbol. */
  nextTradeId(symbol: string): number;
}

export interface FeeRates {
  readonly taker: string;
  readonly maker: string;
}

/** How an exchange books a fill: what of it is rounded, and in which currency its fee is. */
export interface Bookkeeping {
  /** What a fill is in quote. */
  cost(price: Decimal, amount: Decimal, instrument: Instrument): Decimal;
  /** `rate` is the account's for this fill. */
  fee(fill: BookedFill, rate: Decimal): { readonly asset: string; readonly amount: Decimal };
  /** What has to be free, and is held back, for a purchase that costs so much. */
  hold(cost: Decimal, takerRate: Decimal, instrument: Instrument): Decimal;
  /** What the ledger makes of a change of that size. */
  booked(asset: string, change: Decimal): Decimal;
}

export interface BookedFill {
  readonly instrument: Instrument;
  readonly side: Side;
  readonly amount: Decimal;
  readonly cost: Decimal;
  readonly feeIn: 'base' | 'quote' | undefined;
}

/** To the last digit, with the fee taken from what is received. */
export const EXACT: Bookkeeping = {
  cost: (price, amount) => price.times(amount),
  fee: ({ instrument, side, amount, cost }, rate) =>
    side === 'buy'
      ? { asset: instrument.base, amount: amount.times(rate) }
      : { asset: instrument.quote, amount: cost.times(rate) },
  hold: (cost) => cost,
  booked: (_asset, change) => change,
};

/** Orders of one account against the synthetic books; every movement of money goes through its ledger. */
export class OrderEngine {
  readonly ledger: Ledger;
  readonly #ids: IdSource;
  readonly #fees: FeeRates;
  readonly #books: Bookkeeping;
  readonly #tell: AccountListener;
  readonly #orders: SimulatedOrder[] = [];
  /** Those of them that rest in the book, in order of arrival. */
  readonly #resting = new Set<SimulatedOrder>();
  /** Accepted, and to be matched later. */
  readonly #deferred = new Set<SimulatedOrder>();

  constructor(
    ledger: Ledger,
    ids: IdSource,
    fees: FeeRates,
    books: Bookkeeping = EXACT,
    tell: AccountListener = () => {},
  ) {
    this.ledger = ledger;
    this.#ids = ids;
    this.#fees = fees;
    this.#books = books;
    this.#tell = tell;
  }

  /** All orders, oldest first. */
  get orders(): readonly SimulatedOrder[] {
    return this.#orders;
  }

  /** Open orders: those that rest in the book, then those not matched yet, each oldest first. */
  get resting(): readonly SimulatedOrder[] {
    return [...this.#resting, ...this.#deferred];
  }

  /** Takes from the book what it can; the rest rests (GTC) or expires. Throws the exchange's refusal. */
  place(request: NewOrder, instrument: Instrument, book: SyntheticBook, atMs: number): SimulatedOrder {
    if (book.empty) throw new Refusal('marketClosed');
    this.#refuseTwin(request);
    if (request.trigger) return this.#placeStop(request, request.trigger, instrument, book, atMs);
    const matched = book.match(request.side, request.amount, request.price);
    if (request.type === 'LIMIT_MAKER' && matched.length > 0) throw new Refusal('wouldTake');
    const available = sum(matched.map((take) => take.amount));
    const takes = request.timeInForce === 'FOK' && available.lt(request.amount) ? [] : matched;
    this.#checkFunds(request, instrument, takes);

    const order = this.#enter(request, instrument, atMs);
    this.#take(order, book, takes, atMs);
    if (order.status !== 'FILLED') {
      if (order.type === 'MARKET' || order.timeInForce !== 'GTC') this.#close(order, 'EXPIRED', atMs);
      else this.#rest(order, atMs);
    }
    return order;
  }

  /** Takes an order in without matching it: what an exchange does that answers first and matches later. */
  accept(request: NewOrder, instrument: Instrument, atMs: number): SimulatedOrder {
    this.#refuseTwin(request);
    const order = this.#enter(request, instrument, atMs);
    this.#deferred.add(order);
    return order;
  }

  /**
   * Fills an accepted order from the book, as far as book, funds and `amountMax` allow. An order that has ended stays
   * ended: so a fill can come after a cancel.
   */
  execute(order: SimulatedOrder, book: SyntheticBook, amountMax: Decimal, atMs: number): void {
    const left = order.amount.minus(order.filled);
    const takes = book.match(order.side, left.lt(amountMax) ? left : amountMax, order.price);
    const { base, quote } = order.instrument;
    const cost =
      order.side === 'sell'
        ? sum(takes.map((take) => take.amount))
        : this.#hold(costOf(takes), order.instrument);
    if (this.ledger.holding(order.side === 'sell' ? base : quote).free.lt(cost)) return;
    this.#take(order, book, takes, atMs);
    if (order.status === 'FILLED') this.#deferred.delete(order);
  }

  /** The exchange ends an accepted order by itself. */
  end(order: SimulatedOrder, status: 'CANCELED' | 'EXPIRED', atMs: number): void {
    if (this.#deferred.delete(order)) this.#close(order, status, atMs);
  }

  /** Cancels an open order and frees what it held. */
  cancel(order: SimulatedOrder, atMs: number): void {
    if (this.#deferred.has(order)) {
      this.end(order, 'CANCELED', atMs);
      return;
    }
    if (!this.#resting.has(order)) throw new Refusal('unknownCancel');
    this.#leave(order);
    this.#close(order, 'CANCELED', atMs);
    this.#tell({ kind: 'balances', assets: [this.#reserved(order).asset], atMs });
  }

  /**
   * Fills resting orders that the bar traded through, whole and at their own price, in order of arrival. Stops that the bar
   * came to are executed at their trigger, or at the open where the bar opened beyond it, as far as the book is deep.
   */
  barClosed(instrument: Instrument, bar: Candle, book: SyntheticBook, atMs: number): void {
    for (const order of this.#resting) {
      if (order.instrument !== instrument) continue;
      if (isWaiting(order)) {
        this.#wake(order, bar, book, atMs);
        continue;
      }
      const price = order.price!;
      const through = order.side === 'buy' ? price.gt(bar.low) : price.lt(bar.high);
      if (!through) continue;
      this.#leave(order);
      this.#fill(order, { price, amount: order.amount.minus(order.filled) }, true, atMs);
    }
  }

  #placeStop(
    request: NewOrder,
    trigger: Decimal,
    instrument: Instrument,
    book: SyntheticBook,
    atMs: number,
  ): SimulatedOrder {
    const { last } = book;
    if (last && (request.side === 'sell' ? trigger.gte(last) : trigger.lte(last)))
      throw new Refusal('wouldTrigger');
    this.#checkFunds({ ...request, price: request.price ?? trigger }, instrument, []);
    const order = this.#enter(request, instrument, atMs);
    this.#rest(order, atMs);
    return order;
  }

  /** What a bar does to a stop that waits for its trigger. */
  #wake(order: SimulatedOrder, bar: Candle, book: SyntheticBook, atMs: number): void {
    const { side, trigger } = order;
    const hit = side === 'sell' ? trigger!.gte(bar.low) : trigger!.lte(bar.high);
    if (!hit) return;
    order.triggered = true;
    order.updatedMs = atMs;
    const beyond = side === 'sell' ? trigger!.gt(bar.open) : trigger!.lt(bar.open);
    const price = beyond ? decimal(bar.open) : trigger!;
    // A limit that the price is past already rests from now on like any other.
    if (order.price && (side === 'sell' ? order.price.gt(price) : order.price.lt(price))) return;
    this.#leave(order);
    const depth = book.depth(side);
    const amount = depth.lt(order.amount) ? depth : order.amount;
    const { quote } = order.instrument;
    const paid =
      side === 'sell' ||
      this.ledger.holding(quote).free.gte(this.#hold(amount.times(price), order.instrument));
    if (amount.gt(0) && paid) this.#fill(order, { price, amount }, false, atMs);
    if (order.status !== 'FILLED') this.#close(order, 'EXPIRED', atMs);
  }

  #refuseTwin({ clientOrderId }: NewOrder): void {
    for (const open of [...this.#resting, ...this.#deferred]) {
      if (open.clientOrderId === clientOrderId) throw new Refusal('duplicate');
    }
  }

  #enter(request: NewOrder, instrument: Instrument, atMs: number): SimulatedOrder {
    const order: SimulatedOrder = {
      orderId: this.#ids.nextOrderId(),
      clientOrderId: request.clientOrderId,
      instrument,
      side: request.side,
      type: request.type,
      timeInForce: request.timeInForce,
      amount: request.amount,
      price: request.price,
      trigger: request.trigger,
      triggered: false,
      feeIn: request.feeIn,
      placedMs: atMs,
      status: 'NEW',
      filled: decimal(0),
      quoteFilled: decimal(0),
      updatedMs: atMs,
      trades: [],
    };
    this.#orders.push(order);
    this.#reportOrder('NEW', order, atMs);
    return order;
  }

  #take(order: SimulatedOrder, book: SyntheticBook, takes: readonly Take[], atMs: number): void {
    book.take(order.side, takes);
    for (const take of takes) this.#fill(order, take, false, atMs);
  }

  #checkFunds(request: NewOrder, instrument: Instrument, takes: readonly Take[]): void {
    const needed =
      request.side === 'sell'
        ? request.amount
        : this.#hold(request.price?.times(request.amount) ?? costOf(takes), instrument);
    const asset = request.side === 'sell' ? instrument.base : instrument.quote;
    if (this.ledger.holding(asset).free.lt(needed)) throw new Refusal('insufficient');
  }

  #fill(order: SimulatedOrder, take: Take, maker: boolean, atMs: number): void {
    const { base, quote } = order.instrument;
    const { instrument, side, feeIn } = order;
    const quoteAmount = this.#books.cost(take.price, take.amount, instrument);
    const buying = side === 'buy';
    const booked = { instrument, side, amount: take.amount, cost: quoteAmount, feeIn };
    const fee = this.#books.fee(booked, decimal(maker ? this.#fees.maker : this.#fees.taker));
    const received = { asset: buying ? base : quote, amount: buying ? take.amount : quoteAmount };
    const paid = { asset: buying ? quote : base, amount: buying ? quoteAmount : take.amount };
    const lessFee = (of: { asset: string }) => (of.asset === fee.asset ? fee.amount : decimal(0));
    const credit = (asset: string, change: Decimal) =>
      this.ledger.credit(asset, this.#books.booked(asset, change));
    credit(paid.asset, paid.amount.plus(lessFee(paid)).neg());
    credit(received.asset, received.amount.minus(lessFee(received)));
    const trade: Trade = {
      tradeId: this.#ids.nextTradeId(order.instrument.symbol),
      orderId: order.orderId,
      clientOrderId: order.clientOrderId,
      symbol: order.instrument.symbol,
      side: order.side,
      price: take.price.toFixed(),
      amount: take.amount.toFixed(),
      quoteAmount: quoteAmount.toFixed(),
      fee: fee.amount.toFixed(),
      feeAsset: fee.asset,
      maker,
      atMs,
    };
    order.trades.push(trade);
    this.ledger.trades.push(trade);
    order.filled = order.filled.plus(take.amount);
    order.quoteFilled = order.quoteFilled.plus(quoteAmount);
    // What has ended stays ended, also where an execution follows.
    if (isOpen(order)) order.status = order.filled.eq(order.amount) ? 'FILLED' : 'PARTIALLY_FILLED';
    order.updatedMs = atMs;
    this.#tell({ kind: 'order', execution: 'TRADE', order, trade, atMs });
    this.#tell({ kind: 'balances', assets: [base, quote], atMs });
  }

  #close(order: SimulatedOrder, status: 'CANCELED' | 'EXPIRED', atMs: number): void {
    order.status = status;
    order.updatedMs = atMs;
    this.#reportOrder(status, order, atMs);
  }

  #reportOrder(execution: ExecutionType, order: SimulatedOrder, atMs: number): void {
    this.#tell({ kind: 'order', execution, order, atMs });
  }

  #rest(order: SimulatedOrder, atMs: number): void {
    const { asset, amount } = this.#reserved(order);
    this.ledger.lock(asset, amount);
    this.#resting.add(order);
    this.#tell({ kind: 'balances', assets: [asset], atMs });
  }

  #leave(order: SimulatedOrder): void {
    const { asset, amount } = this.#reserved(order);
    this.ledger.unlock(asset, amount);
    this.#resting.delete(order);
  }

  #hold(cost: Decimal, instrument: Instrument): Decimal {
    return this.#books.hold(cost, decimal(this.#fees.taker), instrument);
  }

  /** What the unfilled rest of a resting order holds back. */
  #reserved(order: SimulatedOrder): { asset: string; amount: Decimal } {
    const left = order.amount.minus(order.filled);
    return order.side === 'buy'
      ? {
          asset: order.instrument.quote,
          amount: this.#hold(left.times(order.price ?? order.trigger!), order.instrument),
        }
      : { asset: order.instrument.base, amount: left };
  }
}

export function isOpen(order: SimulatedOrder): boolean {
  return order.status === 'NEW' || order.status === 'PARTIALLY_FILLED';
}

/** A stop that nothing has woken yet. */
export function isWaiting(order: SimulatedOrder): boolean {
  return order.trigger !== undefined && !order.triggered;
}

function costOf(takes: readonly Take[]): Decimal {
  return sum(takes.map((take) => take.price.times(take.amount)));
}

function sum(values: readonly Decimal[]): Decimal {
  return values.reduce((total, value) => total.plus(value), decimal(0));
}
