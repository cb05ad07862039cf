import type { Alert } from './core/alert.js';
import type { Candle, CandleColumns, StreamKey } from './core/candle.js';
import type { CancelOrder, CancelOutcome } from './core/guard-link.js';
import type { LayerHealth } from './core/health.js';
import type { ModelManifest } from './core/manifest.js';
import type {
  Fill,
  FillId,
  MarketListing,
  OrderHint,
  OrderReport,
  OrderRequest,
  Quote,
} from './core/order.js';
import type {
  AccountSnapshot,
  BarRecord,
  CapitalFlow,
  Correction,
  Gap,
  HaltRecord,
  KnownCandles,
  ModelRecord,
  OrderEvent,
  PeakRebase,
  PredictionOutcome,
  Rejection,
  RestoredState,
  RowFilter,
  RunRecord,
  ShadowPrediction,
  StoredPrediction,
  TradesSoFar,
} from './core/records.js';
import type { TradingState } from './core/trading-state.js';

export type * from './core/records.js';

/**
 * The narrow interfaces through which time, randomness and I/O reach the pipeline. Adapters implement them; the
 * pipeline and everything pure knows nothing else of the world.
 */

// ── time and chance ─────────────────────────────────────────────────────────────────────────────────────────────

export interface Clock {
  /** UTC milliseconds: candles, exchange time. Simulated in backtest, demo and simulation. */
  wallMs(): number;
  /** Milliseconds of CLOCK_MONOTONIC: permits, time-outs, watchdogs. Never goes back, never simulated with wall time. */
  monotonicMs(): number;
  /** Resolves after that much monotonic time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Timers on the monotonic clock. The returned function ends the task and may be called twice. */
export interface Scheduler {
  every(periodMs: number, task: () => void): () => void;
  after(delayMs: number, task: () => void): () => void;
}

/** Uniform on [0, 1). */
export interface Rng {
  next(): number;
}

// ── market data ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A candle as it came in, before any check: values may be anything a number can be. `raw` is the source's own text or row. */
export interface RawCandle extends Candle {
  readonly raw?: string;
}

export interface CandleFeed {
  readonly exchange: string;
  /** One page of history at or after `sinceMs`, oldest first, at most `limit` rows. May end with the bar in progress. */
  history(symbol: string, timeframe: string, sinceMs: number, limit: number): Promise<readonly RawCandle[]>;
  /**
   * Streams closed bars until `signal` aborts (resolves) or the connection fails (rejects with a fault).
   * `onClosed` gets each bar once it can no longer change. `onLife` is called for every message, closed bar or not.
   */
  stream(
    symbol: string,
    timeframe: string,
    onClosed: (candle: RawCandle) => void,
    onLife: () => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Top of book now; undefined where the venue has none. */
  quote(symbol: string): Promise<Quote | undefined>;
  /** These symbols as the exchange lists them now, read anew; one that it does not list is not in the answer. */
  listed(symbols: readonly string[]): Promise<ReadonlyMap<string, MarketListing>>;
  close(): Promise<void>;
}

// ── native kernels and models ───────────────────────────────────────────────────────────────────────────────────

/** Columns of features; `valid[i]` is 1 where every column of row i has a value. Order: FEATURE_COLUMNS. */
export interface FeatureColumnsOut {
  readonly length: number;
  /** length × 10, column after column (column c of row i at c·length + i). NaN where there is no value. */
  readonly values: Float64Array;
  readonly valid: Uint8Array;
}

/** Computes features. `gapBefore[i]` = 1 marks a hole before row i that must not be bridged (none when omitted). */
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

// ── learning ────────────────────────────────────────────────────────────────────────────────────────────────────

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
export interface ModelShelf {
  names(): Promise<readonly string[]>;
  /** The text of a model's `manifest.json`; undefined where there is none. */
  manifest(name: string): Promise<string | undefined>;
  /** Puts a whole model there at once, durably: it is seen complete or not at all. Rejects where the name is taken. */
  add(name: string, model: Uint8Array, manifest: string): Promise<void>;
  remove(name: string): Promise<void>;
}

// ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** What came of handing an order to a venue. */
export type SubmitResult =
  | { readonly kind: 'report'; readonly report: OrderReport }
  /** The venue surely did not take it (refused before or at the door); may be retried when `retryable`. */
  | {
      readonly kind: 'not_placed';
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
      /** What the refusal may speak of: steps and minimums that are no longer those known here, or a closed market. */
      readonly about?: 'rules' | 'closed';
    }
  /** Nobody knows: time-out, 5xx, dropped connection, malformed answer. Resolve by client order id, never resend. */
  | { readonly kind: 'ambiguous'; readonly message: string };

export interface Balance {
  readonly currency: string;
  readonly free: string;
  readonly total: string;
}

export interface Broker {
  readonly exchange: string;
  readonly kind: 'paper' | 'live';
  /** Only the order gate may call this; a test enforces it. */
  create(order: OrderRequest, quote: Quote): Promise<SubmitResult>;
  /** Looks an order up by client order id among open orders, closed orders and trades. */
  find(clientOrderId: string, symbol: string): Promise<OrderReport | undefined>;
  cancel(clientOrderId: string, symbol: string): Promise<void>;
  /** Of these symbols; of the whole account when none is named. */
  openOrders(symbols: readonly string[]): Promise<readonly OrderReport[]>;
  /** Orders placed or traded at or after `sinceMs` (the exchange's time), each with all of its fills. */
  history(symbols: readonly string[], sinceMs: number): Promise<readonly OrderReport[]>;
  /** Finished deposits and withdrawals; `atMs` is the exchange's time of each. Null where the venue does not tell. */
  transfers(sinceMs: number): Promise<readonly CapitalFlow[] | null>;
  balances(): Promise<readonly Balance[]>;
  /** Whether a stop can rest here for the symbol and be followed like any other order; absent = never. */
  takesStops?(symbol: string): boolean;
}

/** Follows what an exchange says of our orders, until `signal` aborts (resolves) or the line fails (rejects). */
export type OrderStream = (onHint: (hint: OrderHint) => void, signal: AbortSignal) => Promise<void>;

/** The guard's leave to enter, read synchronously at the moment of use. */
export interface Permit {
  read(): PermitReading;
}

/** `state` is the guard's: one read answers both "may anything leave" and "may it enter". HALTED is never ok. */
export type PermitReading =
  | {
      readonly ok: true;
      readonly state: Exclude<TradingState, 'HALTED'>;
      readonly epoch: number;
      readonly expiresMonotonicMs: number;
    }
  | { readonly ok: false; readonly reason: 'absent' | 'unreadable' | 'lapsed' | 'revoked' };

/** The state the pipeline and the gate go by: HALTED whenever the permit is not ok, else the guard's own state. */
export interface TradingStateSource {
  state(): TradingState;
}

/** What the guard asks of the trader. Both may be called again while an earlier call runs. */
export interface TraderDuties {
  /** By the two-answer rule. Called again a second after each outcome that is not confirmed, while the halt stands. */
  cancelAll(order: CancelOrder): Promise<CancelOutcome>;
  /** Resolves once orders, fills, balances and positions agree with the exchange; a rejection is tried again. */
  reconcile(): Promise<void>;
}

/** The trader's connection to the guard. */
export interface GuardLink {
  start(): void;
  stop(): Promise<void>;
  /** Asks the guard to halt (circuit breaker). The trader moves its own state down beside that. */
  requestHalt(detail: string): void;
}

// ── storage ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Store {
  /**
   * One transaction; resolves when durable. A bar already stored is an error unless equal. `outcomes` are those of earlier
   * predictions that this bar's close told; one already stored is an error unless equal.
   */
  commitBar(record: BarRecord, outcomes?: readonly PredictionOutcome[]): Promise<void>;
  /** An order is on its way until this settles: what nobody waits for may let it go first. For a store that has such work. */
  letPass?(order: Promise<unknown>): void;
  /** Many history candles at once (backfill, import); already known ones are left as they are. Returns rows added. */
  addCandles(stream: StreamKey, candles: CandleColumns, availableAtMs: number): Promise<number>;
  quarantine(rows: readonly Rejection[]): Promise<void>;
  /** Durable. The same correction seen again is left as it is; the candle itself is never rewritten. */
  recordCorrection(correction: Correction): Promise<void>;
  /** The last `count` candles of a stream, oldest first. */
  lastCandles(stream: StreamKey, count: number): Promise<readonly Candle[]>;
  /**
   * Durable before it resolves: an order is written down before it is sent. The fills that the same report told go into
   * the same transaction, each as by {@link recordFills}.
   */
  recordOrder(event: OrderEvent, fills?: readonly Fill[]): Promise<void>;
  /** Durable. A fill already stored (by exchange and fill id) is left as it is. */
  recordFills(fills: readonly Fill[]): Promise<void>;
  /** Durable. A flow already stored (by exchange, kind and id) is left as it is. */
  recordFlows(flows: readonly CapitalFlow[]): Promise<void>;
  recordHalt(record: HaltRecord): Promise<void>;
  /** Durable: the account that is restored is from then on measured anew. */
  recordRebase(rebase: PeakRebase): Promise<void>;
  restore(): Promise<RestoredState>;
  close(): Promise<void>;
}

/** Rows beside the way of the data. All append-only and durable when they resolve. */
export interface StoreNotes {
  /** A later row for the same stream and `fromMs` replaces the earlier one. */
  recordGap(gap: Gap): Promise<void>;
  recordHealth(layers: readonly LayerHealth[], atMs: number): Promise<void>;
  recordModel(model: ModelRecord): Promise<void>;
  recordRun(run: RunRecord): Promise<void>;
  recordShadow(prediction: ShadowPrediction): Promise<void>;
  /** The owner has been told of these fills; until then each is among the restored state's `unreportedFills`. */
  recordReported(fills: readonly FillId[]): Promise<void>;
}

/** Reads what was stored, for reports and comparisons; in the order it was recorded where nothing else is said. */
export interface StoreReader {
  /** Bars that brought a decision or an account, by open time, then in the order they were committed. */
  decisions(filter?: RowFilter): Promise<readonly BarRecord[]>;
  /** By open time. */
  predictions(filter?: RowFilter): Promise<readonly StoredPrediction[]>;
  /** A stream's candles, oldest first. */
  candles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<CandleColumns>;
  /** The same, each with the time it became known. */
  knownCandles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<KnownCandles>;
  /** Account snapshots in the order they were committed. */
  equityCurve(): Promise<readonly AccountSnapshot[]>;
  /** By time, then in the order they were recorded. */
  fills(): Promise<readonly Fill[]>;
  orderEvents(): Promise<readonly OrderEvent[]>;
  halts(): Promise<readonly HaltRecord[]>;
  rebases(): Promise<readonly PeakRebase[]>;
  quarantined(): Promise<readonly Rejection[]>;
  corrections(): Promise<readonly Correction[]>;
  gaps(): Promise<readonly Gap[]>;
  models(): Promise<readonly ModelRecord[]>;
  runs(): Promise<readonly RunRecord[]>;
  shadowPredictions(): Promise<readonly ShadowPrediction[]>;
}

/**
 * A bar that came back from the journal over a loss: decided as it stands in the store, on what is not all there any more.
 * Where no decision stands there, it is only known that it was acted on.
 */
export interface ReplayedBar {
  readonly stream: StreamKey;
  readonly openMs: number;
}

/** Alerts that wait for delivery; removed at acknowledgement. */
export interface AlertOutbox {
  add(alert: Alert): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /** Oldest first. */
  pending(limit: number): Promise<readonly Alert[]>;
}

// ── people ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface AlertSink {
  /** Accepts an alert for delivery; resolves once it cannot be lost any more. */
  raise(alert: Alert): Promise<void>;
  /** The retained picture of the box; the newest replaces the one before. */
  publishState(state: BoxState): void;
}

/** The retained JSON on `redbutton/<device>/state`. */
export interface BoxState {
  readonly tradingState: TradingState;
  readonly mode: 'paper' | 'live';
  readonly equity: number | null;
  readonly drawdown: number | null;
  readonly positions: Readonly<Record<string, number>>;
  readonly trades: TradesSoFar;
  readonly feedAgeMs: number | null;
  readonly modelHealth: string;
  readonly rollingAuc: number | null;
  readonly layers: readonly LayerHealth[];
  /** Of the processor; absent or null where no sensor is known. */
  readonly temperatureC?: number | null;
  readonly version: string;
  readonly atMs: number;
}

// ── the box ─────────────────────────────────────────────────────────────────────────────────────────────────────

export type { Gpio, InputLine, OutputLine } from './gpio-ports.js';
