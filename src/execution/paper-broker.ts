import { type Decimal, decimal, floorToStep, text } from '../core/money.js';
import type { Fill, MarketRules, OrderReport, OrderRequest, Quote } from '../core/order.js';
import { currenciesOf } from '../core/symbol.js';
import { movementsOf } from '../portfolio/movements.js';
import type { Balance, Broker, SubmitResult } from '../ports/broker.js';
import type { Clock } from '../ports/time.js';

export interface PaperBrokerOptions {
  readonly exchange: string;
  readonly clock: Clock;
  /** Steps, minimums and taker fee of a symbol; undefined = not listed. */
  readonly rulesOf: (symbol: string) => MarketRules | undefined;
  /** Whether the exchange takes no orders of the symbol now; absent = never. */
  readonly isClosed?: (symbol: string) => boolean;
  /** Cash before the first fill, by currency, as decimal text. */
  readonly startBalances: Readonly<Record<string, string>>;
  /** Units of base that may trade at the quoted price; undefined = as many as asked for. What is beyond expires. */
  readonly availableOf?: (symbol: string, side: 'buy' | 'sell') => string | undefined;
}

/** A broker that fills at once at the quoted price, from the balances its own fills left. Never at a price of 0. */
export interface PaperBroker extends Broker {
  readonly kind: 'paper';
  /** Takes up the balances and orders that earlier fills left; to be called before the first order. */
  restore(fills: readonly Fill[]): void;
  /** What `create` answers, at once. For a broker around this one that lets orders rest after they came through the gate. */
  execute(order: OrderRequest, quote: Quote): SubmitResult;
}

/** What an account on paper holds, and what became of its orders. */
class PaperLedger {
  readonly #options: PaperBrokerOptions;
  readonly #balances = new Map<string, Decimal>();
  readonly #reports = new Map<string, OrderReport>();
  /** Fills of earlier lives, by order. */
  readonly #clientFills = new Map<string, Fill[]>();

  constructor(options: PaperBrokerOptions) {
    this.#options = options;
    for (const [currency, total] of Object.entries(options.startBalances))
      this.#balances.set(currency, decimal(total));
  }

  held(currency: string): Decimal {
    return this.#balances.get(currency) ?? decimal(0);
  }

  book(fill: Fill): void {
    for (const [currency, amount] of movementsOf(fill))
      this.#balances.set(currency, this.held(currency).plus(amount));
  }

  knows(clientOrderId: string): boolean {
    return this.#reports.has(clientOrderId);
  }

  report(order: OrderRequest, status: OrderReport['status'], fills: readonly Fill[]): OrderReport {
    const filled = fills.reduce((sum, fill) => sum.plus(fill.amount), decimal(0));
    const result: OrderReport = {
      clientOrderId: order.clientOrderId,
      exchangeOrderId: `paper-${order.clientOrderId}`,
      symbol: order.symbol,
      side: order.side,
      status,
      amount: order.amount,
      filled: text(filled),
      averagePrice: fills[0]?.price ?? null,
      fills,
      atMs: this.#options.clock.wallMs(),
    };
    this.#reports.set(order.clientOrderId, result);
    return result;
  }

  find(clientOrderId: string): OrderReport | undefined {
    const known = this.#reports.get(clientOrderId);
    if (known) return known;
    // After a restart only the fills are left of an order, which says how much of it was done.
    const fills = this.#clientFills.get(clientOrderId);
    const first = fills?.[0];
    if (!fills || !first) return undefined;
    const filled = text(fills.reduce((sum, fill) => sum.plus(fill.amount), decimal(0)));
    return {
      clientOrderId,
      exchangeOrderId: `paper-${clientOrderId}`,
      symbol: first.symbol,
      side: first.side,
      status: 'expired',
      amount: filled,
      filled,
      averagePrice: first.price,
      fills,
      atMs: first.atMs,
    };
  }

  history(symbols: readonly string[], sinceMs: number): readonly OrderReport[] {
    return [...this.#reports.values()].filter(
      ({ symbol, atMs }) => symbols.includes(symbol) && atMs >= sinceMs,
    );
  }

  balances(): readonly Balance[] {
    return [...this.#balances].map(
      ([currency, total]): Balance => ({ currency, free: text(total), total: text(total) }),
    );
  }

