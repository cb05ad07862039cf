import { z } from 'zod';
import type { StreamKey } from '../core/candle.js';
import { fault, messageOf } from '../core/errors.js';
import type { MarketRules } from '../core/order.js';
import { REGIME_WORDS } from '../core/regime.js';
import type { Calendar } from '../core/timeframe.js';
import type { StreamSetup } from './layer-ports.js';
import type { RiskConfig } from './risk/index.js';
import type { SignalConfig } from './signals/index.js';

/** Whose money a run trades, by which model family, and which of its exchanges stood at an address of the box's own. */
export interface RunTrading {
  readonly mode: 'paper' | 'live';
  readonly family: string;
  readonly redirected: readonly string[];
}

/**
 * What decisions depend on beside candles, models and the market's inputs, which are stored with each decision. Written
 * down at each start, so that a decision can be recomputed when the configuration or the market's rules have changed since.
 */
export interface RunSettings {
  readonly settingsVersion: 1;
  readonly signals: SignalConfig;
  readonly risk: RiskConfig;
  readonly maxGapBars: number;
  /** Absent in runs of a version that did not write it. */
  readonly trading?: RunTrading | undefined;
  readonly streams: readonly {
    readonly key: StreamKey;
    readonly calendar: Calendar;
    readonly rules: MarketRules;
  }[];
}

const text = z.string();
const schema: z.ZodType<RunSettings> = z.object({
  settingsVersion: z.literal(1),
  signals: z.object({
    confidenceThreshold: z.number(),
    minSignalIntervalBars: z.number(),
    convictionBars: z.number().optional(),
    minHoldingBars: z.number().optional(),
    maxHoldingBars: z.number().optional(),
    allowRegimes: z.array(z.enum(REGIME_WORDS)).optional(),
    regime: z
      .object({
        lookBackBars: z.number(),
        volatilityBars: z.number(),
        trendBars: z.number(),
        calmRankMax: z.number(),
        turbulentRankMin: z.number(),
        trendStrengthMin: z.number(),
      })
      .optional(),
  }),
  risk: z.object({
    kellyFraction: z.number(),
    maxPositionFraction: z.number(),
    drawdownHaltFraction: z.number(),
    annualVolatilityMax: z.number().optional(),
    outsideTrainingMax: z.number().optional(),
    grossFractionMax: z.number().optional(),
    correlationMax: z.number().optional(),
    correlationBars: z.number().optional(),
    dailyLossFraction: z.number().optional(),
    cooldownLosses: z.number().optional(),
    cooldownBars: z.number().optional(),
  }),
  maxGapBars: z.number(),
  trading: z.object({ mode: z.enum(['paper', 'live']), family: text, redirected: z.array(text) }).optional(),
  streams: z.array(
    z.object({
      key: z.object({ exchange: text, symbol: text, timeframe: text }),
      calendar: z.enum(['24x7', 'weekdays']),
      rules: z.object({
        symbol: text,
        kind: z.enum(['spot', 'swap']),
        priceTick: text,
        amountStep: text,
        amountMin: text,
        notionalMin: text,
        takerFeeRate: text,
      }),
    }),
  ),
});

/** The text to store. Numbers come back from JSON as they were, bit for bit. */
export function runSettingsText(
  config: { readonly signals: SignalConfig; readonly risk: RiskConfig },
  maxGapBars: number,
  streams: readonly Pick<StreamSetup, 'key' | 'calendar' | 'rules'>[],
  trading?: RunTrading,
): string {
  const { confidenceThreshold, minSignalIntervalBars, allowRegimes, regime } = config.signals;
  const { convictionBars, minHoldingBars, maxHoldingBars } = config.signals;
  const { risk } = config;
  const settings: RunSettings = {
    settingsVersion: 1,
    signals: {
      confidenceThreshold,
      minSignalIntervalBars,
      convictionBars,
      minHoldingBars,
      maxHoldingBars,
      allowRegimes,
      regime,
    },
    risk: {
      kellyFraction: risk.kellyFraction,
      maxPositionFraction: risk.maxPositionFraction,
      drawdownHaltFraction: risk.drawdownHaltFraction,
      annualVolatilityMax: risk.annualVolatilityMax,
      outsideTrainingMax: risk.outsideTrainingMax,
      grossFractionMax: risk.grossFractionMax,
      correlationMax: risk.correlationMax,
      correlationBars: risk.correlationBars,
      dailyLossFraction: risk.dailyLossFraction,
      cooldownLosses: risk.cooldownLosses,
      cooldownBars: risk.cooldownBars,
    },
    maxGapBars,
    trading,
    streams: streams.map(({ key, calendar, rules }) => ({ key, calendar, rules })),
  };
  return JSON.stringify(settings);
}

/** Reads the stored text. Throws `E_RUN_SETTINGS` where it is none of ours. */
export function parseRunSettings(stored: string): RunSettings {
  try {
    return schema.parse(JSON.parse(stored));
  } catch (error) {
    throw fault(
      'E_RUN_SETTINGS',
      `the settings stored with a run cannot be read: ${messageOf(error)}`,
      'verify with the version of redbutton that wrote them',
      error,
    );
  }
}
