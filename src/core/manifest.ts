import type { FeatureColumn } from './feature-set.js';

/** How calibrated probabilities come from raw ones. `platt`: 1/(1 + exp(a·logit(p) + b)); `isotonic`: lines from point to point. */
export type Calibration =
  | { readonly kind: 'identity' }
  | { readonly kind: 'platt'; readonly a: number; readonly b: number }
  | { readonly kind: 'isotonic'; readonly x: readonly number[]; readonly y: readonly number[] };

/** Training distribution of one feature: `edges` has one element more than `counts`; the outer bins are open-ended. */
export interface ReferenceHistogram {
  readonly column: FeatureColumn;
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly min: number;
  readonly max: number;
}

/** How a challenge went, with its figures; kept whether it was won or not. */
export interface ChallengeResult {
  readonly promoted: boolean;
  readonly reason: 'better' | 'not_better' | 'not_significant' | 'too_few_rows';
  /** Rows that both answered and neither was trained on. */
  readonly rows: number;
  readonly championAuc: number | null;
  readonly challengerAuc: number | null;
  /** AUC of the challenger less that of the champion (DeLong, paired); `pGreater` is one-sided. */
  readonly difference: {
    readonly difference: number;
    readonly standardError: number;
    readonly pGreater: number;
  } | null;
  /** By fold: open time of the first test row, rows, and both AUCs. */
  readonly folds: readonly {
    readonly fromMs: number;
    readonly rows: number;
    readonly championAuc: number | null;
    readonly challengerAuc: number | null;
  }[];
}

/** `manifest.json`, beside each `model.onnx`. */
export interface ModelManifest {
  readonly manifestVersion: 1;
  /** Free words: `forest`, `external`. */
  readonly kind: string;
  readonly featureSet: string;
  readonly columns: readonly FeatureColumn[];
  readonly horizonBars: number;
  readonly input: { readonly name: string; readonly type: 'float32' | 'float64' };
  readonly output: {
    readonly name: string;
    /** [rows, 2], [rows, 1] or [rows]. The runtime reads tensors alone: a sequence of maps is turned into one on import. */
    readonly form: 'tensor';
    /** Column of P(up). */
    readonly upIndex: number;
  };
  /** Rows may be scored in one batch: batched and single-row answers were found equal bit for bit. */
  readonly batchable: boolean;
  readonly sha256: string;
  readonly calibration: Calibration;
  readonly training: {
    readonly exchange: string | null;
    readonly symbol: string | null;
    readonly timeframe: string | null;
    readonly fromMs: number;
    readonly toMs: number;
    readonly rows: number;
    readonly seed: number;
    readonly parameters: Readonly<Record<string, number | string | boolean>>;
  } | null;
  readonly evaluation: {
    /** Rows of the model that was evaluated: the first four fifths. The shipped model is refitted on all rows. */
    readonly trainedRows: number;
    readonly heldOutRows: number;
    /** Open times of the first and the last held-out row. */
    readonly heldOutFromMs: number;
    readonly heldOutToMs: number;
    readonly heldOutAuc: number | null;
    /** Of the shipped model, on its own training rows by the trees that did not see them. */
    readonly outOfBagAuc: number | null;
    /** Held-out Brier score of the raw probability, of the calibrated one, and of always answering the base rate. */
    readonly brier: number | null;
    readonly brierCalibrated: number | null;
    readonly brierBaseRate: number | null;
  } | null;
  readonly reference: readonly ReferenceHistogram[];
  readonly featureImportance: Readonly<Partial<Record<FeatureColumn, number>>>;
  /** For a model that was made elsewhere: its file's sha256 and what was changed in it; null for our own. */
  readonly imported: { readonly sha256: string; readonly changes: readonly string[] } | null;
  /** For a model trained on the box: the champion it was held against, and how that went. */
  readonly challenge?: (ChallengeResult & { readonly championSha256: string }) | undefined;
  /** ISO time. */
  readonly createdAt: string;
}
