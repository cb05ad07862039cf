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
  return new StreamMonitor(config, firstModel);
}

const WIDTH = FEATURE_COLUMNS.length;

/** A class, since a backtest of many streams goes through here for each of their bars in turn: its methods are one for all. */
class StreamMonitor implements Monitor {
  readonly #config: MonitoringConfig;
  #model: MonitoredModel;
  readonly #pending: Pending[] = [];
  /** Rings of the last `aucWindow` outcomes; the AUC does not ask for their order. */
  readonly #scores: number[] = [];
  readonly #ups: boolean[] = [];
  #resolvedCount = 0;
  /** Ring of the last rows: row r at r·WIDTH. */
  readonly #rows: Float64Array;
  #rowCount = 0;
  #lastClose = Number.NaN;

  constructor(config: MonitoringConfig, model: MonitoredModel) {
    this.#config = config;
    this.#model = model;
    this.#rows = new Float64Array(config.psiWindowRows * WIDTH);
  }

  onCandle(candle: Candle): readonly ResolvedOutcome[] {
    const pending = this.#pending;
    this.#lastClose = candle.close;
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
        if (entry.counts) this.#keep(entry.probabilityUp, up);
        const outcome = { openMs: entry.openMs, probabilityUp: entry.probabilityUp, up };
        if (resolved === null) resolved = [outcome];
        else resolved.push(outcome);
      }
    }
    // Setting the length would be ten times as slow.
    while (pending.length > kept) pending.pop();
    return resolved ?? NONE;
  }

  onPrediction(openMs: number, probabilityUp: number, features: Float64Array | null): void {
    const barsLeft = this.#model.horizonBars;
    this.#pending.push({ openMs, probabilityUp, close: this.#lastClose, barsLeft, counts: true });
    if (features === null || features.length < WIDTH) return;
    const rows = this.#rows;
    const at = (this.#rowCount % this.#config.psiWindowRows) * WIDTH;
    for (let i = 0; i < WIDTH; i++) rows[at + i] = features[i]!;
    this.#rowCount++;
  }

  restore(outcomes: RestoredState['outcomes']): void {
    for (const { openMs, probabilityUp, up } of outcomes) {
      if (up !== null) this.#keep(probabilityUp, up);
      else {
        const barsLeft = this.#model.horizonBars;
        this.#pending.push({ openMs, probabilityUp, close: null, barsLeft, counts: true });
      }
    }
  }

  useModel(next: MonitoredModel): void {
    this.#model = next;
    for (const entry of this.#pending) entry.counts = false;
    this.#scores.length = 0;
    this.#ups.length = 0;
    this.#resolvedCount = 0;
    this.#rowCount = 0;
  }

  outsideTraining(features: Float64Array | null): number | null {
    return shareOutsideTraining(this.#model.reference, features);
  }

  health(): HealthReport {
    const auc = rollingAuc(this.#scores, this.#ups, this.#config.aucWindow);
    return healthOf(auc, this.#resolvedCount, this.#drift(), this.#config, this.#figures());
  }

  #keep(probabilityUp: number, up: boolean): void {
    const at = this.#resolvedCount % this.#config.aucWindow;
    this.#scores[at] = probabilityUp;
    this.#ups[at] = up;
    this.#resolvedCount++;
  }

  #drift(): Partial<Record<FeatureColumn, number>> {
    const { psiWindowRows } = this.#config;
    const byColumn: Partial<Record<FeatureColumn, number>> = {};
    if (this.#rowCount < psiWindowRows) return byColumn;
    const values = new Float64Array(psiWindowRows);
    for (const reference of this.#model.reference) {
      const column = FEATURE_COLUMNS.indexOf(reference.column);
      for (let row = 0; row < psiWindowRows; row++) values[row] = this.#rows[row * WIDTH + column]!;
      const value = psi(reference, values);
      if (value !== null) byColumn[reference.column] = value;
    }
    return byColumn;
  }

  #figures(): WindowFigures {
    const scores = this.#scores;
    const ups = this.#ups;
    const interval = scores.length < this.#config.aucWindow ? null : aucInterval(scores, ups);
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
}
