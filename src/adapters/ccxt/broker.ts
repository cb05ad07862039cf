import { fault, messageOf } from '../../core/errors.js';
import { inFlightMaxMsOf } from '../../core/in-flight.js';
import { type Decimal, decimal, text } from '../../core/money.js';
import type { OrderReport, OrderRequest } from '../../core/order.js';
import type { CapitalFlow } from '../../core/records.js';
import { isDerivative } from '../../core/symbol.js';
import type { AskOptions, Balance, Broker, SubmitResult } from '../../ports/broker.js';
import { listOrders, listTransfers } from './account-history.js';
import type { CcxtOrder, CcxtTrade, Figure } from './ccxt-module.js';
import { type BeforeCreateLeaves, type CreateAttempt, createAttempts } from './create-attempt.js';
import { createFailure } from './create-failure.js';
import type { ConnectedExchange } from './exchange.js';
import { loadedMarkets } from './market-rules.js';
import { takesImmediateOrCancel, takesProtectiveStops } from './order-kinds.js';
import { orderReport, tradesComplete } from './order-report.js';
import { urgentRequests } from './request-hold.js';

export interface BrokerOptions {
  /** See {@link BeforeCreateLeaves}: after all of ccxt's queueing and signing, on a connection that stands. */
  readonly beforeCreateLeaves: BeforeCreateLeaves;
}

/** Orders at a real exchange (or the simulator) over REST. See Broker for the contract. */
export function createCcxtBroker(exchange: ConnectedExchange, options: BrokerOptions): Broker {
  return new CcxtBroker(exchange, options.beforeCreateLeaves);
}

/** Errors of the language, which no refusal and no line throws. */
const BROKEN = [SyntaxError, TypeError, RangeError];

class CcxtBroker implements Broker {
  readonly exchange: string;
  readonly kind = 'live';
  readonly inFlightMaxMs: number;
  readonly #connection: ConnectedExchange;
  readonly #mayLeave: BeforeCreateLeaves;
  /** What an earlier process sent may still arrive, too. */
  #lastSentMs: number;
  readonly #underWay = new Set<CreateAttempt>();

  constructor(connection: ConnectedExchange, mayLeave: BeforeCreateLeaves) {
    this.exchange = connection.id;
    this.#lastSentMs = connection.clock.monotonicMs();
    this.inFlightMaxMs = inFlightMaxMsOf(connection.dialect.acceptedForMs);
    this.#connection = connection;
    this.#mayLeave = mayLeave;
  }

  async create(order: OrderRequest): Promise<SubmitResult> {
    const { api, errors, dialect, ids } = this.#connection;
    const attempt: CreateAttempt = {
      mayLeave: () => this.#mayLeave(order),
      epoch: order.permitEpoch ?? 0,
      entered: false,
      sent: 0,
      status: null,
      retryAfterMs: null,
    };
    this.#underWay.add(attempt);
    try {
      // Markets are loaded outside of the attempt: only what follows is the create request.
      await loadedMarkets(api);
      const misfit = this.#misfit(order);
      if (misfit !== null) return { kind: 'not_placed', message: misfit, retryable: false, about: 'rules' };
      const placed = await createAttempts.run(attempt, () =>
        api.createOrder(
          order.symbol,
          order.type === 'limit_ioc' ? 'limit' : 'market',
          order.side,
          order.amount,
          order.limitPrice,
          {
            ...dialect.createId(ids.toWire(order.clientOrderId)),
            ...(order.type === 'limit_ioc' && { timeInForce: dialect.immediateOrCancel }),
            ...(order.type === 'stop' && { stopLossPrice: order.triggerPrice }),
            // Where a position is no balance the exchange itself must hold what closes it to what is open: a position that
            // a stop, a liquidation or a hand has closed meanwhile would be turned round instead.
            ...((order.type === 'stop' || order.reducing) &&
              isDerivative(order.symbol) && { reduceOnly: true }),
          },
        ),
      );
      return await this.#answered(order, placed);
    } catch (error) {
      return createFailure(error, attempt, errors, dialect);
    } finally {
      this.#noteSent(attempt);
      this.#underWay.delete(attempt);
    }
  }

