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

/**
 * Fills a market order at the quote's ask or bid, whole or as far as `availableOf` allows; an immediate-or-cancel limit
 * order only if the quote is at its limit or better. The fee is the taker's, in quote currency. On spot nothing is sold
 * that is not held and nothing bought that cannot be paid for, fee included; a swap needs no balance here, since its
 * exposure is the gate's cap.
 */
export function createPaperBroker(options: PaperBrokerOptions): PaperBroker {
  const balances = new Map<string, Decimal>();
  const reports = new Map<string, OrderReport>();
  const clientFills = new Map<string, Fill[]>();
  for (const [currency, total] of Object.entries(options.startBalances))
    balances.set(currency, decimal(total));

  const held = (currency: string): Decimal => balances.get(currency) ?? decimal(0);
  const add = (currency: string, amount: Decimal): void => {
    balances.set(currency, held(currency).plus(amount));
  };

  function book(fill: Fill): void {
    for (const [currency, amount] of movementsOf(fill)) add(currency, amount);
  }

  function report(order: OrderRequest, status: OrderReport['status'], fills: readonly Fill[]): OrderReport {
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
      atMs: options.clock.wallMs(),
    };
    reports.set(order.clientOrderId, result);
    return result;
  }

  const reject = (message: string) => ({ kind: 'rejected' as const, message });

  function execute(order: OrderRequest, quote: Quote): SubmitResult {
    const known = reports.get(order.clientOrderId);
    if (known) return reject(`client order id ${order.clientOrderId} was used before`);
    const rules = options.rulesOf(order.symbol);
    if (!rules) return reject(`${options.exchange} does not list ${order.symbol}`);
    if (options.isClosed?.(order.symbol))
      return { ...reject(`${order.symbol} is closed at ${options.exchange}`), about: 'closed' };
    const price = order.side === 'buy' ? quote.ask : quote.bid;
    if (!(price > 0 && Number.isFinite(price))) return reject(`no price to fill ${order.symbol} at`);
    if (order.type === 'limit_ioc') {
      if (order.limitPrice === undefined) return reject('a limit order needs a limit price');
      const beyond =
        order.side === 'buy' ? decimal(price).gt(order.limitPrice) : decimal(price).lt(order.limitPrice);
      if (beyond) return { kind: 'report', report: report(order, 'expired', []) };
    }
    const wanted = decimal(order.amount);
    const available = options.availableOf?.(order.symbol, order.side);
    const amount =
      available !== undefined && wanted.gt(available)
        ? floorToStep(decimal(available), decimal(rules.amountStep))
        : wanted;
    if (!amount.gt(0)) return { kind: 'report', report: report(order, 'expired', []) };

    const { base, quote: quoteCurrency } = currenciesOf(order.symbol);
    const notional = amount.times(decimal(price));
    const fee = notional.times(rules.takerFeeRate);
    if (rules.kind === 'spot') {
      const short = order.side === 'buy' ? held(quoteCurrency).lt(notional.plus(fee)) : held(base).lt(amount);
      if (short) {
        const currency = order.side === 'buy' ? quoteCurrency : base;
        return reject(`insufficient balance: ${text(held(currency))} ${currency}`);
      }
    }
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
    book(fill);
    return { kind: 'report', report: report(order, amount.eq(wanted) ? 'filled' : 'expired', [fill]) };
  }

  return {
    exchange: options.exchange,
    kind: 'paper',
    execute,
    create: async (order, quote) => execute(order, quote),
    async find(clientOrderId) {
      const known = reports.get(clientOrderId);
      if (known) return known;
      // After a restart only the fills are left of an order, which says how much of it was done.
      const fills = clientFills.get(clientOrderId);
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
    },
    async cancel() {
      // Nothing rests on paper: an order is filled or expired before `create` answers.
    },
    openOrders: async () => [],
    history: async (symbols, sinceMs) =>
      [...reports.values()].filter(({ symbol, atMs }) => symbols.includes(symbol) && atMs >= sinceMs),
    transfers: async () => [],
    balances: async () =>
      [...balances].map(
        ([currency, total]): Balance => ({ currency, free: text(total), total: text(total) }),
      ),
    restore(fills) {
      for (const fill of fills) {
        if (fill.exchange !== options.exchange) continue;
        book(fill);
        const list = clientFills.get(fill.clientOrderId);
        if (list) list.push(fill);
        else clientFills.set(fill.clientOrderId, [fill]);
      }
    },
  };
}
