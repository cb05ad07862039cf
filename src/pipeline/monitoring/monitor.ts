import type { Candle } from '../../core/candle.js';
import { columnOf, FEATURE_COLUMNS, type FeatureColumn } from '../../core/feature-set.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { RestoredState } from '../../core/records.js';
import { estimateAuc } from '../../learning/delong.js';
import { brierScore } from '../../learning/evaluate.js';
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
   * Another model decides from now on: its health is computed from its own predictions alone. Outcomes of earlier ones are
   * still told, but no longer counted.
   */
  useModel(model: MonitoredModel): void;
  /** See {@link shareOutsideTraining}, by the model that decides. */
  outsideTraining(features: Float64Array | null): number | null;
  health(): HealthReport;
}

export type MonitoredModel = Pick<ModelManifest, 'horizonBars' | 'reference'>;

/** A prediction that waits, in one row: each bar brings one, and an object for each would be most of what the bar costs. */
const OPEN_MS = 0;
const PROBABILITY = 1;
/** Close of its own bar; NaN until that bar was seen (after a restart). */
const CLOSE = 2;
const BARS_LEFT = 3;
/** 1 where it was made by the model that decides now. */
const COUNTS = 4;
const PENDING = 5;

const NONE: readonly ResolvedOutcome[] = [];

export function createMonitor(config: MonitoringConfig, firstModel: MonitoredModel): Monitor {
  return new StreamMonitor(config, firstModel);
}

const WIDTH = FEATURE_COLUMNS.length;

/** A class, since a backtest of many streams goes through here for each of their bars in turn: its methods are one for all. */
class StreamMonitor implements Monitor {
  readonly #config: MonitoringConfig;
  #model: MonitoredModel;
  #pending = new Float64Array(8 * PENDING);
  #pendingCount = 0;
  /** Ring of the last `aucWindow` outcomes, score and whether it went up side by side; the AUC does not ask for their order. */
  readonly #outcomes: Float64Array;
  #resolvedCount = 0;
  /** Ring of the last rows: row r at r·WIDTH. */
  readonly #rows: Float64Array;
  #rowCount = 0;
  #lastClose = Number.NaN;

  constructor(config: MonitoringConfig, model: MonitoredModel) {
    this.#config = config;
    this.#model = model;
    this.#outcomes = new Float64Array(config.aucWindow * 2);
    this.#rows = new Float64Array(config.psiWindowRows * WIDTH);
  }

  onCandle(candle: Candle): readonly ResolvedOutcome[] {
    this.#lastClose = candle.close;
    const pending = this.#pending;
    const end = this.#pendingCount * PENDING;
    let resolved: ResolvedOutcome[] | null = null;
    let kept = 0;
    for (let at = 0; at < end; at += PENDING) {
      const openMs = pending[at + OPEN_MS]!;
      const close = pending[at + CLOSE]!;
      let stays: boolean;
      if (Number.isNaN(close)) {
        if (openMs === candle.openMs) pending[at + CLOSE] = candle.close;
        // A bar before the first one of the warm-up will not be seen again: its outcome cannot be told any more.
        stays = openMs >= candle.openMs;
      } else {
        stays = --pending[at + BARS_LEFT]! > 0;
        if (!stays) {
          const probabilityUp = pending[at + PROBABILITY]!;
          const up = candle.close > close;
          if (pending[at + COUNTS] === 1) this.#keep(probabilityUp, up);
          resolved ??= [];
          resolved.push({ openMs, probabilityUp, up });
        }
      }
      if (!stays) continue;
      if (kept < at) for (let c = 0; c < PENDING; c++) pending[kept + c] = pending[at + c]!;
      kept += PENDING;
    }
    this.#pendingCount = kept / PENDING;
    return resolved ?? NONE;
  }

  onPrediction(openMs: number, probabilityUp: number, features: Float64Array | null): void {
    this.#await(openMs, probabilityUp, this.#lastClose);
    if (features === null || features.length < WIDTH) return;
    const rows = this.#rows;
    const at = (this.#rowCount % this.#config.psiWindowRows) * WIDTH;
    for (let i = 0; i < WIDTH; i++) rows[at + i] = features[i]!;
    this.#rowCount++;
  }

  restore(outcomes: RestoredState['outcomes']): void {
    for (const { openMs, probabilityUp, up } of outcomes) {
      if (up !== null) this.#keep(probabilityUp, up);
      else this.#await(openMs, probabilityUp, Number.NaN);
    }
  }

  useModel(next: MonitoredModel): void {
    this.#model = next;
    for (let i = 0; i < this.#pendingCount; i++) this.#pending[i * PENDING + COUNTS] = 0;
    this.#resolvedCount = 0;
    this.#rowCount = 0;
  }

  outsideTraining(features: Float64Array | null): number | null {
    return shareOutsideTraining(this.#model.reference, features);
  }

  health(): HealthReport {
    const { scores, ups } = this.#lastOutcomes();
    const auc = rollingAuc(scores, ups, this.#config.aucWindow);
    return healthOf(auc, this.#resolvedCount, this.#drift(), this.#config, this.#figures(scores, ups));
  }

  #await(openMs: number, probabilityUp: number, close: number): void {
    const at = this.#pendingCount++ * PENDING;
    if (at === this.#pending.length) {
      const wider = new Float64Array(2 * at);
      wider.set(this.#pending);
      this.#pending = wider;
    }
    const pending = this.#pending;
    pending[at + OPEN_MS] = openMs;
    pending[at + PROBABILITY] = probabilityUp;
    pending[at + CLOSE] = close;
    pending[at + BARS_LEFT] = this.#model.horizonBars;
    pending[at + COUNTS] = 1;
  }

  #keep(probabilityUp: number, up: boolean): void {
    const at = (this.#resolvedCount % this.#config.aucWindow) * 2;
    this.#outcomes[at] = probabilityUp;
    this.#outcomes[at + 1] = up ? 1 : 0;
    this.#resolvedCount++;
  }

  #lastOutcomes(): { readonly scores: number[]; readonly ups: boolean[] } {
    const scores: number[] = [];
    const ups: boolean[] = [];
    const count = Math.min(this.#resolvedCount, this.#config.aucWindow);
    for (let i = 0; i < count; i++) {
      scores.push(this.#outcomes[2 * i]!);
      ups.push(this.#outcomes[2 * i + 1] === 1);
    }
    return { scores, ups };
  }

  #drift(): Partial<Record<FeatureColumn, number>> {
    const { psiWindowRows } = this.#config;
    const byColumn: Partial<Record<FeatureColumn, number>> = {};
    if (this.#rowCount < psiWindowRows) return byColumn;
    const values = new Float64Array(psiWindowRows);
    for (const reference of this.#model.reference) {
      const column = columnOf(reference.column);
      for (let row = 0; row < psiWindowRows; row++) values[row] = this.#rows[row * WIDTH + column]!;
      const value = psi(reference, values);
      if (value !== null) byColumn[reference.column] = value;
    }
    return byColumn;
  }

  #figures(scores: readonly number[], ups: readonly boolean[]): WindowFigures {
    const estimate = scores.length < this.#config.aucWindow ? null : estimateAuc(scores, ups);
    const right = scores.filter((p, i) => (ups[i] ? p > 0.5 : p < 0.5)).length;
    return {
      aucInterval: estimate?.interval ?? null,
      brier: brierScore(
        scores,
        ups.map((up) => (up ? 1 : 0)),
      ),
      hitRate: scores.length === 0 ? null : right / scores.length,
    };
  }
}
