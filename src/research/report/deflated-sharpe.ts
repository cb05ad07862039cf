import { normalCdf, normalQuantile } from '../../core/normal.js';

/** Moments of a series of returns, one a bar. */
export interface ReturnMoments {
  readonly bars: number;
  /** Mean over standard deviation (ddof = 1), a bar, not annualised; null without variation. */
  readonly sharpe: number | null;
  readonly skewness: number;
  /** 3 for a normal distribution. */
  readonly kurtosis: number;
}

const EULER = 0.5772156649015329;

export function returnMoments(returns: ArrayLike<number>): ReturnMoments {
  const n = returns.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += returns[i]! / n;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let i = 0; i < n; i++) {
    const d = returns[i]! - mean;
    second += d * d;
    third += d ** 3;
    fourth += d ** 4;
  }
  const variance = second / n;
  return {
    bars: n,
    sharpe: n > 1 && second > 0 ? mean / Math.sqrt(second / (n - 1)) : null,
    skewness: variance > 0 ? third / n / variance ** 1.5 : 0,
    kurtosis: variance > 0 ? fourth / n / variance ** 2 : 3,
  };
}

/** The highest Sharpe ratio to be expected of `trials` strategies without skill whose ratios have that variance. */
export function expectedMaximumSharpe(trials: number, variance: number): number {
  if (trials <= 1) return 0;
  return (
    Math.sqrt(variance) *
    ((1 - EULER) * normalQuantile(1 - 1 / trials) + EULER * normalQuantile(1 - 1 / (trials * Math.E)))
  );
}

/**
 * Deflated Sharpe ratio (Bailey and López de Prado 2014): the probability that the true Sharpe ratio is above what the best
 * of `trials` strategies without skill would show. `variance` is that of the trials' ratios, a bar; where only one series is
 * known it is taken as 1/(bars − 1), that of a ratio whose true value is 0. Null without variation.
 */
export function deflatedSharpe(moments: ReturnMoments, trials: number, variance?: number): number | null {
  const { sharpe, bars, skewness, kurtosis } = moments;
  if (sharpe === null || bars < 3) return null;
  const threshold = expectedMaximumSharpe(trials, variance ?? 1 / (bars - 1));
  const spread = 1 - skewness * sharpe + ((kurtosis - 1) / 4) * sharpe * sharpe;
  return spread > 0 ? normalCdf(((sharpe - threshold) * Math.sqrt(bars - 1)) / Math.sqrt(spread)) : null;
}
