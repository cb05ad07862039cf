import type { FeatureColumn } from '../../core/feature-set.js';
import type { ReferenceHistogram } from '../../core/manifest.js';
import type { BarRecord } from '../../core/records.js';
import { createDrift } from '../../pipeline/monitoring/index.js';
import type { InstrumentResult } from './backtest-collector.js';

/** The decided bars of a run in columns, and what they came to; element i is bar i, oldest first. */
export interface RunBars {
  readonly openMs: Float64Array;
  readonly close: Float64Array;
  /** NaN where none was recorded. */
  readonly equity: Float64Array;
  /** NaN where there was no prediction. */
  readonly probabilityUp: Float64Array;
  /** Bars without a prediction, and decisions that risk denied, by reason. */
  readonly silent: Readonly<Record<string, number>>;
  readonly denials: Readonly<Record<string, number>>;
  /** Of all bars against the model's training reference; empty where not known. */
  readonly psi: Readonly<Partial<Record<FeatureColumn, number>>>;
}

/** The bars of a backtest. */
export function barsOfResult({ bars, silent, denials, psi }: InstrumentResult): RunBars {
  return { ...bars, silent, denials, psi };
}

/** The bars of stored decisions. */
export function barsOfRecords(
  decisions: readonly BarRecord[],
  reference: readonly ReferenceHistogram[],
): RunBars {
  const silent: Record<string, number> = {};
  const denials: Record<string, number> = {};
  const drift = createDrift(reference);
  for (const { signal, risk, features } of decisions) {
    if (signal?.kind === 'none' && signal.confidence === null) {
      silent[signal.reason] = (silent[signal.reason] ?? 0) + 1;
    }
    if (risk?.kind === 'denial') denials[risk.reason] = (denials[risk.reason] ?? 0) + 1;
    if (features !== null) drift.add(features);
  }
  return {
    openMs: Float64Array.from(decisions, ({ candle }) => candle.openMs),
    close: Float64Array.from(decisions, ({ candle }) => candle.close),
    equity: Float64Array.from(decisions, ({ account }) => account?.equity ?? Number.NaN),
    probabilityUp: Float64Array.from(decisions, ({ prediction }) => prediction?.probabilityUp ?? Number.NaN),
    silent,
    denials,
    psi: drift.psi(),
  };
}
