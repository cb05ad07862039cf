import { type Fill, isUnplaced } from '../../core/order.js';
import type { HaltRecord, OrderEvent } from '../../core/records.js';
import { currenciesOf } from '../../core/symbol.js';
import { barsPerYear, type Calendar } from '../../core/timeframe.js';
import { type Replay, replayFills } from '../../portfolio/replay.js';
import type { Trade } from '../../portfolio/trade.js';
import { accountCurve, type InstrumentRun } from './account-curve.js';
import type { ReasonCount, ReportData, ReportHalt, ReportInstrument, ReportTrade } from './index.js';
import { accountMetrics, curveMetrics } from './metrics.js';
import { overallAuc, reliability, resolvePredictions, rollingAucCurve } from './model-quality.js';
import { slippageFigures } from './slippage-figures.js';

/** What a run left behind, be it a backtest or the store of a paper or live run: one account, one or more streams. */
export interface Run {
  readonly kind: ReportData['kind'];
  /** At least one. */
  readonly instruments: readonly InstrumentRun[];
  readonly calendar: Calendar;
  /** Of these streams, oldest first. */
  readonly fills: readonly Fill[];
  readonly orders: readonly Pick<OrderEvent, 'order' | 'status' | 'reason'>[];
  readonly halts: readonly HaltRecord[];
  readonly quarantinedRows: readonly ReasonCount[];
  readonly horizonBars: number;
  readonly confidenceThreshold: number;
  readonly aucWindow: number;
  readonly aucCritical: number;
  readonly startCash: number;
  /** Least step of an amount, where known: less than it is no position. */
  readonly amountStepOf?: (exchange: string, symbol: string) => string | undefined;
  readonly madeAtMs: number;
  readonly settings: ReportData['settings'];
  readonly hashes: ReportData['hashes'];
  readonly notes: readonly string[];
}

/** Makes the plain data of a report from a run: curves, figures, trades, reasons. */
export function reportOf(run: Run): ReportData {
  const { instruments } = run;
  const { stream } = instruments[0]!;
  const orders = new Map(run.orders.map(({ order }) => [order.clientOrderId, order]));
  const replay = replayFills(run.fills, run.amountStepOf);
  const perYear = Math.max(
    ...instruments.map(({ stream: { timeframe } }) => barsPerYear(timeframe, run.calendar)),
  );
  const account = accountCurve(instruments, replay.effects, run.startCash);
  const { atMs, equity } = account;
  const quoteCurrency = currenciesOf(stream.symbol).quote;
  return {
    kind: run.kind,
    quoteCurrency,
    madeAtMs: run.madeAtMs,
    account,
    instruments: instruments.map((instrument) => reportInstrument(run, instrument, replay)),
    metrics: accountMetrics({
      equity: { atMs, value: equity },
      exposed: account.exposed,
      profits: replay.portfolio.trades().map(({ profit }) => profit),
      traded: replay.traded,
      quoteCurrency,
      fees: replay.portfolio.fees(),
      barsPerYear: perYear,
    }),
    benchmark: atMs.length > 1 ? curveMetrics({ atMs, value: account.buyAndHold }, perYear) : null,
    trades: replay.trades.map(tradeShown(run, orders)),
    denials: denialCounts(run),
    silentBars: [...sorted(summed(instruments.map(({ bars }) => bars.silent))), ...run.quarantinedRows],
    slippage: slippageFigures(run.fills, orders),
    halts: haltSpans(run.halts, atMs),
    settings: run.settings,
    hashes: run.hashes,
    notes: run.notes,
  };
}

