import { invariant } from '../core/errors.js';
import { feePriceText, feeSymbolOf } from '../core/fee-price.js';
import { type Decimal, decimal, text } from '../core/money.js';
import type { Fill } from '../core/order.js';
import type { CapitalFlow, TradesSoFar } from '../core/records.js';
import { movementsOf } from './movements.js';
import { FillBook, type FillFigures, type PositionBook } from './position.js';
import { addTo, type ClosedTrade, textOf } from './trade.js';

export interface PortfolioOptions {
  /** Cash before the first fill, in quote units. */
  readonly startCash: string;
  /** Least step of an amount, where known: what is smaller than it after a close counts as flat. */
  readonly amountStepOf?: (exchange: string, symbol: string) => string | undefined;
}

/** Average win and loss of the closed trades, as fractions of their entries. */
export interface TradeStatistics {
  readonly closedTrades: number;
  /** Mean return of the winners; 0 when there is none. */
  readonly averageWin: number;
  /** Mean loss of the losers as a positive number; 0 when there is none. */
  readonly averageLoss: number;
}

/**
 * Cash, positions and profit, derived from fills in decimal arithmetic and from nothing else. The same fills in the same
 * order give the same figures to the last bit, so a restart restores it by giving it the stored fills.
 */
export class Portfolio {
  readonly #amountStepOf: PortfolioOptions['amountStepOf'];
  readonly #byName = new Map<string, FillBook>();
  readonly #books: FillBook[] = [];
  /** Of `#books`, in their order, those that hold something: an empty one adds nothing to equity. */
  #holding: readonly FillBook[] = [];
  readonly #seen = new Set<string>();
  readonly #trades: ClosedTrade[] = [];
  readonly #movements = new Map<string, Map<string, Decimal>>();
  readonly #fees = new Map<string, Decimal>();
  #cash: Decimal;
  #cashNumber: number;
  readonly #cashByExchange = new Map<string, Decimal>();
  #profit = decimal(0);
  #wins = 0;
  #winSum = 0;
  #losses = 0;
  #lossSum = 0;

  constructor({ startCash, amountStepOf }: PortfolioOptions) {
    this.#amountStepOf = amountStepOf;
    this.#cash = decimal(startCash);
    this.#cashNumber = this.#cash.toNumber();
  }