  restore(fills: readonly Fill[]): void {
    for (const fill of fills) {
      if (fill.exchange !== this.#options.exchange) continue;
      this.book(fill);
      const list = this.#clientFills.get(fill.clientOrderId);
      if (list) list.push(fill);
      else this.#clientFills.set(fill.clientOrderId, [fill]);
    }
  }
}

const reject = (message: string) => ({ kind: 'rejected' as const, message });

/** Why an order cannot be filled at this price at all; null where it can. */
function rejection(
  order: OrderRequest,
  price: number,
  options: PaperBrokerOptions,
  ledger: PaperLedger,
): SubmitResult | null {
  if (ledger.knows(order.clientOrderId))
    return reject(`client order id ${order.clientOrderId} was used before`);
  if (!options.rulesOf(order.symbol)) return reject(`${options.exchange} does not list ${order.symbol}`);
  if (options.isClosed?.(order.symbol))
    return { ...reject(`${order.symbol} is closed at ${options.exchange}`), about: 'closed' };
  if (!(price > 0 && Number.isFinite(price))) return reject(`no price to fill ${order.symbol} at`);
  if (order.type === 'limit_ioc' && order.limitPrice === undefined)
    return reject('a limit order needs a limit price');
  return null;
}

/** How much of an order is filled at this price: 0 beyond its limit, the rest expires where not all is available. */
function amountFilled(
  { type, side, symbol, limitPrice, amount }: OrderRequest,
  price: number,
  options: PaperBrokerOptions,
  rules: MarketRules,
): Decimal {
  if (type === 'limit_ioc') {
    const beyond = side === 'buy' ? decimal(price).gt(limitPrice!) : decimal(price).lt(limitPrice!);
    if (beyond) return decimal(0);
  }
  const wanted = decimal(amount);
  const available = options.availableOf?.(symbol, side);
  return available !== undefined && wanted.gt(available)
    ? floorToStep(decimal(available), decimal(rules.amountStep))
    : wanted;
}

/**
 * Fills a market order at the quote's ask or bid, whole or as far as `availableOf` allows; an immediate-or-cancel limit
 * order only if the quote is at its limit or better. The fee is the taker's, in quote currency. On spot nothing is sold
 * that is not held and nothing bought that cannot be paid for, fee included; a swap needs no balance here, since its
 * exposure is the gate's cap.
 */
export function createPaperBroker(options: PaperBrokerOptions): PaperBroker {
  const ledger = new PaperLedger(options);

  function execute(order: OrderRequest, quote: Quote): SubmitResult {
    const price = order.side === 'buy' ? quote.ask : quote.bid;
    const rejected = rejection(order, price, options, ledger);
    if (rejected !== null) return rejected;
    const rules = options.rulesOf(order.symbol)!;
    const amount = amountFilled(order, price, options, rules);
    if (!amount.gt(0)) return { kind: 'report', report: ledger.report(order, 'expired', []) };
    const { base, quote: quoteCurrency } = currenciesOf(order.symbol);
    const notional = amount.times(decimal(price));
    const fee = notional.times(rules.takerFeeRate);
    const [pays, cost] = order.side === 'buy' ? [quoteCurrency, notional.plus(fee)] : [base, amount];
    if (rules.kind === 'spot' && ledger.held(pays).lt(cost))
      return reject(`insufficient balance: ${text(ledger.held(pays))} ${pays}`);
    const fill: Fill = {
      fillId: `${order.clientOrderId}-1`,
      clientOrderId: order.clientOrderId,
      exchange: options.exchange,
      symbol: order.symbol,
      side: order.side,
      price: text(decimal(price)),
      amount: text(amount),
      fee: text(fee),
      feeCurrency: quoteCurrency,
      atMs: options.clock.wallMs(),
    };
    ledger.book(fill);
    const status = amount.eq(order.amount) ? 'filled' : 'expired';
    return { kind: 'report', report: ledger.report(order, status, [fill]) };
  }

  return {
    exchange: options.exchange,
    kind: 'paper',
    execute,
    create: async (order, quote) => execute(order, quote),
    find: async (clientOrderId) => ledger.find(clientOrderId),
    async cancel() {
      // Nothing rests on paper: an order is filled or expired before `create` answers.
    },
    openOrders: async () => [],
    history: async (symbols, sinceMs) => ledger.history(symbols, sinceMs),
    transfers: async () => [],
    balances: async () => ledger.balances(),
    restore: (fills) => ledger.restore(fills),
  };
}
