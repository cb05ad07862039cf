import type { Candle, CandleColumns, StreamKey } from '../core/candle.js';
import type { LayerHealth } from '../core/health.js';
import type { Fill, FillId } from '../core/order.js';
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
  QuarantinedRow,
  RestoredState,
  RowFilter,
  RunRecord,
  ShadowPrediction,
  StoredPrediction,
} from '../core/records.js';

export interface Store {
  /**
   * One transaction; resolves when durable. A bar already stored is an error unless equal. `outcomes` are those of earlier
   * predictions that this bar's close told; one already stored is an error unless equal.
   */
  commitBar(record: BarRecord, outcomes?: readonly PredictionOutcome[]): Promise<void>;
  /** An order is on its way until this settles: what nobody waits for may let it go first. For a store that has such work. */
  yieldTo?(order: Promise<unknown>): void;
  /** Many history candles at once (backfill, import); already known ones are left as they are. Returns rows added. */
  addCandles(stream: StreamKey, candles: CandleColumns, availableAtMs: number): Promise<number>;
  quarantine(rows: readonly QuarantinedRow[]): Promise<void>;
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
  /** Durable: the account that is restored is from then on measured again. */
  recordRebase(rebase: PeakRebase): Promise<void>;
  restore(): Promise<RestoredState>;
  close(): Promise<void>;
}

/** Rows beside the way of the data. All append-only and durable when they resolve. */
export interface AuditLog {
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
  quarantined(): Promise<readonly QuarantinedRow[]>;
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
