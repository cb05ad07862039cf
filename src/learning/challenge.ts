import { areaUnderCurve } from '../core/auc.js';
import { MODEL_WIDTH } from '../core/feature-set.js';
import type { ChallengeResult } from '../core/manifest.js';
import type { Classifier, ForestOptions, ForestTrainer } from '../ports/model.js';
import { aucDifference } from './delong.js';
import { lowerBound, purgedEnd } from './folds.js';
import { sliceTable, type TrainingTable } from './training-table.js';

export interface ChallengeRules {
  readonly folds: number;
  /** The newest rows that a fold's challenger learns from. */
  readonly trainRowsMax: number;
  readonly trainRowsMin: number;
  /** Rows that the champion has not seen, below which nothing is compared. */
  readonly testRowsMin: number;
  /** The newest of those rows that are compared: what was true longer ago says little of a market that has changed. */
  readonly testRowsMax: number;
  /** Rows of one bar, where the tables of several streams were merged. */
  readonly rowsPerBar: number;
  readonly embargoBars: number;
  readonly timeframeMs: number;
  /** The challenger's AUC must be above the champion's by this much… */
  readonly margin: number;
  /** …and the difference must be this unlikely without a cause (one-sided, DeLong's paired test). */
  readonly significance: number;
}

export const CHALLENGE_DEFAULTS = {
  folds: 5,
  trainRowsMax: 50_000,
  trainRowsMin: 300,
  testRowsMin: 300,
  testRowsMax: 5000,
  rowsPerBar: 1,
  embargoBars: 20,
  margin: 0.01,
  significance: 0.05,
} as const;

/**
 * Whether a model trained now would have done better than the champion: over the rows that came after the champion's
 * training, in folds that follow one another, a challenger is trained on what was known before each (purged, embargoed) and
 * both answer the same rows. Rows that the champion was trained on would flatter it and are left out.
 */
export async function challenge(
  trainer: ForestTrainer,
  champion: Classifier,
  table: TrainingTable,
  forest: ForestOptions,
  rules: ChallengeRules,
  hooks: { readonly signal?: AbortSignal; readonly onFold?: (done: number, folds: number) => void } = {},
): Promise<ChallengeResult> {
  // Rows, not bars, are purged.
  const horizonRows = table.horizonBars * rules.rowsPerBar;
  const plan = {
    horizonBars: horizonRows,
    embargoBars: rules.embargoBars,
    timeframeMs: rules.timeframeMs,
  };
  // The label of the champion's last row, and the embargo after it, are not new to it either.
  const knownMs = champion.manifest.training?.toMs ?? Number.NEGATIVE_INFINITY;
  const unseen =
    lowerBound(table.openMs, knownMs + 1) + (knownMs === Number.NEGATIVE_INFINITY ? 0 : horizonRows);
  const first = Math.max(
    unseen,
    rules.trainRowsMin + rules.embargoBars * rules.rowsPerBar + horizonRows,
    table.length - rules.testRowsMax,
  );
  const rows = Math.max(0, table.length - first);
  if (rows < rules.testRowsMin) {
    return {
      promoted: false,
      reason: 'too_few_rows',
      rows,
      championAuc: null,
      challengerAuc: null,
      difference: null,
      folds: [],
    };
  }

  const own = new Float64Array(rows);
  const theirs = await champion.predict(table.rows.subarray(first * MODEL_WIDTH), rows);
  const labels = table.labels.subarray(first);
  const folds: ChallengeResult['folds'][number][] = [];
  for (let k = 0; k < rules.folds; k++) {
    hooks.signal?.throwIfAborted();
    const from = Math.floor((rows * k) / rules.folds);
    const to = Math.floor((rows * (k + 1)) / rules.folds);
    const fromMs = table.openMs[first + from]!;
    const end = purgedEnd(table.openMs, fromMs, plan);
    const part = sliceTable(table, Math.max(0, end - rules.trainRowsMax), end);
    const grown = await trainer.train(part.rows, part.labels, MODEL_WIDTH, forest, {
      ...(hooks.signal ? { signal: hooks.signal } : {}),
    });
    const test = sliceTable(table, first + from, first + to);
    own.set(await trainer.predict(grown.forest, test.rows), from);
    folds.push({
      fromMs,
      rows: to - from,
      championAuc: areaUnderCurve(theirs.subarray(from, to), test.labels),
      challengerAuc: areaUnderCurve(own.subarray(from, to), test.labels),
    });
    hooks.onFold?.(k + 1, rules.folds);
  }
  const difference = aucDifference(own, theirs, labels);
  const better = difference !== null && difference.difference >= rules.margin;
  const sure = difference !== null && difference.pGreater <= rules.significance;
  return {
    promoted: better && sure,
    reason: better ? (sure ? 'better' : 'not_significant') : 'not_better',
    rows,
    championAuc: areaUnderCurve(theirs, labels),
    challengerAuc: areaUnderCurve(own, labels),
    difference,
    folds,
  };
}
