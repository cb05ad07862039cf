import { type Decimal, decimal } from '../core/money.js';
import type { Fill } from '../core/order.js';
import { currenciesOf } from '../core/symbol.js';
import type { ClosedTrade, Trade } from './trade.js';

/** The position of one symbol at one exchange, made of its fills and nothing else. */
export interface PositionBook {
  readonly exchange: string;
  readonly symbol: string;
  /** The currencies of the symbol. */
  readonly base: string;
  readonly quote: string;
  /** Signed units of base, exact. */
  readonly units: Decimal;
  /** The same as the nearest double. */
  readonly unitsNumber: number;
  /** Average entry price of the open position; 0 when flat. */
  readonly averageEntry: number;
  /** Price the position is valued at: the last close, or the last fill before there was one. */
  markPrice: number;
  /** Whether something is held that can be traded: a residual below the amount step cannot. */
  isHeld(): boolean;
  /** The trade that is not closed yet; null where there is none. */
  openTrade(): Trade | null;
}

const ZERO = decimal(0);

/** The figures of a fill, read once. */
export interface FillFigures {
  readonly price: Decimal;
  readonly amount: Decimal;
  readonly fee: Decimal;
  /** The fee in quote units; null where it was paid in a third currency of which no price is known. */
  readonly feeQuote: Decimal | null;
}

/** What the fills of a trade have come to so far. */
interface TradeInProgress {
  readonly direction: 'long' | 'short';
  readonly openedAtMs: number;
  readonly firstOrderId: string;
  lastOrderId: string;
  amount: Decimal;
  entryNotional: Decimal;
  closedAmount: Decimal;
  exitNotional: Decimal;
  gain: Decimal;
  fees: Decimal;
}

/** The mutable book behind {@link PositionBook}; the portfolio alone holds it. */
export class FillBook implements PositionBook {
  readonly exchange: string;
  readonly symbol: string;
  units: Decimal = ZERO;
  unitsNumber = 0;
  averageEntry = 0;
  markPrice = 0;
  readonly base: string;
  readonly quote: string;
  readonly #amountStep: Decimal;
  #entry: Decimal = ZERO;
  #trade: TradeInProgress | null = null;

  /** What is left is taken as flat when smaller than `amountStep`: it cannot be traded any more. */
  constructor(exchange: string, symbol: string, amountStep: string | undefined) {
    this.exchange = exchange;
    this.symbol = symbol;
    const { base, quote } = currenciesOf(symbol);
    this.base = base;
    this.quote = quote;
    this.#amountStep = amountStep === undefined ? ZERO : decimal(amountStep);
  }

  isHeld(): boolean {
    return !this.units.eq(0) && this.units.abs().gte(this.#amountStep);
  }

  openTrade(): Trade | null {
    return this.#trade === null ? null : this.#tradeOf(this.#trade, null);
  }

  /** Takes a fill in. Returns the trade that it closed, if it did. */
  apply(fill: Fill, { price, amount, fee, feeQuote }: FillFigures): ClosedTrade | null {
    const signed = fill.side === 'buy' ? amount : amount.neg();
    const before = this.units;
    const closedAmount = before.times(signed).lt(0) ? minimum(before.abs(), amount) : ZERO;
    const openedAmount = amount.minus(closedAmount);
    let feeLeft = feeQuote ?? ZERO;
    let closed: ClosedTrade | null = null;
    if (closedAmount.gt(0)) {
      if (this.#trade !== null) {
        // A fill that goes through zero is two trades' business: each bears its part of the fee.
        const share = openedAmount.gt(0) ? feeLeft.times(closedAmount).div(amount) : feeLeft;
        feeLeft = feeLeft.minus(share);
        const gain = price.minus(this.#entry).times(closedAmount);
        this.#close(this.#trade, closedAmount, price, before.gt(0) ? gain : gain.neg());
        this.#trade.fees = this.#trade.fees.plus(share);
        this.#trade.lastOrderId = fill.clientOrderId;
      }
      const left = before.abs().minus(closedAmount);
      if (left.eq(0) || left.lt(this.#amountStep)) closed = this.#end(fill.atMs);
    }
    if (openedAmount.gt(0)) this.#open(openedAmount, price, fill, feeLeft);
    const feeBase = fill.feeCurrency === this.base ? fee : ZERO;
    this.units = before.plus(signed).minus(feeBase);
    this.unitsNumber = this.units.toNumber();
    if (this.units.eq(0)) this.#entry = ZERO;
    this.averageEntry = this.#entry.toNumber();
    if (this.markPrice === 0) this.markPrice = price.toNumber();
    return closed;
  }

  #close(trade: TradeInProgress, amount: Decimal, price: Decimal, gain: Decimal): void {
    trade.gain = trade.gain.plus(gain);
    trade.closedAmount = trade.closedAmount.plus(amount);
    trade.exitNotional = trade.exitNotional.plus(amount.times(price));
  }

  #open(amount: Decimal, price: Decimal, fill: Fill, fee: Decimal): void {
    // After a reversal, and over a residual, only the part beyond flat carries the new entry price.
    const held = this.#trade === null ? ZERO : this.units.abs();
    this.#trade ??= {
      direction: fill.side === 'buy' ? 'long' : 'short',
      openedAtMs: fill.atMs,
      firstOrderId: fill.clientOrderId,
      lastOrderId: fill.clientOrderId,
      amount: ZERO,
      entryNotional: ZERO,
      closedAmount: ZERO,
      exitNotional: ZERO,
      gain: ZERO,
      fees: ZERO,
    };
    const trade = this.#trade;
    this.#entry = held.times(this.#entry).plus(amount.times(price)).div(held.plus(amount));
    trade.amount = trade.amount.plus(amount);
    trade.entryNotional = trade.entryNotional.plus(amount.times(price));
    trade.fees = trade.fees.plus(fee);
    trade.lastOrderId = fill.clientOrderId;
  }

  /**
   * Null where no trade was open: less than a step is left of the one before, and a fill (one whose entry is not known yet,
   * say) went through it.
   */
  #end(atMs: number): ClosedTrade | null {
    const trade = this.#trade;
    this.#trade = null;
    this.#entry = ZERO;
    return trade === null ? null : this.#tradeOf(trade, atMs);
  }

  #tradeOf<T extends number | null>(trade: TradeInProgress, closedAtMs: T) {
    const { direction, openedAtMs, firstOrderId, lastOrderId, amount, entryNotional, fees } = trade;
    const profit = trade.gain.minus(fees);
    return {
      exchange: this.exchange,
      symbol: this.symbol,
      direction,
      openedAtMs,
      closedAtMs,
      amount: amount.toNumber(),
      entryPrice: entryNotional.div(amount).toNumber(),
      exitPrice: trade.closedAmount.eq(0) ? null : trade.exitNotional.div(trade.closedAmount).toNumber(),
      entryNotional: entryNotional.toNumber(),
      profit: profit.toNumber(),
      fees: fees.toNumber(),
      returnFraction: profit.div(entryNotional).toNumber(),
      firstOrderId,
      lastOrderId,
      exact: { entryNotional, profit, fees },
    };
  }
}

function minimum(a: Decimal, b: Decimal): Decimal {
  return a.lt(b) ? a : b;
}
