const VOLATILITY_REGIMES = ['calm', 'normal', 'turbulent'] as const;
const TREND_REGIMES = ['up', 'flat', 'down'] as const;
export type VolatilityRegime = (typeof VOLATILITY_REGIMES)[number];
export type TrendRegime = (typeof TREND_REGIMES)[number];
/** The kind of market a bar closed in. */
export type Regime = `${VolatilityRegime}-${TrendRegime}`;

/** The configuration's `signals.regime` slice. */
export interface RegimeConfig {
  /** Earlier bars whose volatility a bar's own is ranked among. */
  readonly lookBackBars: number;
  /** Returns of one figure of realised volatility. */
  readonly volatilityBars: number;
  readonly trendBars: number;
  /** A rank below this is calm. */
  readonly calmRankMax: number;
  /** A rank above this is turbulent. */
  readonly turbulentRankMin: number;
  /** Least strength of a trend. */
  readonly trendStrengthMin: number;
}

export const REGIME_DEFAULTS: RegimeConfig = {
  lookBackBars: 240,
  volatilityBars: 24,
  trendBars: 48,
  calmRankMax: 0.33,
  turbulentRankMin: 0.67,
  trendStrengthMin: 1,
};

/** The words of `signals.allowRegimes`: a whole label, or one half of it. */
export const REGIME_WORDS = [
  ...VOLATILITY_REGIMES,
  ...TREND_REGIMES,
  ...VOLATILITY_REGIMES.flatMap((volatility) =>
    TREND_REGIMES.map((trend) => `${volatility}-${trend}` as const),
  ),
] as const;
export type RegimeWord = (typeof REGIME_WORDS)[number];

/** Candles that a label depends on, its own bar's included. */
export function regimeWindowBars({ lookBackBars, volatilityBars, trendBars }: RegimeConfig): number {
  return Math.max(lookBackBars + volatilityBars, trendBars) + 1;
}

/** Whether one of the words stands for this label. */
export function allows(words: readonly RegimeWord[], regime: Regime): boolean {
  const [volatility, trend] = regime.split('-') as [VolatilityRegime, TrendRegime];
  return words.some((word) => word === regime || word === volatility || word === trend);
}
