import { columnOf } from '../core/feature-set.js';
import type { Quote, RiskDecision, RiskInputs } from '../core/order.js';
import type { SignalResult } from '../core/signal.js';
import type { Orders } from '../execution/orders.js';
import type { Account } from '../portfolio/account.js';
import { barsSince, losingRunOf } from '../portfolio/losing-run.js';
import type { PositionBook } from '../portfolio/position.js';
import { averagesOf } from '../portfolio/trade-averages.js';
import type { OpenBar } from './open-bar.js';
import type { PipelineConfig } from './pipeline-api.js';
import { type CloseHistory, type Correlations, createCorrelations } from './risk/index.js';
import type { StreamState } from './stream-state.js';

/** Position of `volatility` among the feature columns. */
const VOLATILITY = columnOf('volatility');

export type Signal = Extract<SignalResult, { kind: 'signal' }>;

/** Gathers what a risk decision looks at: all of it is stored with the decision. */
export class RiskInputsSource {
  readonly #config: PipelineConfig;
  readonly #account: Account;
  readonly #orders: Orders;
  readonly #correlations: Correlations | null;
  readonly #histories = new Map<string, CloseHistory>();
  /** Orders on their way, by the book they will change: streams decide beside each other. */
  readonly #onTheWay = new Map<PositionBook, { readonly notional: number; readonly cash: number }>();

  constructor(config: PipelineConfig, account: Account, orders: Orders, streams: readonly StreamState[]) {
    this.#config = config;
    this.#account = account;
    this.#orders = orders;
    const { correlationMax, correlationBars } = config.risk;
    this.#correlations =
      correlationMax === undefined || correlationBars === undefined
        ? null
        : createCorrelations(correlationBars, streams[0]!.barMs);
    for (const { book, history } of streams)
      if (history !== null) this.#histories.set(`${book.exchange}:${book.symbol}`, history);
  }

  gather(bar: OpenBar, signal: Signal, quote: Quote): RiskInputs {
    const { stream, candle, features } = bar;
    const { key, rules } = stream;
    const { averageWin, averageLoss } = averagesOf(this.#account.portfolio, this.#config);
    const volatility = features === null ? Number.NaN : (features[VOLATILITY] ?? Number.NaN);
    const sign =
      signal.direction === 'long' ? 1 : signal.direction === 'short' && rules.kind === 'swap' ? -1 : 0;
    const { other, correlated } = this.#exposures(stream, sign, candle.openMs);
    const losing = losingRunOf(this.#account.portfolio.trades());
    return {
      equity: bar.equity,
      cash: this.#cashLeft(),
      peakEquity: this.#account.breaker.peakEquity,
      drawdown: this.#account.breaker.drawdown,
      dayStartEquity: this.#account.day.startEquity,
      dayLowEquity: this.#account.day.lowEquity,
      positionUnits: stream.book.unitsNumber,
      otherExposure: other,
      correlatedExposure: correlated,
      losingTrades: losing.count,
      barsSinceLoss:
        losing.count === 0 ? null : barsSince(losing.lastMs, candle.openMs, stream.barMs, stream.calendar),
      quote,
      exchange: key.exchange,
      state: this.#orders.stateFor(key, candle.openMs),
      averageWin,
      averageLoss,
      annualVolatility: Number.isFinite(volatility) ? volatility * stream.annualise : null,
      outsideTraining: stream.monitor.outsideTraining(features),
    };
  }

  /** An order has been decided on and is on its way: until the release it counts as filled for the other streams. */
  reserve(
    stream: StreamState,
    { side, units, targetUnits, inputs: { quote } }: Extract<RiskDecision, { kind: 'order' }>,
  ): void {
    const fee = 1 + Number(stream.rules.takerFeeRate);
    this.#onTheWay.set(stream.book, {
      notional: targetUnits * (targetUnits > 0 ? quote.ask : quote.bid),
      cash: side === 'buy' ? units * quote.ask * fee : 0,
    });
  }

  release(stream: StreamState): void {
    this.#onTheWay.delete(stream.book);
  }

  isReserved(stream: StreamState): boolean {
    return this.#onTheWay.has(stream.book);
  }

  /** Known candles of a stream have changed. */
  candlesChanged(): void {
    this.#correlations?.forget();
  }

  /** What a position in the signal's direction would share a cap with. */
  #exposures(stream: StreamState, sign: number, openMs: number): { other: number; correlated: number } {
    let other = 0;
    let correlated = 0;
    const add = (exchange: string, symbol: string, notional: number) => {
      const size = Math.abs(notional);
      other += size;
      if (sign === 0 || this.#correlations === null) return;
      const history = this.#histories.get(`${exchange}:${symbol}`);
      const found =
        history === undefined || stream.history === null
          ? null
          : this.#correlations.between(stream.history, history, openMs);
      // What is not known yet is taken for the same bet; a position against a correlated one is none.
      if (found === null || found * sign * Math.sign(notional) >= this.#config.risk.correlationMax!)
        correlated += size;
    };
    for (const book of this.#account.portfolio.books()) {
      if (book === stream.book) continue;
      let notional = book.unitsNumber * book.markPrice;
      const coming = this.#onTheWay.size === 0 ? undefined : this.#onTheWay.get(book);
      if (coming !== undefined && Math.abs(coming.notional) > Math.abs(notional)) notional = coming.notional;
      if (notional !== 0) add(book.exchange, book.symbol, notional);
    }
    if (this.#orders.execution.unresolvedCount > 0) {
      // An order whose outcome nobody knows counts as filled.
      for (const order of this.#orders.execution.unresolved()) {
        if (
          order.reducing ||
          (order.symbol === stream.book.symbol && order.exchange === stream.book.exchange)
        )
          continue;
        const notional = Number(order.amount) * order.decisionPrice;
        add(order.exchange, order.symbol, order.side === 'buy' ? notional : -notional);
      }
    }
    return { other, correlated };
  }

  #cashLeft(): number {
    let cash = this.#account.portfolio.cash();
    for (const coming of this.#onTheWay.values()) cash -= coming.cash;
    return cash;
  }
}