function reportInstrument(run: Run, { stream, bars }: InstrumentRun, { effects }: Replay): ReportInstrument {
  const { openMs, close, probabilityUp } = bars;
  const n = openMs.length;
  const confidence = new Float64Array(n);
  for (let i = 0; i < n; i++) confidence[i] = Math.abs(probabilityUp[i]! - 0.5) * 2;
  const resolved = resolvePredictions(probabilityUp, close, run.horizonBars);
  const rolling = rollingAucCurve(resolved, n, run.aucWindow);
  return {
    stream,
    openMs,
    close,
    confidence,
    confidenceThreshold: run.confidenceThreshold,
    rollingAuc: rolling.auc,
    rollingAucInterval: rolling,
    aucWindow: run.aucWindow,
    aucCritical: run.aucCritical,
    marks: effects
      .filter(({ fill }) => fill.symbol === stream.symbol && fill.exchange === stream.exchange)
      .map(({ fill, effect }) => ({ atMs: fill.atMs, price: Number(fill.price), effect, side: fill.side })),
    quality: {
      auc: overallAuc(resolved),
      reliability: reliability(resolved),
      psi: Object.entries(bars.psi).map(([feature, psi]) => ({ feature, psi })),
    },
  };
}

/** Shows a trade with the confidence of the decisions that opened it and ended it. */
function tradeShown(run: Run, orders: ReadonlyMap<string, { readonly barOpenMs: number }>) {
  const barsOf = new Map(run.instruments.map(({ stream, bars }) => [marketOf(stream), bars]));
  const none = new Float64Array(0);
  const reasonOf = (market: string, orderId: string) => {
    const { openMs = none, probabilityUp = none } = barsOf.get(market) ?? {};
    const p = probabilityUp[indexOf(openMs, orders.get(orderId)?.barOpenMs)] ?? Number.NaN;
    if (Number.isNaN(p)) return 'order';
    return `${p > 0.5 ? 'long' : 'short'} ${(Math.abs(p - 0.5) * 200).toFixed(0)} %`;
  };
  return (trade: Trade): ReportTrade => {
    const { exchange, symbol, direction, amount, entryPrice, exitPrice } = trade;
    const isClosed = trade.closedAtMs !== null;
    return {
      exchange,
      symbol,
      direction,
      entryMs: trade.openedAtMs,
      exitMs: trade.closedAtMs,
      units: amount,
      entryPrice,
      exitPrice,
      profit: isClosed ? trade.profit : null,
      returnOnEntry: isClosed ? trade.returnFraction : null,
      entryReason: reasonOf(marketOf(trade), trade.firstOrderId),
      exitReason: isClosed ? reasonOf(marketOf(trade), trade.lastOrderId) : null,
    };
  };
}

const marketOf = ({ exchange, symbol }: { readonly exchange: string; readonly symbol: string }) =>
  `${exchange}:${symbol}`;

/** Place of a time in rising times; −1 where it is not among them. */
function indexOf(times: Float64Array, time: number | undefined): number {
  if (time === undefined) return -1;
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return times[low] === time ? low : -1;
}

function denialCounts(run: Run): ReasonCount[] {
  const ofOrders: Record<string, number> = {};
  for (const { status, reason } of run.orders) {
    if (!isUnplaced(status)) continue;
    const name = `order: ${reason ?? status}`;
    ofOrders[name] = (ofOrders[name] ?? 0) + 1;
  }
  return [...sorted(summed(run.instruments.map(({ bars }) => bars.denials))), ...sorted(ofOrders)];
}

/** Counts of the same reasons, added up. */
export function summed(
  counts: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const of of counts)
    for (const [reason, count] of Object.entries(of)) sum[reason] = (sum[reason] ?? 0) + count;
  return sum;
}

function sorted(counts: Readonly<Record<string, number>>): ReasonCount[] {
  return Object.entries(counts)
    .map(([reason, count]) => ({ reason, count }))
    .sort((a, b) => b.count - a.count);
}

/**
 * Spans in which less than everything was allowed, from the recorded changes of state. A halt is always shown; a passing
 * REDUCING that no bar met (as on the way from halted to armed) is not.
 */
function haltSpans(halts: readonly HaltRecord[], openMs: Float64Array): ReportHalt[] {
  const spans: ReportHalt[] = [];
  for (const [i, { state, atMs, cause }] of halts.entries()) {
    const toMs = halts[i + 1]?.atMs ?? null;
    if (state === 'ACTIVE') continue;
    const met = openMs.some((time) => time >= atMs && (toMs === null || time < toMs));
    if (state === 'HALTED' || met) spans.push({ fromMs: atMs, toMs, state, cause });
  }
  return spans;
}
