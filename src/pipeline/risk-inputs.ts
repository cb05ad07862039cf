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
import { type CloseHistory, createCorrelations } from './risk/index.js';
import type { StreamState } from './stream-state.js';

/** Position of `volatility` among the feature columns. */
const VOLATILITY = columnOf('volatility');

export type Signal = Extract<SignalResult, { kind: 'signal' }>;

/** Gathers what a risk decision looks at: all of it is stored with the decision. */
export interface RiskInputsSource {
  gather(bar: OpenBar, signal: Signal, quote: Quote): RiskInputs;
  /** An order has been decided on and is on its way: until the release it counts as filled for the other streams. */
  reserve(stream: StreamState, order: Extract<RiskDecision, { kind: 'order' }>): void;
  release(stream: StreamState): void;
  isReserved(stream: StreamState): boolean;
  /** Known candles of a stream have changed. */
  candlesChanged(): void;
}

export function createRiskInputs(
  config: PipelineConfig,
  { portfolio, breaker, day }: Account,
  orders: Orders,
  streams: readonly StreamState[],
): RiskInputsSource {
  const { correlationMax, correlationBars } = config.risk;
  const correlations =
    correlationMax === undefined || correlationBars === undefined
      ? null
      : createCorrelations(correlationBars, streams[0]!.barMs);
  const histories = new Map<string, CloseHistory>();
  for (const { book, history } of streams)
    if (history !== null) histories.set(`${book.exchange}:${book.symbol}`, history);

  /** Orders on their way, by the book they will change: streams decide beside each other. */
  const onTheWay = new Map<PositionBook, { readonly notional: number; readonly cash: number }>();

  /** What a position in the signal's direction would share a cap with. */
  function exposures(
    stream: StreamState,
    sign: number,
    openMs: number,
  ): { other: number; correlated: number } {
    let other = 0;
    let correlated = 0;
    const add = (exchange: string, symbol: string, notional: number) => {
      const size = Math.abs(notional);
      other += size;
      if (sign === 0 || correlations === null) return;
      const history = histories.get(`${exchange}:${symbol}`);
      const found =
        history === undefined || stream.history === null
          ? null
          : correlations.between(stream.history, history, openMs);
      // What is not known yet is taken for the same bet; a position against a correlated one is none.
      if (found === null || found * sign * Math.sign(notional) >= correlationMax!) correlated += size;
    };
    for (const book of portfolio.books()) {
      if (book === stream.book) continue;
      let notional = book.unitsNumber * book.markPrice;
      const coming = onTheWay.size === 0 ? undefined : onTheWay.get(book);
      if (coming !== undefined && Math.abs(coming.notional) > Math.abs(notional)) notional = coming.notional;
      if (notional !== 0) add(book.exchange, book.symbol, notional);
    }
    if (orders.execution.unresolvedCount > 0) {
      // An order whose outcome nobody knows counts as filled.
      for (const order of orders.execution.unresolved()) {
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

  function cashLeft(): number {
    let cash = portfolio.cash();
    for (const coming of onTheWay.values()) cash -= coming.cash;
    return cash;
  }

  return {
    gather(bar, signal, quote) {
      const { stream, candle, features } = bar;
      const { key, rules } = stream;
      const { averageWin, averageLoss } = averagesOf(portfolio, config);
      const volatility = features === null ? Number.NaN : (features[VOLATILITY] ?? Number.NaN);
      const sign =
        signal.direction === 'long' ? 1 : signal.direction === 'short' && rules.kind === 'swap' ? -1 : 0;
      const { other, correlated } = exposures(stream, sign, candle.openMs);
      const losing = losingRunOf(portfolio.trades());
      return {
        equity: bar.equity,
        cash: cashLeft(),
        peakEquity: breaker.peakEquity,
        drawdown: breaker.drawdown,
        dayStartEquity: day.startEquity,
        dayLowEquity: day.lowEquity,
        positionUnits: stream.book.unitsNumber,
        otherExposure: other,
        correlatedExposure: correlated,
        losingTrades: losing.count,
        barsSinceLoss:
          losing.count === 0 ? null : barsSince(losing.lastMs, candle.openMs, stream.barMs, stream.calendar),
        quote,
        exchange: key.exchange,
        state: orders.stateFor(key, candle.openMs),
        averageWin,
        averageLoss,
        annualVolatility: Number.isFinite(volatility) ? volatility * stream.annualise : null,
        outsideTraining: stream.monitor.outsideTraining(features),
      };
    },
    reserve(stream, { side, units, targetUnits, inputs: { quote } }) {
      const fee = 1 + Number(stream.rules.takerFeeRate);
      onTheWay.set(stream.book, {
        notional: targetUnits * (targetUnits > 0 ? quote.ask : quote.bid),
        cash: side === 'buy' ? units * quote.ask * fee : 0,
      });
    },
    release: (stream) => void onTheWay.delete(stream.book),
    isReserved: (stream) => onTheWay.has(stream.book),
    candlesChanged: () => correlations?.forget(),
  };
}
