import { z } from 'zod';
import { REGIME_DEFAULTS, REGIME_WORDS } from '../core/regime.js';

/** Sections about what is traded and how much: see schema.ts. */

const fraction = z.number().min(0).max(1);

export const liveAcknowledgement = z
  .string()
  .optional()
  .describe(
    'For `mode = "live"` with real money: "I trade real money with this box and may lose it", word for word.',
  );

export const signals = z
  .strictObject({
    confidenceThreshold: fraction
      .default(0.3)
      .describe('Distance from even odds, |p − 0.5|·2, below which there is no signal.'),
    minSignalIntervalBars: z
      .number()
      .int()
      .min(0)
      .default(1)
      .describe('Bars between two signals that are acted on.'),
    convictionBars: z
      .number()
      .int()
      .min(1)
      .max(500)
      .optional()
      .describe(
        'A position is closed when the model has not been convinced of it for so many bars; absent = off.',
      ),
    minHoldingBars: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe('No signal closes a position that is younger; halts and stops do.'),
    maxHoldingBars: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('A position as old as this is closed; absent = no limit.'),
    allowRegimes: z
      .array(z.enum(REGIME_WORDS))
      .min(1)
      .optional()
      .describe(
        'Regimes in which positions may be opened, as in "calm", "up" or "calm-up"; in others they are closed. Absent = regimes are not looked at.',
      ),
    regime: z
      .strictObject({
        lookBackBars: z
          .number()
          .int()
          .min(20)
          .max(5000)
          .default(REGIME_DEFAULTS.lookBackBars)
          .describe("Earlier bars among which a bar's volatility is ranked."),
        volatilityBars: z
          .number()
          .int()
          .min(5)
          .max(500)
          .default(REGIME_DEFAULTS.volatilityBars)
          .describe('Returns of one figure of realised volatility.'),
        trendBars: z
          .number()
          .int()
          .min(5)
          .max(5000)
          .default(REGIME_DEFAULTS.trendBars)
          .describe('Returns over which a trend is looked for.'),
        calmRankMax: fraction.default(REGIME_DEFAULTS.calmRankMax).describe('A lower rank is calm.'),
        turbulentRankMin: fraction
          .default(REGIME_DEFAULTS.turbulentRankMin)
          .describe('A higher rank is turbulent.'),
        trendStrengthMin: z
          .number()
          .min(0)
          .default(REGIME_DEFAULTS.trendStrengthMin)
          .describe('Sum of the returns over the root of the sum of their squares that makes a trend.'),
      })
      .prefault({}),
  })
  .refine(({ minHoldingBars, maxHoldingBars }) => minHoldingBars <= (maxHoldingBars ?? minHoldingBars), {
    path: ['maxHoldingBars'],
    message: 'expected at least signals.minHoldingBars',
  })
  .prefault({});

export const risk = z
  .strictObject({
    kellyFraction: fraction.default(0.25).describe("Share of Kelly's stake that is taken."),
    maxPositionFraction: fraction.default(0.1).describe('Cap of one position, as a fraction of equity.'),
    drawdownHaltFraction: fraction
      .default(0.15)
      .describe('Drawdown from peak equity at which the circuit breaker trips.'),
    averageWin: z
      .number()
      .positive()
      .default(0.02)
      .describe("Priors until real trades replace them; fractions of a position's value."),
    averageLoss: z.number().positive().default(0.015).describe('The same for losses.'),
    protectiveStopPct: z
      .number()
      .min(0)
      .max(90)
      .default(0)
      .describe(
        'A live position has a stop at the exchange so many per cent below its average entry (above it for a short); 0 = none. Not on paper and in backtests.',
      ),
    annualVolatilityMax: z
      .number()
      .positive()
      .optional()
      .describe('No entry while annualised volatility is above this; absent = no limit.'),
    outsideTrainingMax: fraction
      .optional()
      .describe(
        "No entry on a bar of which a larger share of features lies outside their range in the model's training; absent = no limit.",
      ),
    grossFractionMax: z
      .number()
      .positive()
      .max(10)
      .default(1)
      .describe('Cap of all positions together, as a fraction of equity.'),
    correlationMax: fraction
      .default(0.8)
      .describe(
        'Symbols whose returns are correlated as much share the cap of one position; unknown counts as that much.',
      ),
    correlationBars: z
      .number()
      .int()
      .min(20)
      .max(5000)
      .default(120)
      .describe('Returns over which the correlation of two symbols is taken.'),
    dailyLossFraction: fraction
      .default(0.05)
      .describe('Loss since the end of the day before (UTC) after which nothing is opened until the next.'),
    cooldownLosses: z
      .number()
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('Losing trades in a row after which nothing is opened for a while; 0 = off.'),
    cooldownBars: z
      .number()
      .int()
      .min(1)
      .default(24)
      .describe(
        'How many bars of the market such a cool-down lasts: a weekend without bars does not end it.',
      ),
  })
  .prefault({});
