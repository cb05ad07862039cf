import { invariant } from '../../core/errors.js';
import type { OrderReport, OrderRequest, Quote } from '../../core/order.js';
import type { PaperBroker } from '../../execution/paper-broker.js';
import type { Broker, SubmitResult } from '../../ports/broker.js';
import type { Clock } from '../../ports/time.js';

/** A paper broker whose fills come later than its orders: what is sent rests until {@link release}. */
export interface DelayedBroker extends Broker {
  readonly kind: 'paper';
  /** Fills what rests for this symbol at the quote; the pipeline learns of it when it asks for the order. */
  release(symbol: string, quote: Quote): void;
  readonly resting: number;
}

export function createDelayedBroker(paper: PaperBroker, clock: Clock): DelayedBroker {
  const resting = new Map<string, OrderRequest>();
  /** Orders that ended without a fill: rejected by the paper broker when their time came, or cancelled before. */
  const ended = new Map<string, OrderReport>();

  function bare(order: OrderRequest, status: OrderReport['status'], message?: string): OrderReport {
    return {
      clientOrderId: order.clientOrderId,
      exchangeOrderId: `paper-${order.clientOrderId}`,
      symbol: order.symbol,
      side: order.side,
      status,
      amount: order.amount,
      filled: '0',
      averagePrice: null,
      fills: [],
      atMs: clock.wallMs(),
      ...(message === undefined ? {} : { message }),
    };
  }

  return {
    exchange: paper.exchange,
    kind: 'paper',
    async create(order): Promise<SubmitResult> {
      resting.set(order.clientOrderId, order);
      return { kind: 'report', report: bare(order, 'accepted') };
    },
    async find(clientOrderId, symbol) {
      const order = resting.get(clientOrderId);
      if (order) return bare(order, 'accepted');
      return ended.get(clientOrderId) ?? (await paper.find(clientOrderId, symbol));
    },
    async cancel(clientOrderId) {
      const order = resting.get(clientOrderId);
      if (!order) return;
      resting.delete(clientOrderId);
      ended.set(clientOrderId, bare(order, 'canceled'));
    },
    openOrders: async (symbols) =>
      [...resting.values()]
        .filter(({ symbol }) => symbols.includes(symbol))
        .map((order) => bare(order, 'accepted')),
    history: (symbols, sinceMs) => paper.history(symbols, sinceMs),
    transfers: (sinceMs) => paper.transfers(sinceMs),
    balances: () => paper.balances(),
    release(symbol, quote) {
      for (const order of [...resting.values()]) {
        if (order.symbol !== symbol) continue;
        resting.delete(order.clientOrderId);
        const result = paper.execute(order, quote);
        if (result.kind === 'rejected')
          ended.set(order.clientOrderId, bare(order, 'rejected', result.message));
        else invariant(result.kind === 'report', 'a paper broker fills or rejects');
      }
    },
    get resting() {
      return resting.size;
    },
  };
}
