const YEAR_MS = 365.25 * 86_400_000;

/** Figures of one curve of value over time. Null where a figure has no value (too short, nothing to divide by). */
export interface CurveMetrics {
  readonly totalReturn: number;
  /** Compound annual growth rate, by calendar time. */
  readonly annualReturn: number | null;
  /** Mean over standard deviation (ddof = 1) of the bars' returns, times √barsPerYear; risk-free rate 0 (Sharpe 1994). */
  readonly sharpe: number | null;
  /** Mean over √mean(min(r, 0)²), times √barsPerYear; target 0 (Sortino & van der Meer 1991). */
  readonly sortino: number | null;
  /** Annual return over maximum drawdown. */
  readonly calmar: number | null;
  /** Deepest fall from a peak, as a fraction of that peak: 0.2 is 20 %. */
  readonly maxDrawdown: number;
  /** From the peak before the deepest fall until that peak was reached again, or until the end. */
  readonly maxDrawdownMs: number;
  readonly maxDrawdownRecovered: boolean;
}

/** What trading did beside the curve. */
export interface TradeMetrics {
  readonly closedTrades: number;
  /** Share of closed trades with a profit after fees. */
  readonly hitRate: number | null;
  /** Profits over losses of closed trades, after fees; null without a loss. */
  readonly profitFactor: number | null;
  /** Value traded over mean equity: 2 is one purchase and one sale of everything. */
  readonly turnover: number;
  /** In quote units, as far as they are known in quote units. */
  readonly fees: number;
  /** Fees in a currency of which no price is known, by currency: decimal text. */
  readonly otherFees: Readonly<Record<string, string>>;
  /** Share of bars with a position at their end. */
  readonly exposure: number;
}

export type Metrics = CurveMetrics & TradeMetrics;

/** A curve: `value[i]` at `atMs[i]`, one point a bar, oldest first. */
export interface Curve {
  readonly atMs: ArrayLike<number>;
  readonly value: ArrayLike<number>;
}

/** The figures of one curve: the account's equity, or buy-and-hold by the closes. Values are above zero. */
export function curveMetrics(curve: Curve, barsPerYear: number): CurveMetrics {
  const { value, atMs } = curve;
  const n = value.length;
  const drawdown = deepestDrawdown(curve);
  const totalReturn = n > 0 ? value[n - 1]! / value[0]! - 1 : 0;
  const years = n > 1 ? (atMs[n - 1]! - atMs[0]!) / YEAR_MS : 0;
  const annualReturn = years > 0 && totalReturn > -1 ? (1 + totalReturn) ** (1 / years) - 1 : null;

  let sum = 0;
  let below = 0;
  for (let i = 1; i < n; i++) {
    const r = value[i]! / value[i - 1]! - 1;
    sum += r;
    if (r < 0) below += r * r;
  }
  const mean = sum / (n - 1);
  let squares = 0;
  for (let i = 1; i < n; i++) squares += (value[i]! / value[i - 1]! - 1 - mean) ** 2;
  const deviation = Math.sqrt(squares / (n - 2));
  const downside = Math.sqrt(below / (n - 1));
  const scale = Math.sqrt(barsPerYear);
  return {
    totalReturn,
    annualReturn,
    sharpe: n > 2 && deviation > 0 ? (mean / deviation) * scale : null,
    sortino: n > 1 && downside > 0 ? (mean / downside) * scale : null,
    calmar: annualReturn !== null && drawdown.depth > 0 ? annualReturn / drawdown.depth : null,
    maxDrawdown: drawdown.depth,
    maxDrawdownMs: drawdown.lengthMs,
    maxDrawdownRecovered: drawdown.recovered,
  };
}

/**
 * All figures of an account: its equity (one point a bar), whether a position stood at the end of each bar (`exposed[i]`
 * not 0), and what its fills made of it.
 */
export function accountMetrics(account: {
  readonly equity: Curve;
  readonly exposed: ArrayLike<number>;
  /** Of the closed trades, after fees. */
  readonly profits: readonly number[];
  /** Quote units bought and sold. */
  readonly traded: number;
  readonly quoteCurrency: string;
  /** By currency, as decimal text. */
  readonly fees: Readonly<Record<string, string>>;
  readonly barsPerYear: number;
}): Metrics {
  const { equity, exposed, profits, traded } = account;
  const { [account.quoteCurrency]: fees = '0', ...otherFees } = account.fees;
  let equitySum = 0;
  let exposedBars = 0;
  for (let i = 0; i < equity.value.length; i++) {
    equitySum += equity.value[i]!;
    if (exposed[i]) exposedBars++;
  }
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const won = profits.filter((profit) => profit > 0);
  const lost = -total(profits.filter((profit) => profit < 0));
  const bars = equity.value.length;
  return {
    ...curveMetrics(equity, account.barsPerYear),
    closedTrades: profits.length,
    hitRate: profits.length > 0 ? won.length / profits.length : null,
    profitFactor: lost > 0 ? total(won) / lost : null,
    turnover: equitySum > 0 ? traded / (equitySum / bars) : 0,
    fees: Number(fees),
    otherFees,
    exposure: bars > 0 ? exposedBars / bars : 0,
  };
}

/** Equity of one who buys at the first close with everything, without a fee, and holds. */
export function buyAndHold(close: ArrayLike<number>, startEquity: number): Float64Array {
  const value = new Float64Array(close.length);
  for (let i = 0; i < close.length; i++) value[i] = (startEquity * close[i]!) / close[0]!;
  return value;
}

/** Fall from the highest value so far, as a fraction of it: 0 at a peak, −0.2 when 20 % below. */
export function drawdownCurve(value: ArrayLike<number>): Float64Array {
  const below = new Float64Array(value.length);
  let peak = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < value.length; i++) {
    peak = Math.max(peak, value[i]!);
    below[i] = value[i]! / peak - 1;
  }
  return below;
}

function deepestDrawdown(curve: Curve): { depth: number; lengthMs: number; recovered: boolean } {
  const { value, atMs } = curve;
  let deepest = { depth: 0, peakAt: 0, peak: 0 };
  let peakAt = 0;
  for (let i = 0; i < value.length; i++) {
    if (value[i]! >= value[peakAt]!) peakAt = i;
    const depth = 1 - value[i]! / value[peakAt]!;
    if (depth > deepest.depth) deepest = { depth, peakAt, peak: value[peakAt]! };
  }
  if (deepest.depth === 0) return { depth: 0, lengthMs: 0, recovered: true };
  let end = deepest.peakAt + 1;
  while (end < value.length && value[end]! < deepest.peak) end++;
  const recovered = end < value.length;
  return {
    depth: deepest.depth,
    lengthMs: atMs[recovered ? end : value.length - 1]! - atMs[deepest.peakAt]!,
    recovered,
  };
}
