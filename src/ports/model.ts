import type { Candle, CandleColumns } from '../core/candle.js';
import type { ModelManifest } from '../core/manifest.js';

/** Columns of features; `valid[i]` is 1 where every column of row i has a value. Order: FEATURE_COLUMNS. */
export interface FeatureColumnsOut {
  readonly length: number;
  /** length × 10, column after column (column c of row i at c·length + i). NaN where there is no value. */
  readonly values: Float64Array;
  readonly valid: Uint8Array;
}

/** Computes features. `gapBefore[i]` = 1 marks a gap before row i that must not be bridged (none when omitted). */
export interface FeatureKernel {
  /** Whole series at once. */
  batch(candles: CandleColumns): FeatureColumnsOut;
  /** A streaming window for one symbol. Values equal `batch` bit for bit. */
  stream(): FeatureStreamPort;
}

export interface FeatureStreamPort {
  /**
   * Takes the next candle and writes the 10 features of its row into `out` (NaN where there is no value).
   * Returns true when every value is there, so the row may be used.
   */
  push(candle: Candle, out: Float64Array): boolean;
  /**
   * Takes candles that follow each other; their rows as `push` gives them one by one. `into` is memory for at least as
   * many rows, which the answer is then written into: `values` column after column of `candles.length` each.
   */
  pushChunk(candles: CandleColumns, into?: FeatureColumnsOut): FeatureColumnsOut;
  reset(): void;
}

/** A loaded model. Rows are MODEL_WIDTH wide, row after row. */
export interface Classifier {
  readonly manifest: ModelManifest;
  /** P(up) for each row, raw. Rejects when the session fails; non-finite values are passed on for the layer to refuse. */
  predict(rows: Float64Array, count: number): Promise<Float64Array>;
  close(): Promise<void>;
}

/**
 * A forest of binary trees, flat. Nodes of tree t are [treeStart[t], treeStart[t + 1]); `feature` is −1 for a leaf; a row
 * goes left where (x − mean)/std, in float32, is at or below `threshold`. `left` counts from the tree's first node and the
 * right child follows it. P(up) is the sum of the reached leaves' `weight`.
 */
export interface Forest {
  readonly width: number;
  readonly mean: Float32Array;
  readonly std: Float32Array;
  readonly treeStart: Int32Array;
  readonly feature: Int16Array;
  readonly threshold: Float32Array;
  readonly left: Uint16Array;
  readonly weight: Float32Array;
}

/** Whole numbers all. */
export interface ForestOptions {
  readonly trees: number;
  /** 1 to 15. */
  readonly depthMax: number;
  readonly leafRowsMin: number;
  /** 0 stands for the whole part of √width. */
  readonly featuresPerSplit: number;
  /** 2 to 256. */
  readonly binsMax: number;
  readonly threads: number;
  readonly seed: number;
}

export interface TrainedForest {
  readonly forest: Forest;
  /** P(up) of each training row by the trees that did not see it; NaN where every tree did. */
  readonly outOfBag: Float64Array;
  /** Mean decrease in impurity of each column; sums to 1. */
  readonly importance: Float64Array;
}

export interface ForestTrainer {
  /**
   * Trains on rows of `width` values, row after row, and labels 0 or 1, off the calling thread; the answer depends on
   * `seed`, never on `threads`. Rejects with the signal's reason when aborted, with `E_TRAIN_…` where the rows will not do.
   */
  train(
    rows: Float64Array,
    labels: Uint8Array,
    width: number,
    options: ForestOptions,
    hooks?: { readonly onProgress?: (treesDone: number) => void; readonly signal?: AbortSignal },
  ): Promise<TrainedForest>;
  /** P(up) of each row; what the exported model answers, bit for bit. */
  predict(forest: Forest, rows: Float64Array): Promise<Float64Array>;
}

/** A folder whose sub-folders are models. Names are single path parts. */
export interface ModelDirectory {
  names(): Promise<readonly string[]>;
  /** The text of a model's `manifest.json`; undefined where there is none. */
  manifest(name: string): Promise<string | undefined>;
  /** Puts a whole model there at once, durably: it is seen complete or not at all. Rejects where the name is taken. */
  add(name: string, model: Uint8Array, manifest: string): Promise<void>;
  remove(name: string): Promise<void>;
}
