import type { DuckDBInstance } from '@duckdb/node-api';
import type { Alert } from '../../../core/alert.js';
import type { Candle, CandleColumns, StreamKey } from '../../../core/candle.js';
import { invariant } from '../../../core/errors.js';
import type { LayerHealth } from '../../../core/health.js';
import type { Fill, FillId } from '../../../core/order.js';
import type {
  AccountSnapshot,
  BarRecord,
  CapitalFlow,
  Correction,
  Gap,
  HaltRecord,
  ModelRecord,
  OrderEvent,
  PeakRebase,
  PredictionOutcome,
  QuarantinedRow,
  RestoredState,
  RunRecord,
  ShadowPrediction,
} from '../../../core/records.js';
import type { AlertOutbox } from '../../../ports/alerts.js';
import type { AuditLog, Store } from '../../../ports/store.js';
import type { Journal, JournalFact } from '../../journal/index.js';
import { checkBar, storeClosed } from '../../store-rules/bar-rules.js';
import { canonicalFill, canonicalFlow, canonicalOrderEvent } from '../../store-rules/money-text.js';
import type { DuckDb } from '../open/binding.js';
import { mergeJournal, saysMore, snapshotOf } from '../open/journal-replay.js';
import type { Session } from '../open/session.js';
import type { StoreRecovery } from '../open/store-recovery.js';
import { DuckReader } from '../read/duck-reader.js';
import { readLastCandles, readRestoredState } from '../read/reader.js';
import type { StoreQueries } from '../store-queries.js';
import type { AuditWriter } from './audit-log.js';
import { type BarCommit, BarGroup } from './bar-group.js';
import { type BarWriter, HandedIn, type Watermark } from './bar-writer.js';
import { IMPORT_BATCH_ROWS, importCandles } from './candle-import.js';
import type { Compacted } from './compaction.js';
import type { FlowLog } from './flow-log.js';
import type { MoneyLog } from './money-log.js';
import { OrderPriority } from './order-priority.js';
import { type Retention, type Retired, retireBeside } from './retention.js';
import { SerialQueue } from './serial-queue.js';

interface Parts {
  readonly duckdb: DuckDb;
  readonly session: Session;
  readonly bars: BarWriter;
  readonly newest: Watermark;
  readonly money: MoneyLog;
  readonly flows: FlowLog;
  readonly audit: AuditWriter;
  readonly queries: StoreQueries;
  readonly instance: DuckDBInstance;
  readonly archive: string | null;
  readonly compacted: Compacted | null;
  readonly recovery: StoreRecovery | null;
  /** With the account it held when it was opened; null where the database works alone. */
  readonly journal: { readonly file: Journal; readonly account: AccountSnapshot | null } | null;
  readonly close: () => void;
}

/**
 * The store on disk. What is about money (orders, fills, flows, and bars whose decision is an order) resolves once it is
 * synced in the journal, and is brought into DuckDB behind that, in the same order; everything else resolves after DuckDB's
 * COMMIT, which syncs its own log. Without a journal all goes by DuckDB. Calls may come at any time from anywhere in the
 * process; they are carried out one after the other. Made by `openStore`.
 */
export class DuckStore extends DuckReader implements Store, AuditLog, AlertOutbox {
  /** What this start had to repair; null for an ordinary one. A person should hear of it. */
  readonly recovery: StoreRecovery | null;
  /** Of the file that this start wrote again since too much in it was free; else null. */
  readonly compacted: Compacted | null;
  /** Queries, export and backup, beside the writer. */
  readonly queries: StoreQueries;
  readonly #parts: Parts;
  readonly #orderPriority = new OrderPriority();
  readonly #queue = new SerialQueue(this.#orderPriority);
  #group: BarGroup | undefined;
  #closed = false;
  /** What was told to be durable and could not be brought into DuckDB: nothing continues before a restart has repaired it. */
  #behind: { readonly error: unknown } | null = null;
  #account: AccountSnapshot | null;
  readonly #handedIn: HandedIn;

  constructor(parts: Parts) {
    super(parts.session);
    this.#parts = parts;
    this.recovery = parts.recovery;
    this.compacted = parts.compacted;
    this.queries = parts.queries;
    this.#handedIn = new HandedIn(parts.newest);
    this.#account = parts.journal?.account ?? null;
  }

