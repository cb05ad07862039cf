import type { StreamKey } from '../core/candle.js';
import type { MarketRules } from '../core/order.js';
import type { Calendar } from '../core/timeframe.js';
import type { FeatureKernel } from '../ports/model.js';
import type { Clock } from '../ports/time.js';
import { createFeatureLayer } from './features/index.js';
import type { InferenceLayer } from './inference/index.js';
import { Ingestion, type ValidationRules } from './ingestion/index.js';
import type { StreamSetup } from './layer-ports.js';

export interface StreamParts {
  readonly key: StreamKey;
  readonly calendar: Calendar;
  /** A function where they may change while the stream runs. */
  readonly marketRules: MarketRules | (() => MarketRules);
  readonly ingestion: {
    readonly rules: ValidationRules;
    readonly maxGapBars: number;
    readonly absurdJumpFraction?: number | undefined;
  };
  readonly kernel: FeatureKernel;
  readonly inference: InferenceLayer;
  readonly clock: Clock;
}

/** Layers 1 to 3 of one stream, made the same way for the trader, the backtest and the simulation. */
export function createStreamSetup(parts: StreamParts): StreamSetup & { readonly ingestion: Ingestion } {
  const { key, calendar, kernel, clock } = parts;
  const { rules, maxGapBars, absurdJumpFraction } = parts.ingestion;
  const { marketRules } = parts;
  return {
    key,
    calendar,
    get rules() {
      return typeof marketRules === 'function' ? marketRules() : marketRules;
    },
    ingestion: new Ingestion({
      stream: key,
      rules,
      calendar,
      maxGapBars,
      clock,
      ...(absurdJumpFraction !== undefined && { absurdJumpFraction }),
    }),
    features: createFeatureLayer({ kernel, stream: key, calendar, maxGapBars }),
    inference: parts.inference,
  };
}
