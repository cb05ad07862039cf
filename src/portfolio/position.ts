import { type Decimal, decimal } from '../core/money.js';
import type { Fill } from '../core/order.js';
import { currenciesOf } from '../core/symbol.js';

/** A round trip from flat to flat. Figures in quote units, fees taken off. */
export interface ClosedTrade {
  readonly exchange: string;
  readonly symbol: string;
  readonly direction: 'long' | 'short';
  readonly openedAtMs: number;
  readonly closedAtMs: number;
  /** Quote units put in over all entries. */
  readonly entryNotional: number;
  /** Realised profit after fees. */
  readonly profit: number;
  /** Fees in quote units; fees in a third currency are not in here. */
  readonly fees: number;
  /** profit / entryNotional: what average win and loss are made of. */
  readonly returnFraction: number;
  /** The same to the last decimal, for sums that people are shown. */
  readonly exact: { readonly entryNotional: Decimal; readonly profit: Decimal; readonly fees: Decimal };
}

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
  /** Realised profit before fees, in quote units. */
  readonly realised: number;
  /** Price the position is valued at: the last close, or the last fill before there was one. */
  markPrice: number;
}

const ZERO = decimal(0);

/** The figures of a fill, read once. */
export interface FillFigures {
  readonly price: Decimal;
  readonly amount: Decimal;
  readonly fee: Decimal;
}

/** The mutable book behind {@link PositionBook}; the portfolio alone holds it. */
export class FillBook implements PositionBook {
  readonly exchange: string;
  readonly symbol: string;
  units: Decimal = ZERO;
  unitsNumber = 0;
  averageEntry = 0;
  realised = 0;
  markPrice = 0;
  readonly base: string;
  readonly quote: string;
  private readonly dust: Decimal;
  private entry: Decimal = ZERO;
  private profit: Decimal = ZERO;
  private tradeProfit: Decimal = ZERO;
  private tradeFees: Decimal = ZERO;
  private tradeEntryNotional: Decimal = ZERO;
  private tradeOpenedAtMs = 0;
  private tradeDirection: 'long' | 'short' = 'long';

  /** What is left is taken as flat when smaller than `amountStep`: it cannot be traded any more. */
  constructor(exchange: string, symbol: string, amountStep: string | undefined) {
    this.exchange = exchange;
    this.symbol = symbol;
    const { base, quote } = currenciesOf(symbol);
    this.base = base;
    this.quote = quote;
    this.dust = amountStep === undefined ? ZERO : decimal(amountStep);
  }

  /** Takes a fill in. Returns the change of cash in quote units, and the trade it closed, if it did. */
  apply(
    fill: Fill,
    { price, amount, fee }: FillFigures,
  ): { readonly cashDelta: Decimal; readonly closed: ClosedTrade | null } {
    const signed = fill.side === 'buy' ? amount : amount.neg();
    let cashDelta = signed.times(price).neg();
    let feeQuote = ZERO;
    let feeBase = ZERO;
    if (fill.feeCurrency === this.quote) {
      feeQuote = fee;
      cashDelta = cashDelta.minus(fee);
    } else if (fill.feeCurrency === this.base) {
      feeBase = fee;
      feeQuote = fee.times(price);
    }

    const before = this.units;
    const closes = before.times(signed).lt(0);
    const closedAmount = closes ? minimum(before.abs(), amount) : ZERO;
    const openedAmount = amount.minus(closedAmount);
    let closed: ClosedTrade | null = null;
    if (closedAmount.gt(0)) {
      const gain = price.minus(this.entry).times(closedAmount);
      const profit = before.gt(0) ? gain : gain.neg();
      this.profit = this.profit.plus(profit);
      this.tradeProfit = this.tradeProfit.plus(profit);
      this.tradeFees = this.tradeFees.plus(feeQuote);
      feeQuote = ZERO;
      if (before.abs().minus(closedAmount).lt(this.dust) || closedAmount.eq(before.abs())) {
        closed = this.closeTrade(fill.atMs);
      }
    }
    if (openedAmount.gt(0)) this.open(openedAmount, price, fill, feeQuote);
    this.units = before.plus(signed).minus(feeBase);
    this.unitsNumber = this.units.toNumber();
    if (this.units.eq(0)) this.entry = ZERO;
    this.averageEntry = this.entry.toNumber();
    this.realised = this.profit.toNumber();
    if (this.markPrice === 0) this.markPrice = price.toNumber();
    return { cashDelta, closed };
  }

  private open(amount: Decimal, price: Decimal, fill: Fill, feeQuote: Decimal): void {
    const fresh = this.tradeEntryNotional.eq(0);
    if (fresh) {
      this.tradeOpenedAtMs = fill.atMs;
      this.tradeDirection = fill.side === 'buy' ? 'long' : 'short';
    }
    // After a reversal only the part beyond flat carries the new entry price.
    const held = fresh ? ZERO : this.units.abs();
    this.entry = held.times(this.entry).plus(amount.times(price)).div(held.plus(amount));
    this.tradeEntryNotional = this.tradeEntryNotional.plus(amount.times(price));
    this.tradeFees = this.tradeFees.plus(feeQuote);
  }

  /**
   * Null where no trade was open: less than a step is left of the one before, and a fill (one whose entry is not known yet,
   * say) went through it.
   */
  private closeTrade(atMs: number): ClosedTrade | null {
    const profit = this.tradeProfit.minus(this.tradeFees);
    const trade: ClosedTrade | null = this.tradeEntryNotional.eq(0) ? null : this.closedTrade(atMs, profit);
    this.tradeProfit = ZERO;
    this.tradeFees = ZERO;
    this.tradeEntryNotional = ZERO;
    this.entry = ZERO;
    return trade;
  }

  private closedTrade(atMs: number, profit: Decimal): ClosedTrade {
    return {
      exchange: this.exchange,
      symbol: this.symbol,
      direction: this.tradeDirection,
      openedAtMs: this.tradeOpenedAtMs,
      closedAtMs: atMs,
      entryNotional: this.tradeEntryNotional.toNumber(),
      profit: profit.toNumber(),
      fees: this.tradeFees.toNumber(),
      returnFraction: profit.div(this.tradeEntryNotional).toNumber(),
      exact: { entryNotional: this.tradeEntryNotional, profit, fees: this.tradeFees },
    };
  }
}

function minimum(a: Decimal, b: Decimal): Decimal {
  return a.lt(b) ? a : b;
}
