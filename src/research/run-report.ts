import type { StreamKey } from '../core/candle.js';
import type { Fill } from '../core/order.js';
import { barsPerYear, type Calendar } from '../core/timeframe.js';
import { currenciesOf } from '../pipeline/execution/index.js';
import type { HaltRecord, OrderEvent } from '../ports.js';
import { accountMetrics, buyAndHold, curveMetrics } from './metrics.js';
import { overallAuc, reliability, resolvePredictions, rollingAucCurve } from './model-quality.js';
import type { ReasonCount, ReportData, ReportHalt, ReportMark } from './report/index.js';
import { roundTrips, type TradeFill } from './round-trips.js';
import type { RunBars } from './run-bars.js';
import { slippageFigures } from './slippage-figures.js';

/** What a run left behind, be it a backtest or the store of a paper or live run of one stream. */
export interface Run {
  readonly kind: ReportData['kind'];
  readonly stream: StreamKey;
  readonly calendar: Calendar;
  /** Decided bars: at least one. */
  readonly bars: RunBars;
  readonly fills: readonly Fill[];
  readonly orders: readonly Pick<OrderEvent, 'order' | 'status' | 'message'>[];
  readonly halts: readonly HaltRecord[];
  readonly rejectedRows: readonly ReasonCount[];
  readonly horizonBars: number;
  readonly confidenceThreshold: number;
  readonly aucWindow: number;
  readonly aucCritical: number;
  readonly startCash: number;
  readonly madeAtMs: number;
  readonly settings: ReportData['settings'];
  readonly hashes: ReportData['hashes'];
  readonly notes: readonly string[];
}

/** Makes the plain data of a report from a run: curves, figures, trades, reasons. */
export function reportOf(run: Run): ReportData {
  const { openMs, close, equity, probabilityUp } = run.bars;
  const n = openMs.length;
  const confidence = new Float64Array(n);
  for (let i = 0; i < n; i++) confidence[i] = Math.abs(probabilityUp[i]! - 0.5) * 2;
  const orders = new Map(run.orders.map(({ order }) => [order.clientOrderId, order]));
  const fills = tradeFills(run, orders);
  const trips = roundTrips(fills);
  const perYear = barsPerYear(run.stream.timeframe, run.calendar);
  const held = unitsHeld(run.fills, openMs);
  const exposure = new Float64Array(n);
  for (let i = 0; i < n; i++) exposure[i] = (held[i]! * close[i]!) / equity[i]!;
  const benchmark = buyAndHold(close, run.startCash);
  const resolved = resolvePredictions(probabilityUp, close, run.horizonBars);
  const rolling = rollingAucCurve(resolved, n, run.aucWindow);
  return {
    kind: run.kind,
    quoteCurrency: currenciesOf(run.stream.symbol).quote,
    madeAtMs: run.madeAtMs,
    account: { atMs: openMs, equity, buyAndHold: benchmark, exposure },
    instruments: [
      {
        stream: run.stream,
        openMs,
        close,
        confidence,
        confidenceThreshold: run.confidenceThreshold,
        rollingAuc: rolling.auc,
        rollingAucInterval: rolling,
        aucWindow: run.aucWindow,
        aucCritical: run.aucCritical,
        marks: marksOf(run.fills),
        quality: {
          auc: overallAuc(resolved),
          reliability: reliability(resolved),
          psi: Object.entries(run.bars.psi).map(([feature, psi]) => ({ feature, psi })),
        },
      },
    ],
    metrics: accountMetrics({
      equity: { atMs: openMs, value: equity },
      exposed: held,
      fills,
      trips,
      barsPerYear: perYear,
    }),
    benchmark: n > 1 ? curveMetrics({ atMs: openMs, value: benchmark }, perYear) : null,
    trades: trips,
    refusals: refusalCounts(run),
    silentBars: [...sorted(run.bars.silent), ...run.rejectedRows],
    slippage: slippageFigures(run.fills, orders),
    halts: haltSpans(run.halts, openMs),
    settings: run.settings,
    hashes: run.hashes,
    notes: run.notes,
  };
}

/** Fills with the confidence of the decision that sent them, in numbers. */
function tradeFills(run: Run, orders: ReadonlyMap<string, { readonly barOpenMs: number }>): TradeFill[] {
  const { openMs, probabilityUp } = run.bars;
  return run.fills.map((fill) => {
    const p = probabilityUp[placeOf(openMs, orders.get(fill.clientOrderId)?.barOpenMs)] ?? Number.NaN;
    return {
      atMs: fill.atMs,
      symbol: fill.symbol,
      side: fill.side,
      units: Number(fill.amount),
      price: Number(fill.price),
      fee: Number(fill.fee),
      reason: Number.isNaN(p)
        ? 'order'
        : `${p > 0.5 ? 'long' : 'short'} ${(Math.abs(p - 0.5) * 200).toFixed(0)} %`,
    };
  });
}

/** Place of a time in rising times; −1 where it is not among them. */
function placeOf(times: Float64Array, time: number | undefined): number {
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

/** Units held after all fills up to each bar's close decision; fills of a bar carry a time after its open. */
function unitsHeld(fills: readonly Fill[], openMs: Float64Array): Float64Array {
  const sorted = [...fills].sort((a, b) => a.atMs - b.atMs);
  const held = new Float64Array(openMs.length);
  let units = 0;
  let next = 0;
  for (let i = 0; i < openMs.length; i++) {
    while (next < sorted.length && sorted[next]!.atMs <= openMs[i]!) {
      const fill = sorted[next++]!;
      units += fill.side === 'buy' ? Number(fill.amount) : -Number(fill.amount);
    }
    held[i] = Math.abs(units) < 1e-12 ? 0 : units;
  }
  return held;
}

function marksOf(fills: readonly Fill[]): ReportMark[] {
  let units = 0;
  return fills.map((fill) => {
    const before = Math.abs(units);
    units += fill.side === 'buy' ? Number(fill.amount) : -Number(fill.amount);
    return {
      atMs: fill.atMs,
      price: Number(fill.price),
      effect: Math.abs(units) > before ? 'entry' : 'exit',
      side: fill.side,
    };
  });
}

function refusalCounts(run: Run): ReasonCount[] {
  const byGate: Record<string, number> = {};
  for (const { status, message } of run.orders) {
    if (status !== 'rejected') continue;
    // The figures in a message would make every refusal a reason of its own.
    const reason = `order: ${(message ?? 'rejected').split(':')[0]}`;
    byGate[reason] = (byGate[reason] ?? 0) + 1;
  }
  return [...sorted(run.bars.refusals), ...sorted(byGate)];
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