  commitBar(record: BarRecord, outcomes: readonly PredictionOutcome[] = []): Promise<void> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const journal = this.#parts.journal?.file;
    const { risk, account, stream, candle } = record;
    const before = this.#handedIn.take(stream, candle.openMs);
    const committed = () => this.#commitInGroup({ record, outcomes });
    if (!journal) return committed();
    if (risk?.kind === 'order') {
      if (account !== null) this.#account = account;
      const fact = { kind: 'bar', record, outcomes, before } as const;
      // Only a bar that is surely new may go ahead of DuckDB: any other may still be refused there.
      if (!this.#parts.newest.isBeyond(stream, candle.openMs))
        return committed().then(() => this.#written(journal, fact, () => Promise.resolve()));
      checkBar(record);
      return this.#orderPriority.give(this.#written(journal, fact, committed));
    }
    if (account === null || !saysMore(account, this.#account)) return committed();
    this.#account = account;
    const written = this.#written(journal, { kind: 'account', account }, () => Promise.resolve());
    return Promise.all([committed(), written]).then(() => undefined);
  }

  #commitInGroup(bar: BarCommit): Promise<void> {
    const joined = this.#group?.join(bar);
    if (joined) return joined;
    const group = new BarGroup();
    const first = group.join(bar);
    invariant(first, 'a new group of bars did not take its first one');
    const turn = this.serialize(() => group.commit((bars) => this.#parts.bars.commitAll(bars)));
    this.#group = group;
    return Promise.all([first, turn]).then(() => undefined);
  }

  /** With a journal DuckDB's work waits for the order, a second at most: what the order needs is durable without it. */
  yieldTo(order: Promise<unknown>): void {
    if (this.#parts.journal) this.#orderPriority.give(order);
  }

  async addCandles(stream: StreamKey, candles: CandleColumns, availableAtMs: number): Promise<number> {
    const { session, duckdb, newest } = this.#parts;
    let added = 0;
    for (let from = 0; from < candles.length; from += IMPORT_BATCH_ROWS) {
      const to = Math.min(from + IMPORT_BATCH_ROWS, candles.length);
      added += await this.serialize(() =>
        importCandles(session, duckdb, newest, stream, candles, from, to, availableAtMs),
      );
    }
    return added;
  }

  quarantine(rows: readonly QuarantinedRow[]): Promise<void> {
    return this.serialize(() => this.#parts.audit.quarantine(rows));
  }

  recordCorrection(correction: Correction): Promise<void> {
    return this.serialize(() => this.#parts.audit.correction(correction));
  }

  lastCandles(stream: StreamKey, count: number): Promise<readonly Candle[]> {
    const { session, newest } = this.#parts;
    return this.serialize(async () => {
      // Whoever asks for these is about to hand in bars: then the first one may go ahead of DuckDB, too.
      await newest.standing(stream);
      return readLastCandles(session, stream, count);
    });
  }

  recordOrder(event: OrderEvent, fills: readonly Fill[] = []): Promise<void> {
    const { money } = this.#parts;
    return this.#journaled(
      () => ({ kind: 'order', event: canonicalOrderEvent(event), fills: fills.map(canonicalFill) }),
      (seq) => money.order(event, fills, seq),
    );
  }

  recordFills(fills: readonly Fill[]): Promise<void> {
    if (fills.length === 0) return this.serialize(async () => undefined);
    return this.#journaled(
      () => ({ kind: 'fills', fills: fills.map(canonicalFill) }),
      () => this.#parts.money.fills(fills),
    );
  }

  recordReported(fills: readonly FillId[]): Promise<void> {
    const ids = fills.map(({ exchange, symbol, fillId }) => ({ exchange, symbol, fillId }));
    return this.#journaled(
      () => ({ kind: 'reported', fills: ids }),
      () => this.#parts.money.reported(ids),
    );
  }

  recordFlows(flows: readonly CapitalFlow[]): Promise<void> {
    if (flows.length === 0) return this.serialize(async () => undefined);
    return this.#journaled(
      () => ({ kind: 'flows', flows: flows.map(canonicalFlow) }),
      () => this.#parts.flows.flows(flows),
    );
  }

  recordHalt(record: HaltRecord): Promise<void> {
    return this.serialize(() => this.#parts.audit.halt(record));
  }

  recordRebase(rebase: PeakRebase): Promise<void> {
    return this.#journaled(
      () => ({ kind: 'rebase', rebase }),
      () => this.#parts.audit.rebase(rebase),
    );
  }

  recordGap(gap: Gap): Promise<void> {
    return this.serialize(() => this.#parts.audit.gap(gap));
  }

  recordHealth(layers: readonly LayerHealth[], atMs: number): Promise<void> {
    return this.serialize(() => this.#parts.audit.health(layers, atMs));
  }

  recordModel(model: ModelRecord): Promise<void> {
    return this.serialize(() => this.#parts.audit.model(model));
  }

  recordRun(run: RunRecord): Promise<void> {
    return this.#journaled(
      () => ({ kind: 'run', run }),
      () => this.#parts.audit.run(run),
    );
  }

  recordShadow(prediction: ShadowPrediction): Promise<void> {
    return this.serialize(() => this.#parts.audit.shadow(prediction));
  }

  restore(): Promise<RestoredState> {
    const { session, journal } = this.#parts;
    return this.serialize(async () => {
      const restored = await readRestoredState(session);
      return journal ? mergeJournal(restored, journal.account) : restored;
    });
  }

  add(alert: Alert): Promise<void> {
    return this.serialize(() => this.#parts.audit.addAlert(alert));
  }

  remove(ids: readonly string[]): Promise<void> {
    return this.serialize(() => this.#parts.audit.removeAlerts(ids));
  }

  pending(limit: number): Promise<readonly Alert[]> {
    return this.serialize(() => this.#parts.audit.pendingAlerts(limit));
  }

  /** Works the log into the database file now, then cuts the journal down to what a new database would need. */
  checkpoint(): Promise<void> {
    const { session, journal } = this.#parts;
    return this.serialize(async () => {
      await session.script('CHECKPOINT');
      if (!journal) return;
      const { facts, seqOf } = await snapshotOf(session, journal.account);
      await journal.file.cut(facts, seqOf);
    });
  }

  /** Takes out what has expired, bars into the archive, beside the bars that come meanwhile. */
  retire(keepDays: Retention, nowMs: number): Promise<readonly Retired[]> {
    const { instance, session, archive } = this.#parts;
    const serialize = <T>(work: () => Promise<T>) => this.serialize(work);
    return retireBeside(instance, { session, archive, serialize }, keepDays, nowMs);
  }

  /** Bytes that the next start would have to work through. */
  get journalBytes(): number {
    return this.#parts.journal?.file.bytes ?? 0;
  }

  /** Waits for what was handed in before, then closes; DuckDB works the log into the file as it does so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    await this.#parts.journal?.file.close();
    this.#parts.close();
  }

  /** Writes `fact` down and resolves; `apply` brings it into DuckDB behind that. Without a journal, `apply` alone. */
  #journaled(fact: () => JournalFact, apply: (seq?: number) => Promise<void>): Promise<void> {
    const journal = this.#parts.journal?.file;
    if (!journal) return this.serialize(() => apply());
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    try {
      // Text that is no decimal is refused before anything is written.
      return this.#written(journal, fact(), (seq, durable) =>
        this.serialize(async () => {
          await durable;
          await apply(seq);
        }),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #written(
    journal: Journal,
    fact: JournalFact,
    apply: (seq: number, durable: Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { seq, durable } = journal.append(fact);
    const applied = apply(seq, durable);
    durable
      .then(
        () => applied.then(() => journal.settled(seq)),
        // Its caller is told, and DuckDB is not behind.
        () => applied.catch(() => undefined),
      )
      .catch((error: unknown) => {
        this.#behind ??= { error };
      });
    return durable;
  }

  #refusal(): unknown {
    if (this.#closed) return storeClosed();
    return this.#behind?.error;
  }

  /** Ends the group of bars too: what was handed in later is not done earlier. */
  protected override serialize<T>(work: () => Promise<T>): Promise<T> {
    this.#group = undefined;
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    return this.#queue.run(work);
  }
}
