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
const VOLATILITY_COLUMN = 3;

export type Signal = Extract<SignalResult, { kind: 'signal' }>;

/** Gathers what a risk decision looks at: all of it is stored with the decision. */
export interface RiskInputsSource {
  gather(bar: OpenBar, signal: Signal, quote: Quote): RiskInputs;
  /** An order has been decided on and is on its way: until the release it counts as filled for the other streams. */
  reserve(lane: StreamState, order: Extract<RiskDecision, { kind: 'order' }>): void;
  release(lane: StreamState): void;
  isReserved(lane: StreamState): boolean;
  /** Known candles of a stream have changed. */
  candlesChanged(): void;
}

export function createRiskInputs(
  config: PipelineConfig,
  { portfolio, breaker, day }: Account,
  desk: Orders,
  lanes: readonly StreamState[],
): RiskInputsSource {
  const { correlationMax, correlationBars } = config.risk;
  const correlations =
    correlationMax === undefined || correlationBars === undefined
      ? null
      : createCorrelations(correlationBars, lanes[0]!.barMs);
  const histories = new Map<string, CloseHistory>();
  for (const { book, history } of lanes)
    if (history !== null) histories.set(`${book.exchange}:${book.symbol}`, history);

  /** Orders on their way, by the book they will change: streams decide beside each other. */
  const onTheWay = new Map<PositionBook, { readonly notional: number; readonly cash: number }>();

  /** What a position in the signal's direction would share a cap with. */
  function exposures(lane: StreamState, sign: number, openMs: number): { other: number; correlated: number } {
    let other = 0;
    let correlated = 0;
    const add = (exchange: string, symbol: string, notional: number) => {
      const size = Math.abs(notional);
      other += size;
      if (sign === 0 || correlations === null) return;
      const history = histories.get(`${exchange}:${symbol}`);
      const found =
        history === undefined || lane.history === null
          ? null
          : correlations.between(lane.history, history, openMs);
      // What is not known yet is taken for the same bet; a position against a correlated one is none.
      if (found === null || found * sign * Math.sign(notional) >= correlationMax!) correlated += size;
    };
    for (const book of portfolio.books()) {
      if (book === lane.book) continue;
      let notional = book.unitsNumber * book.markPrice;
      const coming = onTheWay.size === 0 ? undefined : onTheWay.get(book);
      if (coming !== undefined && Math.abs(coming.notional) > Math.abs(notional)) notional = coming.notional;
      if (notional !== 0) add(book.exchange, book.symbol, notional);
    }
    if (desk.execution.unsettledCount > 0) {
      // An order whose outcome nobody knows counts as filled.
      for (const order of desk.execution.unsettled()) {
        if (order.reducing || (order.symbol === lane.book.symbol && order.exchange === lane.book.exchange))
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
      const { lane, candle, features } = bar;
      const { key, rules } = lane.setup;
      const { averageWin, averageLoss } = averagesOf(portfolio, config);
      const volatility = features === null ? Number.NaN : (features[VOLATILITY_COLUMN] ?? Number.NaN);
      const sign =
        signal.direction === 'long' ? 1 : signal.direction === 'short' && rules.kind === 'swap' ? -1 : 0;
      const { other, correlated } = exposures(lane, sign, candle.openMs);
      const losing = losingRunOf(portfolio.trades());
      return {
        equity: bar.equity,
        cash: cashLeft(),
        peakEquity: breaker.peakEquity,
        drawdown: breaker.drawdown,
        dayStartEquity: day.startEquity,
        dayLowEquity: day.lowEquity,
        positionUnits: lane.book.unitsNumber,
        otherExposure: other,
        correlatedExposure: correlated,
        losingTrades: losing.count,
        barsSinceLoss:
          losing.count === 0
            ? null
            : barsSince(losing.lastMs, candle.openMs, lane.barMs, lane.setup.calendar),
        quote,
        exchange: key.exchange,
        state: desk.stateFor(key, candle.openMs),
        averageWin,
        averageLoss,
        annualVolatility: Number.isFinite(volatility) ? volatility * lane.annualise : null,
        outsideTraining: lane.monitor.outsideTraining(features),
      };
    },
    reserve(lane, { side, units, targetUnits, inputs: { quote } }) {
      const fee = 1 + Number(lane.setup.rules.takerFeeRate);
      onTheWay.set(lane.book, {
        notional: targetUnits * (targetUnits > 0 ? quote.ask : quote.bid),
        cash: side === 'buy' ? units * quote.ask * fee : 0,
      });
    },
    release: (lane) => void onTheWay.delete(lane.book),
    isReserved: (lane) => onTheWay.has(lane.book),
    candlesChanged: () => correlations?.forget(),
  };
}
