import {
  type Regime,
  type RegimeConfig,
  regimeWindowBars,
  type TrendRegime,
  type VolatilityRegime,
} from '../../core/regime.js';

/**
 * Labels the bars of one stream. The label is a pure function of the last {@link regimeWindowBars} candles, in the order in
 * which they are known: batch, stream and restart give the same, and so does `verify`. Gaps are not bridged; a return
 * across one counts as one return.
 */
export interface RegimeTracker {
  push(close: number): void;
  /** Of the bar pushed last; null while too few candles are known. */
  label(): Regime | null;
  reset(): void;
}

/**
 * Volatility: variance of the last `volatilityBars` simple returns, ranked among those of the `lookBackBars` bars before
 * it (share below, ties by half), so the cut points are fitted on the past alone. Trend: sum of the last `trendBars`
 * returns over √(sum of their squares): about normal on a random walk, at most √trendBars in size. Simple returns and not
 * logarithms, since division is the same on every processor.
 */
export function createRegimeTracker(config: RegimeConfig): RegimeTracker {
  const { lookBackBars, volatilityBars, trendBars } = config;
  const returnsKept = Math.max(volatilityBars, trendBars);
  const returns = new Float64Array(returnsKept);
  /** Variances of the look-back and of the last bar. */
  const variances = new Float64Array(lookBackBars + 1);
  let closes = 0;
  let lastClose = 0;
  const windowBars = regimeWindowBars(config);

  function variance(): number {
    let sum = 0;
    for (let k = volatilityBars; k >= 1; k--) sum += returnAgo(k);
    const mean = sum / volatilityBars;
    let squares = 0;
    for (let k = volatilityBars; k >= 1; k--) {
      const away = returnAgo(k) - mean;
      squares += away * away;
    }
    return squares / (volatilityBars - 1);
  }

  /** The k-th last return. The number of returns is one below that of closes. */
  function returnAgo(k: number): number {
    return returns[(closes - 1 - k) % returnsKept]!;
  }

  function volatilityRegime(): VolatilityRegime {
    const newest = (closes - 1) % variances.length;
    const own = variances[newest]!;
    let below = 0;
    let equal = 0;
    for (let i = 0; i < variances.length; i++) {
      if (i === newest) continue;
      if (variances[i]! < own) below++;
      else if (variances[i] === own) equal++;
    }
    const rank = (below + equal / 2) / lookBackBars;
    if (rank < config.calmRankMax) return 'calm';
    return rank > config.turbulentRankMin ? 'turbulent' : 'normal';
  }

  function trendRegime(): TrendRegime {
    let sum = 0;
    let squares = 0;
    for (let k = trendBars; k >= 1; k--) {
      const step = returnAgo(k);
      sum += step;
      squares += step * step;
    }
    const strength = squares > 0 ? sum / Math.sqrt(squares) : 0;
    if (Math.abs(strength) < config.trendStrengthMin) return 'flat';
    return strength > 0 ? 'up' : 'down';
  }

  return {
    push(close) {
      if (closes > 0) returns[(closes - 1) % returnsKept] = close / lastClose - 1;
      lastClose = close;
      closes++;
      if (closes > volatilityBars) variances[(closes - 1) % variances.length] = variance();
    },
    label: () => (closes < windowBars ? null : `${volatilityRegime()}-${trendRegime()}`),
    reset() {
      closes = 0;
    },
  };
}
