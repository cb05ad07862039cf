import type { Alert } from '../../core/alert.js';
import type { Candle, CandleColumns, StreamKey } from '../../core/candle.js';
import { invariant } from '../../core/errors.js';
import type { LayerHealth } from '../../core/health.js';
import type { Fill } from '../../core/order.js';
import type {
  AccountSnapshot,
  AlertOutbox,
  BarRecord,
  CapitalFlow,
  Correction,
  Gap,
  HaltRecord,
  KnownCandles,
  ModelRecord,
  OrderEvent,
  PredictionOutcome,
  Rejection,
  RestoredState,
  RowFilter,
  RunRecord,
  Store,
  StoredPrediction,
  StoreNotes,
  StoreReader,
} from '../../ports.js';
import { storeClosed } from '../store-rules/bar-rules.js';
import { accountOf } from './bar-columns.js';
import { BarGroup } from './bar-group.js';
import type { BarWriter, HighWater } from './bar-writer.js';
import type { DuckDb } from './binding.js';
import { IMPORT_BATCH_ROWS, importCandles } from './candle-import.js';
import type { FlowLog } from './flow-log.js';
import { fillOf, type MoneyLog, orderEventOf } from './money-log.js';
import { correctionOf, gapOf, haltOf, modelOf, type Notes, rejectionOf, runOf } from './notes.js';
import {
  readCandles,
  readDecisions,
  readKnownCandles,
  readLastCandles,
  readPredictions,
  readRestoredState,
} from './reader.js';
import { SerialQueue } from './serial-queue.js';
import type { Row, Session } from './session.js';
import type { StoreDesk } from './store-desk.js';

/**
 * `torn_log`: the unfinished last transaction of a power cut was cut from the log, and nothing committed was lost.
 * `put_aside`: the database was damaged, renamed, and a new one begun: the box must not trade on it unconfirmed.
 */
export type StoreRecovery =
  | { readonly kind: 'torn_log'; readonly keptAs: string; readonly bytes: number }
  | { readonly kind: 'put_aside'; readonly keptAs: string };

interface Parts {
  readonly duckdb: DuckDb;
  readonly session: Session;
  readonly bars: BarWriter;
  readonly newest: HighWater;
  readonly money: MoneyLog;
  readonly flows: FlowLog;
  readonly notes: Notes;
  readonly desk: StoreDesk;
  readonly recovery: StoreRecovery | null;
  readonly close: () => void;
}

/**
 * The store on disk. Everything that writes resolves after DuckDB's COMMIT, which syncs the log to the disk. Calls may
 * come at any time from anywhere in the process; they are carried out one after the other. Made by `openStore`.
 */
