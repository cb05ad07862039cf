import { fault, messageOf } from '../../core/errors.js';
import { decimal, text } from '../../core/money.js';
import type { OrderReport, OrderRequest } from '../../core/order.js';
import { givenOrderId } from '../../core/order-owner.js';
import type { CapitalFlow } from '../../core/records.js';
import { isDerivative } from '../../core/symbol.js';
import type { Balance, Broker, SubmitResult } from '../../ports/broker.js';
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

class CcxtBroker implements Broker {
  readonly exchange: string;
  readonly kind = 'live';
  readonly #connection: ConnectedExchange;
  readonly #mayLeave: BeforeCreateLeaves;

  constructor(connection: ConnectedExchange, mayLeave: BeforeCreateLeaves) {
    this.exchange = connection.id;
    this.#connection = connection;
    this.#mayLeave = mayLeave;
  }

  async create(order: OrderRequest): Promise<SubmitResult> {
    const { api, errors } = this.#connection;
    const attempt: CreateAttempt = {
      mayLeave: () => this.#mayLeave(order),
      epoch: order.permitEpoch ?? 0,
      entered: false,
      sent: 0,
      status: null,
      retryAfterMs: null,
    };
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
            clientOrderId: order.clientOrderId,
            ...(order.type === 'limit_ioc' && { timeInForce: 'IOC' }),
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
      return createFailure(error, attempt, errors);
    }
  }

  async find(clientOrderId: string, symbol: string): Promise<OrderReport | undefined> {
    const { api, errors } = this.#connection;
    return this.#ask('order', clientOrderId, async () => {
      try {
        const order = await api.fetchOrder('', symbol, { clientOrderId });
        return await this.#report(order, clientOrderId, symbol);
      } catch (error) {
        if (!(error instanceof errors.OrderNotFound)) throw error;
      }
      for (const list of [
        () => api.fetchOpenOrders(symbol),
        ...(api.has.fetchClosedOrders ? [() => api.fetchClosedOrders(symbol)] : []),
      ]) {
        const order = (await list()).find(
          (candidate) => givenOrderId(candidate.clientOrderId ?? '') === clientOrderId,
        );
        if (order) return await this.#report(order, clientOrderId, symbol);
      }
      return undefined;
    });
  }

  /** An order that is not open any more needs no cancel: that is no fault; `find` tells what became of it. */
  async cancel(clientOrderId: string, symbol: string): Promise<void> {
    const { api, errors } = this.#connection;
    await this.#ask('cancel', clientOrderId, async () => {
      try {
        await urgentRequests.run(true, () => api.cancelOrder('', symbol, { clientOrderId }));
      } catch (error) {
        if (!(error instanceof errors.OrderNotFound)) throw error;
      }
    });
  }

  async openOrders(symbols: readonly string[]): Promise<readonly OrderReport[]> {
    const { api } = this.#connection;
    const reports: OrderReport[] = [];
    for (const asked of symbols.length === 0 ? [undefined] : symbols) {
      const orders = await this.#ask('open orders', asked ?? 'account', () => api.fetchOpenOrders(asked));
      for (const order of orders) {
        const id = givenOrderId(order.clientOrderId ?? '');
        const symbol = asked ?? order.symbol ?? '';
        reports.push(await this.#ask('order', id, () => this.#report(order, id, symbol)));
      }
    }
    return reports;
  }

  async history(symbols: readonly string[], sinceMs: number): Promise<readonly OrderReport[]> {
    const { api, clock } = this.#connection;
    const reports: OrderReport[] = [];
    for (const symbol of symbols) {
      const listed = await this.#ask('orders', symbol, () =>
        listOrders(api, symbol, sinceMs, clock.wallMs()),
      );
      for (const { order, trades } of listed) {
        const id = givenOrderId(order.clientOrderId ?? '');
        reports.push(await this.#ask('order', id, () => this.#report(order, id, symbol, trades)));
      }
    }
    return reports;
  }

  async transfers(sinceMs: number): Promise<readonly CapitalFlow[] | null> {
    return this.#ask('deposits and withdrawals', 'account', () =>
      listTransfers(this.#connection.api, this.exchange, sinceMs, this.#connection.clock.wallMs()),
    );
  }

  async balances(): Promise<readonly Balance[]> {
    const balance = await this.#ask('balances', 'account', () => this.#connection.api.fetchBalance());
    const free = balance.free as Readonly<Record<string, Figure | undefined>>;
    const total = balance.total as Readonly<Record<string, Figure | undefined>>;
    return Object.keys(total).map((currency) => ({
      currency,
      free: text(decimal(free[currency] ?? 0)),
      total: text(decimal(total[currency] ?? 0)),
    }));
  }

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

  /** The exchange took the order; if its answer cannot be read in full, the order is there all the same. */
  async #answered(order: OrderRequest, placed: CcxtOrder): Promise<SubmitResult> {
    if (placed.id === undefined || placed.status === undefined) {
      return { kind: 'ambiguous', message: 'the exchange answered without order id or status' };
    }
    try {
      return { kind: 'report', report: await this.#report(placed, order.clientOrderId, order.symbol) };
    } catch (error) {
      return { kind: 'ambiguous', message: `placed, but not all of it could be read: ${messageOf(error)}` };
    }
  }

  async #report(
    order: CcxtOrder,
    clientOrderId: string,
    symbol: string,
    known: readonly CcxtTrade[] = [],
  ): Promise<OrderReport> {
    let trades: readonly CcxtTrade[] = known.length > 0 ? known : (order.trades ?? []);
    if (!tradesComplete(order, trades)) trades = await this.#tradesOf(order, symbol);
    const { id: exchange, clock } = this.#connection;
    return orderReport({ exchange, clientOrderId, symbol, order, trades, nowMs: clock.wallMs() });
  }

  async #tradesOf(order: CcxtOrder, symbol: string): Promise<readonly CcxtTrade[]> {
    const { api } = this.#connection;
    if (order.id === undefined || api.has.fetchMyTrades !== true) return [];
    const trades = await api.fetchMyTrades(symbol, undefined, undefined, { orderId: order.id });
    return trades.filter((trade) => trade.order === order.id);
  }

  async #ask<T>(what: string, which: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw fault(
        'E_BROKER_REQUEST',
        `${this.exchange}: ${what} ${which}: ${messageOf(error)}`,
        'the box keeps trying; check keys, line and the status page of the exchange if it lasts',
        error,
      );
    }
  }
}