  /** Takes a fill in; false when this fill (by exchange, symbol and id) was already in. */
  apply(fill: Fill): boolean {
    const id = idOf(fill);
    if (this.#seen.has(id)) return false;
    const book = this.#bookOf(fill.exchange, fill.symbol);
    const figures = figuresOf(fill, book);
    const { price, amount, fee, feeQuote } = figures;
    invariant(price.gt(0), `fill ${id} at a price of ${fill.price}`);
    invariant(amount.gt(0), `fill ${id} of an amount of ${fill.amount}`);
    this.#seen.add(id);
    this.#move(fill, book.quote);
    const closed = book.apply(fill, figures);
    this.#holding = this.#books.filter((book) => book.unitsNumber !== 0);
    addTo(this.#fees, feeQuote === null ? fill.feeCurrency : book.quote, feeQuote ?? fee);
    if (closed) this.#count(closed);
    return true;
  }

  /** Whether this fill is in. */
  knows(fill: Fill): boolean {
    return this.#seen.has(idOf(fill));
  }

  /** Takes a deposit or withdrawal of the quote currency in. */
  applyFlow(flow: CapitalFlow): void {
    this.#addCash(flow.exchange, decimal(flow.amount));
  }

  /** The book of one symbol; made on first use. */
  book(exchange: string, symbol: string): PositionBook {
    return this.#bookOf(exchange, symbol);
  }

  /** All books that ever had a fill or were asked for. */
  books(): readonly PositionBook[] {
    return this.#books;
  }

  /** Cash plus every position at its mark price, in quote units. */
  equity(): number {
    let equity = this.#cashNumber;
    for (const book of this.#holding) equity += book.unitsNumber * book.markPrice;
    return equity;
  }

  cash(): number {
    return this.#cashNumber;
  }

  /** What flows and fills of an exchange added up to, in quote units: its cash beyond what it began with. */
  cashMoved(exchange: string): number {
    return this.#cashByExchange.get(exchange)?.toNumber() ?? 0;
  }

  statistics(): TradeStatistics {
    return {
      closedTrades: this.#trades.length,
      averageWin: this.#wins === 0 ? 0 : this.#winSum / this.#wins,
      averageLoss: this.#losses === 0 ? 0 : this.#lossSum / this.#losses,
    };
  }

  /** All closed trades and all fees added up. */
  soFar(): TradesSoFar {
    return { closed: this.#trades.length, profit: text(this.#profit), fees: textOf(this.#fees) };
  }

  /** Closed trades, oldest first. */
  trades(): readonly ClosedTrade[] {
    return this.#trades;
  }

  /** What all fills of an exchange together moved, by currency: bought and sold, paid and received, fees taken off. */
  moved(exchange: string): ReadonlyMap<string, Decimal> {
    return this.#movements.get(exchange) ?? new Map();
  }

  /** Fees by currency, decimal text: in quote what is known in quote, and by itself what has no price. */
  fees(): Readonly<Record<string, string>> {
    return textOf(this.#fees);
  }

  /** The fill with the price of its fee's currency, where that is a third one which is traded here too. */
  valued(fill: Fill): Fill {
    const symbol = feeSymbolOf(fill);
    if (symbol === null || fill.feePrice !== undefined) return fill;
    const { markPrice } = this.#byName.get(`${fill.exchange}:${symbol}`) ?? { markPrice: 0 };
    return markPrice > 0 ? { ...fill, feePrice: feePriceText(markPrice) } : fill;
  }

  #bookOf(exchange: string, symbol: string): FillBook {
    const name = `${exchange}:${symbol}`;
    let book = this.#byName.get(name);
    if (!book) {
      book = new FillBook(exchange, symbol, this.#amountStepOf?.(exchange, symbol));
      this.#byName.set(name, book);
      this.#books.push(book);
    }
    return book;
  }

  #addCash(exchange: string, amount: Decimal): void {
    this.#cash = this.#cash.plus(amount);
    this.#cashNumber = this.#cash.toNumber();
    addTo(this.#cashByExchange, exchange, amount);
  }

  #move(fill: Fill, quote: string): void {
    let moved = this.#movements.get(fill.exchange);
    if (!moved) {
      moved = new Map();
      this.#movements.set(fill.exchange, moved);
    }
    for (const [currency, amount] of movementsOf(fill)) {
      addTo(moved, currency, amount);
      if (currency === quote) this.#addCash(fill.exchange, amount);
    }
  }

  #count(closed: ClosedTrade): void {
    this.#trades.push(closed);
    this.#profit = this.#profit.plus(closed.exact.profit);
    if (closed.returnFraction > 0) {
      this.#wins++;
      this.#winSum += closed.returnFraction;
    } else if (closed.returnFraction < 0) {
      this.#losses++;
      this.#lossSum -= closed.returnFraction;
    }
  }
}

function figuresOf(fill: Fill, { base, quote }: PositionBook): FillFigures {
  const [price, amount, fee] = [decimal(fill.price), decimal(fill.amount), decimal(fill.fee)];
  const { feeCurrency, feePrice } = fill;
  let feeQuote: Decimal | null = null;
  if (feeCurrency === quote || fee.eq(0)) feeQuote = fee;
  else if (feeCurrency === base) feeQuote = fee.times(price);
  else if (feePrice !== undefined) feeQuote = fee.times(feePrice);
  return { price, amount, fee, feeQuote };
}

/** An exchange numbers its fills symbol by symbol: the symbol belongs to the key. */
function idOf(fill: Fill): string {
  return `${fill.exchange}:${fill.symbol}:${fill.fillId}`;
}