export class DuckStore implements Store, StoreReader, StoreNotes, AlertOutbox {
  /** What this start had to mend; null for an ordinary one. A person should hear of it. */
  readonly recovery: StoreRecovery | null;
  /** Queries, export and backup, beside the writer. */
  readonly desk: StoreDesk;
  readonly #parts: Parts;
  readonly #queue = new SerialQueue();
  #group: BarGroup | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.recovery = parts.recovery;
    this.desk = parts.desk;
  }

  commitBar(record: BarRecord, outcomes: readonly PredictionOutcome[] = []): Promise<void> {
    if (this.#closed) return Promise.reject(storeClosed());
    const bar = { record, outcomes };
    const joined = this.#group?.join(bar);
    if (joined) return joined;
    const group = new BarGroup();
    const committed = group.join(bar);
    invariant(committed !== undefined, 'a new group took no bar');
    const turn = this.#run(() => group.commit((bars) => this.#parts.bars.commitAll(bars)));
    this.#group = group;
    return Promise.all([committed, turn]).then(() => undefined);
  }

  async addCandles(stream: StreamKey, candles: CandleColumns, availableAtMs: number): Promise<number> {
    const { session, duckdb, newest } = this.#parts;
    let added = 0;
    for (let from = 0; from < candles.length; from += IMPORT_BATCH_ROWS) {
      const to = Math.min(from + IMPORT_BATCH_ROWS, candles.length);
      added += await this.#run(() =>
        importCandles(session, duckdb, newest, stream, candles, from, to, availableAtMs),
      );
    }
    return added;
  }

  quarantine(rows: readonly Rejection[]): Promise<void> {
    return this.#run(() => this.#parts.notes.quarantine(rows));
  }

  recordCorrection(correction: Correction): Promise<void> {
    return this.#run(() => this.#parts.notes.correction(correction));
  }

  lastCandles(stream: StreamKey, count: number): Promise<readonly Candle[]> {
    return this.#run(() => readLastCandles(this.#parts.session, stream, count));
  }

  recordOrder(event: OrderEvent, fills: readonly Fill[] = []): Promise<void> {
    return this.#run(() => this.#parts.money.order(event, fills));
  }

  recordFills(fills: readonly Fill[]): Promise<void> {
    return this.#run(() => this.#parts.money.fills(fills));
  }

  recordFlows(flows: readonly CapitalFlow[]): Promise<void> {
    return this.#run(() => this.#parts.flows.flows(flows));
  }

  recordHalt(record: HaltRecord): Promise<void> {
    return this.#run(() => this.#parts.notes.halt(record));
  }

  recordGap(gap: Gap): Promise<void> {
    return this.#run(() => this.#parts.notes.gap(gap));
  }

  recordHealth(layers: readonly LayerHealth[], atMs: number): Promise<void> {
    return this.#run(() => this.#parts.notes.health(layers, atMs));
  }

  recordModel(model: ModelRecord): Promise<void> {
    return this.#run(() => this.#parts.notes.model(model));
  }

  recordRun(run: RunRecord): Promise<void> {
    return this.#run(() => this.#parts.notes.run(run));
  }

  restore(): Promise<RestoredState> {
    return this.#run(() => readRestoredState(this.#parts.session));
  }

  add(alert: Alert): Promise<void> {
    return this.#run(() => this.#parts.notes.addAlert(alert));
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.#run(() => this.#parts.notes.removeAlerts(ids));
  }

  pending(limit: number): Promise<readonly Alert[]> {
    return this.#run(() => this.#parts.notes.pendingAlerts(limit));
  }

  decisions(filter: RowFilter = {}): Promise<readonly BarRecord[]> {
    return this.#run(() => readDecisions(this.#parts.session, filter));
  }

  predictions(filter: RowFilter = {}): Promise<readonly StoredPrediction[]> {
    return this.#run(() => readPredictions(this.#parts.session, filter));
  }

  candles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<CandleColumns> {
    return this.#run(() => readCandles(this.#parts.session, spanOf(stream, fromMs, toMs)));
  }

  knownCandles(stream: StreamKey, fromMs?: number, toMs?: number): Promise<KnownCandles> {
    return this.#run(() => readKnownCandles(this.#parts.session, spanOf(stream, fromMs, toMs)));
  }

  equityCurve(): Promise<readonly AccountSnapshot[]> {
    return this.#all(
      `SELECT COLUMNS('^account_.*') FROM decisions WHERE account_at_ms IS NOT NULL ORDER BY rowid`,
      accountOf,
    );
  }

  fills(): Promise<readonly Fill[]> {
    return this.#all('SELECT * FROM fills ORDER BY at_ms, seq', fillOf);
  }

  orderEvents(): Promise<readonly OrderEvent[]> {
    return this.#all('SELECT * FROM order_events ORDER BY seq', orderEventOf);
  }

  halts(): Promise<readonly HaltRecord[]> {
    return this.#all('SELECT * FROM halts ORDER BY seq', haltOf);
  }

  quarantined(): Promise<readonly Rejection[]> {
    return this.#all('SELECT * FROM quarantine ORDER BY rowid', rejectionOf);
  }

  corrections(): Promise<readonly Correction[]> {
    return this.#all('SELECT * FROM corrections ORDER BY rowid', correctionOf);
  }

  gaps(): Promise<readonly Gap[]> {
    return this.#all('SELECT * FROM gaps ORDER BY exchange, symbol, timeframe, from_ms', gapOf);
  }

  models(): Promise<readonly ModelRecord[]> {
    return this.#all('SELECT * FROM models ORDER BY seq', modelOf);
  }

  runs(): Promise<readonly RunRecord[]> {
    return this.#all('SELECT * FROM runs ORDER BY seq', runOf);
  }

  /** Works the log into the database file now. */
  checkpoint(): Promise<void> {
    return this.#run(() => this.#parts.session.script('CHECKPOINT'));
  }

  /** Waits for what was handed in before, then closes; DuckDB works the log into the file as it does so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    this.#parts.close();
  }

  #all<T>(sql: string, of: (row: Row) => T): Promise<readonly T[]> {
    return this.#run(async () => (await this.#parts.session.rows(sql)).map(of));
  }

  /** Ends the group of bars too: what was handed in later is not done earlier. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    if (this.#closed) return Promise.reject(storeClosed());
    return this.#queue.run(work);
  }
}

function spanOf(stream: StreamKey, fromMs: number | undefined, toMs: number | undefined): RowFilter {
  return {
    stream,
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}