  async find(clientOrderId: string, symbol: string): Promise<OrderReport | undefined> {
    return this.#ask('order', clientOrderId, async () => {
      const order = await this.#lookUp(clientOrderId, symbol);
      return order && this.#report(order, clientOrderId, symbol);
    });
  }

  /** By the exchange's own look-up, where it has one, and then in its lists. */
  async #lookUp(clientOrderId: string, symbol: string): Promise<CcxtOrder | undefined> {
    const { api, errors, dialect, ids } = this.#connection;
    const pick = (orders: readonly CcxtOrder[]) =>
      orders.find((order) => ids.fromWire(order.clientOrderId ?? '') === clientOrderId);
    const look = { symbol, wireId: ids.toWire(clientOrderId), pick };
    try {
      const order = await dialect.find?.(api, look);
      if (order !== undefined) return this.#ownOrder(order, clientOrderId);
      if (dialect.find !== null) return undefined;
    } catch (error) {
      if (!(error instanceof errors.OrderNotFound)) throw error;
    }
    const open = pick(await api.fetchOpenOrders(symbol));
    if (open !== undefined || !api.has.fetchClosedOrders) return open;
    return pick(await api.fetchClosedOrders(symbol));
  }

  /** An answer about another order than the one that was asked for says nothing. */
  #ownOrder(order: CcxtOrder, clientOrderId: string): CcxtOrder {
    const given = this.#connection.ids.fromWire(order.clientOrderId ?? '');
    if (given === '' || given === clientOrderId) return order;
    throw this.#connection.garbled('order', `is about ${given} where ${clientOrderId} was asked for`);
  }

  /** An order that is not open any more needs no cancel: that is no fault; `find` tells what became of it. */
  async cancel(clientOrderId: string, symbol: string): Promise<void> {
    const { api, errors, dialect, ids } = this.#connection;
    await this.#ask('cancel', clientOrderId, async () => {
      try {
        await urgentRequests.run(true, async () => {
          if (dialect.cancelBy === 'clientId')
            return api.cancelOrder('', symbol, { clientOrderId: ids.toWire(clientOrderId) });
          const order = (await api.fetchOpenOrders(symbol)).find(
            (each) => ids.fromWire(each.clientOrderId ?? '') === clientOrderId,
          );
          return order?.id === undefined ? undefined : api.cancelOrder(order.id, symbol, {});
        });
      } catch (error) {
        if (!(error instanceof errors.OrderNotFound)) throw error;
      }
    });
  }

  async openOrders(symbols: readonly string[], { urgent }: AskOptions = {}): Promise<readonly OrderReport[]> {
    const { api, dialect, ids } = this.#connection;
    const reports: OrderReport[] = [];
    for (const asked of symbols.length === 0 || dialect.openOrdersOfAccount ? [undefined] : symbols) {
      const orders = await this.#ask('open orders', asked ?? 'account', () =>
        urgentRequests.run(urgent ?? urgentRequests.getStore(), () => api.fetchOpenOrders(asked)),
      );
      for (const order of orders) {
        const id = ids.fromWire(order.clientOrderId ?? '');
        const symbol = asked ?? order.symbol ?? '';
        if (symbols.length > 0 && !symbols.includes(symbol)) continue;
        reports.push(await this.#ask('order', id, () => this.#report(order, id, symbol)));
      }
    }
    return reports;
  }

  async history(
    symbols: readonly string[],
    sinceMs: number,
    { urgent }: AskOptions = {},
  ): Promise<readonly OrderReport[]> {
    const { clock, dialect, ids } = this.#connection;
    const reports: OrderReport[] = [];
    for (const asked of dialect.historyOfAccount ? [undefined] : symbols) {
      const listed = await this.#ask('orders', asked ?? 'account', () =>
        urgentRequests.run(urgent ?? urgentRequests.getStore(), () =>
          listOrders(this.#connection, asked, sinceMs, clock.wallMs()),
        ),
      );
      for (const { order, trades } of listed) {
        const id = ids.fromWire(order.clientOrderId ?? '');
        const symbol = asked ?? order.symbol ?? '';
        if (!symbols.includes(symbol)) continue;
        reports.push(await this.#ask('order', id, () => this.#report(order, id, symbol, trades)));
      }
    }
    return reports;
  }

  async transfers(sinceMs: number): Promise<readonly CapitalFlow[] | null> {
    return this.#ask('deposits and withdrawals', 'account', () =>
      listTransfers(this.#connection, sinceMs, this.#connection.clock.wallMs()),
    );
  }

  async balances(): Promise<readonly Balance[]> {
    const balance = await this.#ask('balances', 'account', () => this.#connection.api.fetchBalance());
    return this.#read('balances', () => this.#coinsOf(balance));
  }

  #coinsOf(balance: Readonly<Record<string, unknown>>): readonly Balance[] {
    const free = balance.free as Readonly<Record<string, Figure | undefined>>;
    const total = balance.total as Readonly<Record<string, Figure | undefined>>;
    const { walletSuffixes } = this.#connection.dialect;
    const coinOf = (code: string) => {
      const suffix = walletSuffixes.find((each) => code.endsWith(each));
      return suffix === undefined ? code : code.slice(0, -suffix.length);
    };
    const sums = new Map<string, { free: Decimal; total: Decimal }>();
    for (const code of Object.keys(total)) {
      const sum = sums.get(coinOf(code)) ?? { free: decimal(0), total: decimal(0) };
      sums.set(coinOf(code), {
        free: sum.free.plus(free[code] ?? 0),
        total: sum.total.plus(total[code] ?? 0),
      });
    }
    return [...sums].map(([currency, sum]) => ({
      currency,
      free: text(sum.free),
      total: text(sum.total),
    }));
  }

  readonly mayStillArriveForMs = (): number => {
    for (const attempt of this.#underWay) this.#noteSent(attempt);
    return Math.max(0, this.#lastSentMs + this.inFlightMaxMs - this.#connection.clock.monotonicMs());
  };

  takesStops(symbol: string): boolean {
    return takesProtectiveStops(this.#connection, symbol);
  }

  /** ccxt rounds to the market's steps by itself; an order that this would change is not the one that was decided. */
  #misfit(order: OrderRequest): string | null {
    const { api } = this.#connection;
    const amount = api.amountToPrecision(order.symbol, order.amount);
    if (!decimal(amount).eq(order.amount)) {
      return `amount ${order.amount} is not on the step of ${order.symbol}: ccxt would send ${amount}`;
    }
    if (order.type === 'market') return null;
    if (order.type === 'stop') {
      if (order.triggerPrice === undefined) return 'a stop needs its trigger price';
      if (!this.takesStops(order.symbol)) return `ccxt cannot place and follow stops on ${order.symbol}`;
      const trigger = api.priceToPrecision(order.symbol, order.triggerPrice);
      if (decimal(trigger).eq(order.triggerPrice)) return null;
      return `trigger ${order.triggerPrice} is not on the tick of ${order.symbol}: ccxt would send ${trigger}`;
    }
    if (order.limitPrice === undefined) return 'a limit order needs its limit price';
    if (!takesImmediateOrCancel(this.#connection, order.symbol)) {
      return `ccxt cannot place limit orders on ${order.symbol} whose remainder is cancelled immediately (IOC)`;
    }
    const price = api.priceToPrecision(order.symbol, order.limitPrice);
    if (!decimal(price).eq(order.limitPrice)) {
      return `price ${order.limitPrice} is not on the tick of ${order.symbol}: ccxt would send ${price}`;
    }
    return null;
  }

  #noteSent({ sent }: CreateAttempt): void {
    if (sent > 0) this.#lastSentMs = this.#connection.clock.monotonicMs();
  }

  /** The exchange took the order; if its answer cannot be read in full, the order is there all the same. */
  async #answered(order: OrderRequest, placed: CcxtOrder): Promise<SubmitResult> {
    if (placed.id === undefined)
      return { kind: 'ambiguous', message: 'the exchange answered without order id' };
    try {
      const { clientOrderId, symbol } = order;
      // Many exchanges answer with an id alone: that order is there, and what became of it is asked at once, once.
      const known = placed.status === undefined ? await this.#placed(placed.id, symbol) : placed;
      let report = await this.#report(this.#ownOrder(known, clientOrderId), clientOrderId, symbol);
      if (
        order.type === 'limit_ioc' &&
        (report.status === 'accepted' || report.status === 'partially_filled')
      ) {
        // It should have ended by itself, and rests: an exchange, or ccxt for it, took it for another kind of order.
        await this.cancel(clientOrderId, symbol);
        report = (await this.find(clientOrderId, symbol)) ?? report;
      }
      if (report.status === 'unknown')
        return { kind: 'ambiguous', message: `placed as ${placed.id}, and its status is not known` };
      return { kind: 'report', report };
    } catch (error) {
      return { kind: 'ambiguous', message: `placed, but not all of it could be read: ${messageOf(error)}` };
    }
  }

  async #placed(id: string, symbol: string): Promise<CcxtOrder> {
    const { api, dialect } = this.#connection;
    const order = await dialect.findById(api, id, symbol);
    if (order?.status === undefined) throw new Error(`order ${id} was not found just after it was placed`);
    return order;
  }

  async #report(
    order: CcxtOrder,
    clientOrderId: string,
    symbol: string,
    known: readonly CcxtTrade[] = [],
  ): Promise<OrderReport> {
    const { id: exchange, clock, api, dialect } = this.#connection;
    let trades: readonly CcxtTrade[] = known.length > 0 ? known : (order.trades ?? []);
    if (!this.#read('order', () => tradesComplete(order, trades)))
      trades = await dialect.tradesOf(api, order, symbol);
    return this.#read('order', () =>
      orderReport({ exchange, clientOrderId, symbol, order, trades, nowMs: clock.wallMs() }),
    );
  }

  /** What cannot be read as what it should be is counted, and never believed. */
  #read<T>(place: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#connection.garbled(place, `cannot be read: ${messageOf(error)}`);
    }
  }

  async #ask<T>(what: string, which: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      // ccxt stumbles over what is not the number or the object that it reads.
      const cause = BROKEN.some((kind) => error instanceof kind)
        ? this.#connection.garbled(what, `cannot be read: ${messageOf(error)}`)
        : error;
      throw fault(
        'E_BROKER_REQUEST',
        `${this.exchange}: ${what} ${which}: ${messageOf(cause)}`,
        'the box keeps trying; check keys, line and the status page of the exchange if it lasts',
        cause,
      );
    }
  }
}
