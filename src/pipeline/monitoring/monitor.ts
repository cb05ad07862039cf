import type { Candle } from '../../core/candle.js';
import { FEATURE_COLUMNS, type FeatureColumn } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import { aucInterval } from '../../learning/delong.js';
import { brierScore } from '../../learning/evaluate.js';
import type { RestoredState } from '../../ports.js';
import { rollingAuc } from './auc.js';
import { type HealthReport, healthOf, type MonitoringConfig, type WindowFigures } from './health.js';
import { shareOutsideTraining } from './outside-training.js';
import { psi } from './psi.js';

/** A prediction whose horizon has closed. */
export interface ResolvedOutcome {
  readonly openMs: number;
  readonly probabilityUp: number;
  readonly up: boolean;
}

/**
 * Layer 7 for one stream: keeps each prediction until its horizon's bar has closed, then compares. Candles must be given
 * in order, warm-up ones included, since a prediction made before a restart is resolved by them.
 */
export interface Monitor {
  /** Takes a closed bar; returns the outcomes it brought. */
  onCandle(candle: Candle): readonly ResolvedOutcome[];
  /** Takes the prediction of the bar last given to {@link onCandle}, and its row of all feature columns, if known. */
  onPrediction(openMs: number, probabilityUp: number, features: Float64Array | null): void;
  /** Takes over predictions of an earlier run, oldest first; before warm-up. */
  restore(outcomes: RestoredState['outcomes']): void;
  /**
   * Another model decides from now on: its health is reckoned from its own predictions alone. Outcomes of earlier ones are
   * still told, but no longer counted.
   */
  useModel(model: MonitoredModel): void;
  /** See {@link shareOutsideTraining}, by the model that decides. */
  outsideTraining(features: Float64Array | null): number | null;
  health(): HealthReport;
}

export type MonitoredModel = Pick<ModelManifest, 'horizonBars' | 'reference'>;

interface Pending {
  readonly openMs: number;
  readonly probabilityUp: number;
  /** Close of its own bar; null until that bar was seen (after a restart). */
  close: number | null;
  barsLeft: number;
  /** Made by the model that decides now. */
  counts: boolean;
}

const NONE: readonly ResolvedOutcome[] = [];

export function createMonitor(config: MonitoringConfig, firstModel: MonitoredModel): Monitor {
  let model = firstModel;
  const pending: Pending[] = [];
  /** Rings of the last `aucWindow` outcomes; the AUC does not ask for their order. */
  const scores: number[] = [];
  const ups: boolean[] = [];
  let resolvedCount = 0;
  /** Ring of the last rows: row r at r·width. */
  const width = FEATURE_COLUMNS.length;
  const rows = new Float64Array(config.psiWindowRows * width);
  let rowCount = 0;
  let lastClose = Number.NaN;

  function keep(probabilityUp: number, up: boolean): void {
    scores[resolvedCount % config.aucWindow] = probabilityUp;
    ups[resolvedCount % config.aucWindow] = up;
    resolvedCount++;
  }

  function drift(): Partial<Record<FeatureColumn, number>> {
    const byColumn: Partial<Record<FeatureColumn, number>> = {};
    if (rowCount < config.psiWindowRows) return byColumn;
    const values = new Float64Array(config.psiWindowRows);
    for (const reference of model.reference) {
      const column = FEATURE_COLUMNS.indexOf(reference.column);
      for (let row = 0; row < config.psiWindowRows; row++) values[row] = rows[row * width + column]!;
      const value = psi(reference, values);
      if (value !== null) byColumn[reference.column] = value;
    }
    return byColumn;
  }

  function figures(): WindowFigures {
    const interval = scores.length < config.aucWindow ? null : aucInterval(scores, ups);
    const right = scores.filter((p, i) => (ups[i] ? p > 0.5 : p < 0.5)).length;
    return {
      aucInterval: interval && {
        low: interval.low,
        high: interval.high,
        standardError: interval.standardError,
      },
      brier: brierScore(
        scores,
        ups.map((up) => (up ? 1 : 0)),
      ),
      hitRate: scores.length === 0 ? null : right / scores.length,
    };
  }

  return {
    onCandle(candle) {
      lastClose = candle.close;
      if (pending.length === 0) return NONE;
      let resolved: ResolvedOutcome[] | null = null;
      let kept = 0;
      for (const entry of pending) {
        if (entry.close === null) {
          if (entry.openMs === candle.openMs) entry.close = candle.close;
          // A bar before the first one of the warm-up will not be seen again: its outcome cannot be told any more.
          if (entry.openMs >= candle.openMs) pending[kept++] = entry;
        } else if (--entry.barsLeft > 0) {
          pending[kept++] = entry;
        } else {
          const up = candle.close > entry.close;
          if (entry.counts) keep(entry.probabilityUp, up);
          const outcome = { openMs: entry.openMs, probabilityUp: entry.probabilityUp, up };
          if (resolved === null) resolved = [outcome];
          else resolved.push(outcome);
        }
      }
      // Setting the length would be ten times as slow.
      while (pending.length > kept) pending.pop();
      return resolved ?? NONE;
    },
    onPrediction(openMs, probabilityUp, features) {
      pending.push({ openMs, probabilityUp, close: lastClose, barsLeft: model.horizonBars, counts: true });
      if (features === null || features.length < width) return;
      const at = (rowCount % config.psiWindowRows) * width;
      for (let i = 0; i < width; i++) rows[at + i] = features[i]!;
      rowCount++;
    },
    restore(outcomes) {
      for (const outcome of outcomes) {
        if (outcome.up === null) {
          pending.push({
            openMs: outcome.openMs,
            probabilityUp: outcome.probabilityUp,
            close: null,
            barsLeft: model.horizonBars,
            counts: true,
          });
        } else {
          keep(outcome.probabilityUp, outcome.up);
        }
      }
    },
    useModel(next) {
      model = next;
      for (const entry of pending) entry.counts = false;
      scores.length = 0;
      ups.length = 0;
      resolvedCount = 0;
      rowCount = 0;
    },
    outsideTraining: (features) => shareOutsideTraining(model.reference, features),
    health: () =>
      healthOf(rollingAuc(scores, ups, config.aucWindow), resolvedCount, drift(), config, figures()),
  };
}
