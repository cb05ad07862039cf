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
export interface Portfolio {
  /** Takes a fill in; false when this fill (by exchange, symbol and id) was already in. */
  apply(fill: Fill): boolean;
  /** Whether this fill is in. */
  knows(fill: Fill): boolean;
  /** Takes a deposit or withdrawal of the quote currency in. */
  applyFlow(flow: CapitalFlow): void;
  /** The book of one symbol; made on first use. */
  book(exchange: string, symbol: string): PositionBook;
  /** All books that ever had a fill or were asked for. */
  books(): readonly PositionBook[];
  /** Cash plus every position at its mark price, in quote units. */
  equity(): number;
  cash(): number;
  /** What flows and fills of an exchange added up to, in quote units: its cash beyond what it began with. */
  cashMoved(exchange: string): number;
  statistics(): TradeStatistics;
  /** All closed trades and all fees added up. */
  soFar(): TradesSoFar;
  /** Closed trades, oldest first. */
  trades(): readonly ClosedTrade[];
  /** What all fills of an exchange together moved, by currency: bought and sold, paid and received, fees taken off. */
  moved(exchange: string): ReadonlyMap<string, Decimal>;
  /** Fees by currency, decimal text: in quote what is known in quote, and by itself what has no price. */
  fees(): Readonly<Record<string, string>>;
  /** The fill with the price of its fee's currency, where that is a third one which is traded here too. */
  valued(fill: Fill): Fill;
}

export function createPortfolio(options: PortfolioOptions): Portfolio {
  const byName = new Map<string, FillBook>();
  const books: FillBook[] = [];
  /** Of `books`, in their order, those that hold something: an empty one adds nothing to equity. */
  let holding: readonly FillBook[] = [];
  const seen = new Set<string>();
  const trades: ClosedTrade[] = [];
  const movements = new Map<string, Map<string, Decimal>>();
  const fees = new Map<string, Decimal>();
  let cash = decimal(options.startCash);
  let cashNumber = cash.toNumber();
  const cashByExchange = new Map<string, Decimal>();
  let profit = decimal(0);
  let wins = 0;
  let winSum = 0;
  let losses = 0;
  let lossSum = 0;

  function bookOf(exchange: string, symbol: string): FillBook {
    const name = `${exchange}:${symbol}`;
    let book = byName.get(name);
    if (!book) {
      book = new FillBook(exchange, symbol, options.amountStepOf?.(exchange, symbol));
      byName.set(name, book);
      books.push(book);
    }
    return book;
  }

  function addCash(exchange: string, amount: Decimal): void {
    cash = cash.plus(amount);
    cashNumber = cash.toNumber();
    addTo(cashByExchange, exchange, amount);
  }

  function move(fill: Fill, quote: string): void {
    let moved = movements.get(fill.exchange);
    if (!moved) {
      moved = new Map();
      movements.set(fill.exchange, moved);
    }
    for (const [currency, amount] of movementsOf(fill)) {
      addTo(moved, currency, amount);
      if (currency === quote) addCash(fill.exchange, amount);
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

  return {
    apply(fill) {
      const id = idOf(fill);
      if (seen.has(id)) return false;
      const book = bookOf(fill.exchange, fill.symbol);
      const figures = figuresOf(fill, book);
      const { price, amount, fee, feeQuote } = figures;
      invariant(price.gt(0), `fill ${id} at a price of ${fill.price}`);
      invariant(amount.gt(0), `fill ${id} of an amount of ${fill.amount}`);
      seen.add(id);
      move(fill, book.quote);
      const closed = book.apply(fill, figures);
      holding = books.filter((book) => book.unitsNumber !== 0);
      addTo(fees, feeQuote === null ? fill.feeCurrency : book.quote, feeQuote ?? fee);
      if (closed) {
        trades.push(closed);
        profit = profit.plus(closed.exact.profit);
        if (closed.returnFraction > 0) {
          wins++;
          winSum += closed.returnFraction;
        } else if (closed.returnFraction < 0) {
          losses++;
          lossSum -= closed.returnFraction;
        }
      }
      return true;
    },
    knows: (fill) => seen.has(idOf(fill)),
    applyFlow(flow) {
      addCash(flow.exchange, decimal(flow.amount));
    },
    book: bookOf,
    books: () => books,
    equity() {
      let equity = cashNumber;
      for (const book of holding) equity += book.unitsNumber * book.markPrice;
      return equity;
    },
    cash: () => cashNumber,
    cashMoved: (exchange) => cashByExchange.get(exchange)?.toNumber() ?? 0,
    statistics: () => ({
      closedTrades: trades.length,
      averageWin: wins === 0 ? 0 : winSum / wins,
      averageLoss: losses === 0 ? 0 : lossSum / losses,
    }),
    soFar: () => ({ closed: trades.length, profit: text(profit), fees: textOf(fees) }),
    trades: () => trades,
    moved: (exchange) => movements.get(exchange) ?? new Map(),
    fees: () => textOf(fees),
    valued(fill) {
      const symbol = feeSymbolOf(fill);
      if (symbol === null || fill.feePrice !== undefined) return fill;
      const { markPrice } = byName.get(`${fill.exchange}:${symbol}`) ?? { markPrice: 0 };
      return markPrice > 0 ? { ...fill, feePrice: feePriceText(markPrice) } : fill;
    },
  };
}

/** An exchange numbers its fills symbol by symbol: the symbol belongs to the key. */
function idOf(fill: Fill): string {
  return `${fill.exchange}:${fill.symbol}:${fill.fillId}`;
}
