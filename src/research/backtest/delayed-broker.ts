import { invariant } from '../../core/errors.js';
import type { OrderReport, OrderRequest, Quote } from '../../core/order.js';
import type { PaperBroker } from '../../execution/paper-broker.js';
import type { Broker, SubmitResult } from '../../ports/broker.js';
import type { Clock } from '../../ports/time.js';

/** A paper broker whose fills come later than its orders: what is sent rests until {@link release}. */
export class DelayedBroker implements Broker {
  readonly kind = 'paper';
  readonly exchange: string;
  readonly #paper: PaperBroker;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #resting = new Map<string, OrderRequest>();
  /** Orders that ended without a fill: rejected by the paper broker when their time came, or cancelled before. */
  readonly #ended = new Map<string, OrderReport>();

  constructor(paper: PaperBroker, clock: Pick<Clock, 'wallMs'>) {
    this.exchange = paper.exchange;
    this.#paper = paper;
    this.#clock = clock;
  }

  get resting(): number {
    return this.#resting.size;
  }

  /** Fills what rests for this symbol at the quote; the pipeline learns of it when it asks for the order. */
  release(symbol: string, quote: Quote): void {
    for (const order of [...this.#resting.values()]) {
      if (order.symbol !== symbol) continue;
      this.#resting.delete(order.clientOrderId);
      const result = this.#paper.execute(order, quote);
      if (result.kind === 'rejected')
        this.#ended.set(order.clientOrderId, this.#bare(order, 'rejected', result.message));
      else invariant(result.kind === 'report', 'a paper broker fills or rejects');
    }
  }

  async create(order: OrderRequest): Promise<SubmitResult> {
    this.#resting.set(order.clientOrderId, order);
    return { kind: 'report', report: this.#bare(order, 'accepted') };
  }

  async find(clientOrderId: string, symbol: string): ReturnType<Broker['find']> {
    const order = this.#resting.get(clientOrderId);
    if (order) return this.#bare(order, 'accepted');
    return this.#ended.get(clientOrderId) ?? (await this.#paper.find(clientOrderId, symbol));
  }

  async cancel(clientOrderId: string): Promise<void> {
    const order = this.#resting.get(clientOrderId);
    if (!order) return;
    this.#resting.delete(clientOrderId);
    this.#ended.set(clientOrderId, this.#bare(order, 'canceled'));
  }

  async openOrders(symbols: readonly string[]): Promise<readonly OrderReport[]> {
    return [...this.#resting.values()]
      .filter(({ symbol }) => symbols.includes(symbol))
      .map((order) => this.#bare(order, 'accepted'));
  }

  history(...request: Parameters<Broker['history']>): ReturnType<Broker['history']> {
    return this.#paper.history(...request);
  }

  transfers(...request: Parameters<Broker['transfers']>): ReturnType<Broker['transfers']> {
    return this.#paper.transfers(...request);
  }

  balances(): ReturnType<Broker['balances']> {
    return this.#paper.balances();
  }

  #bare(order: OrderRequest, status: OrderReport['status'], message?: string): OrderReport {
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
      atMs: this.#clock.wallMs(),
      ...(message === undefined ? {} : { message }),
    };
  }
}
