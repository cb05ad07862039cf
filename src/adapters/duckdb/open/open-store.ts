import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { fault, RedbuttonError } from '../../../core/errors.js';
import { renameDurably } from '../../files/durable-file.js';
import { Journal, type JournalCondition } from '../../journal/index.js';
import { StoreQueries } from '../store-queries.js';
import { AuditWriter, nextSeq } from '../write/audit-log.js';
import { BarWriter, Watermark } from '../write/bar-writer.js';
import { type CompactionRule, compact, compactionFits, compactionIsDue } from '../write/compaction.js';
import { DuckStore } from '../write/duck-store.js';
import { FlowLog } from '../write/flow-log.js';
import { MoneyLog } from '../write/money-log.js';
import { type DuckDb, loadDuckDb } from './binding.js';
import { asideName, checkDatabasePath, putAside, removeUnfinished } from './database-files.js';
import { accountOf, type ReplayTargets, replay, snapshotOf, unknownTo } from './journal-replay.js';
import {
  foreignName,
  isBeforeOwnedLogs,
  putLogAside,
  refuseForeignLog,
  STORAGE_VERSION,
} from './log-owner.js';
import { migrate, refuseNewer, schemaVersion, shippedMigrations } from './migrations.js';
import { Session } from './session.js';
import { storeFault } from './store-faults.js';
import { claim, type StoreOwner } from './store-owner.js';
import { lossOf, type StoreRecovery } from './store-recovery.js';
import { cutTornTail, refuseBrokenChain } from './write-ahead-log.js';

export interface StoreOptions {
  /** The database file. Its folder must be there. */
  readonly path: string;
  /** For reports: nothing is created, migrated or written. */
  readonly readOnly?: boolean;
  /** Memory DuckDB may use for its buffers. */
  readonly memoryLimitMb?: number;
  /** Threads DuckDB may use; one is the fastest for bars, more help long queries. */
  readonly threads?: number;
  /** Size of the log at which it is worked into the database file. */
  readonly checkpointWalMb?: number;
  /** What to do with a database that cannot be read: refuse to start, or rename it and start a new one. */
  readonly onDamaged?: 'refuse' | 'put-aside';
  /** The journal's file, beside the database: with it, money is durable without DuckDB. Not read when `readOnly`. */
  readonly journal?: string;
  /**
   * Told of what was lost, before anything is moved aside: what it makes durable is there after a power cut in the middle of
   * the repair, too.
   */
  readonly onLoss?: (loss: string) => Promise<void>;
  /** The one directory beside the database where exports and backups may be written. */
  readonly handoverDir?: string;
  /** Where bars go that have expired, as Parquet; without it they are only taken out. */
  readonly archiveDir?: string;
  /** Whose the database is; written down where nobody has. */
  readonly owner?: StoreOwner;
  /** The box that the database is handed over from, to `owner`. */
  readonly handedOverBy?: string;
  /** When the database is written again at its opening; never, where it is left out. */
  readonly compaction?: CompactionRule;
}

/**
 * What a trader's queries, a round of retention and a checkpoint need over two million decisions. In the end, as the file
 * grows, DuckDB keeps as much of it in memory as it may: more would only make the process larger.
 */
const MEMORY_LIMIT_MB = 112;

/**
 * The lock on a database file is one between processes only (fcntl): a second instance in this process would open it and
 * destroy it, and so would anything here that opens and closes the file by itself, since that drops the lock.
 */
const openHere = new Set<string>();

/**
 * Opens the database, creating and migrating it as needed, and checks that it can be read. Faults: `E_DUCKDB_BINDING`,
 * `E_STORE_PATH`, `E_STORE_LOCKED`, `E_STORE_DAMAGED`, `E_STORE_NEWER`, `E_STORE_FULL`.
 */
export async function openStore(options: StoreOptions): Promise<DuckStore> {
  const duckdb = await loadDuckDb();
  const readOnly = options.readOnly ?? false;
  const file = path.resolve(options.path);
  checkDatabasePath(file, readOnly);
  const lock = path.join(realpathSync(path.dirname(file)), path.basename(file));
  if (openHere.has(lock))
    throw fault('E_STORE_LOCKED', `the database ${file} is already open in this process`, 'close it first');
  openHere.add(lock);
  const release = () => openHere.delete(lock);
  try {
    return await openRepaired(duckdb, file, options, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Opens; where that fails for damage, repairs what may be repaired and opens once more. */
async function openRepaired(
  duckdb: DuckDb,
  file: string,
  options: StoreOptions,
  release: () => void,
): Promise<DuckStore> {
  try {
    refuseForeignLog(file);
    refuseBrokenChain(file);
    return await openOnce(duckdb, file, options, null, release);
  } catch (error) {
    if (options.readOnly) throw error;
    if (isFault(error, 'E_STORE_FOREIGN_LOG') && options.onDamaged === 'put-aside') {
      const aside = foreignName(file);
      const recovery: StoreRecovery = { kind: 'foreign_log', keptAs: `${aside}.wal` };
      await options.onLoss?.(lossOf(recovery)!);
      await putLogAside(file, aside);
      return await openOnce(duckdb, file, options, recovery, release);
    }
    if (!isFault(error, 'E_STORE_DAMAGED')) throw error;
    const cut = await cutTornTail(file, error.cause);
    if (cut) return await openOnce(duckdb, file, options, { kind: 'torn_log', ...cut }, release);
    if (options.onDamaged !== 'put-aside') throw error;
    const recovery: StoreRecovery = { kind: 'put_aside', keptAs: asideName(file) };
    await options.onLoss?.(lossOf(recovery)!);
    await putAside(file, recovery.keptAs);
    return await openOnce(duckdb, file, options, recovery, release);
  }
}

function isFault(error: unknown, code: string): error is RedbuttonError {
  return error instanceof RedbuttonError && error.code === code;
}

async function openOnce(
  duckdb: DuckDb,
  file: string,
  options: StoreOptions,
  recovery: StoreRecovery | null,
  release: () => void,
): Promise<DuckStore> {
  const isNew = !options.readOnly && !existsSync(file);
  if (isNew) await createDatabase(duckdb, file, options);
  const { session, instance, compacted } = await connectCompacted(duckdb, file, options);
  try {
    const migrations = shippedMigrations();
    if (options.readOnly) refuseNewer(file, await schemaVersion(session), migrations.length);
    else await migrate(session, migrations);
    if (options.owner !== undefined && !options.readOnly)
      await claim(session, options.owner, options.handedOverBy ?? null, Date.now());
    const tables = await openTables(session);
    const loss = (found: JournalCondition, entries: number): StoreRecovery | null => {
      if (found.kind === 'damaged') return { kind: 'journal_damaged', keptAs: found.keptAs };
      return isNew && entries > 0 && recovery === null ? { kind: 'missing' } : null;
    };
    const opened =
      options.journal === undefined || options.readOnly
        ? null
        : await openJournal(options.journal, { session, ...tables }, loss, options.onLoss);
    return new DuckStore({
      duckdb,
      session,
      ...tables,
      queries: new StoreQueries(duckdb, instance, file),
      instance,
      archive: options.archiveDir === undefined ? null : path.resolve(options.archiveDir),
      compacted,
      recovery: recovery ?? opened?.recovery ?? null,
      journal: opened?.journal ?? null,
      close: () => {
        session.close();
        instance.closeSync();
        release();
      },
    });
  } catch (error) {
    session.close();
    instance.closeSync();
    throw error;
  }
}

/** What writes to the tables, each going on from the numbers that stand there. */
async function openTables(session: Session) {
  const money = new MoneyLog(
    session,
    await nextSeq(session, 'order_events'),
    await nextSeq(session, 'fills'),
  );
  const flows = new FlowLog(session, await nextSeq(session, 'capital_flows'));
  const audit = new AuditWriter(session, {
    gap_events: await nextSeq(session, 'gap_events'),
    halts: await nextSeq(session, 'halts'),
    peak_rebases: await nextSeq(session, 'peak_rebases'),
    alerts_outbox: await nextSeq(session, 'alerts_outbox'),
    models: await nextSeq(session, 'models'),
    runs: await nextSeq(session, 'runs'),
  });
  const newest = new Watermark(session, 'candles');
  const bars = new BarWriter(session, newest, new Watermark(session, 'outcomes'));
  return { bars, newest, money, flows, audit };
}

/** Opens the journal and brings the database up to it. The database's lock, which is held by now, keeps others away. */
async function openJournal(
  path: string,
  targets: ReplayTargets,
  lossFound: (found: JournalCondition, entries: number) => StoreRecovery | null,
  onLoss: StoreOptions['onLoss'],
) {
  const { journal: file, entries } = await Journal.open(path);
  try {
    const recovery = lossFound(file.condition, entries.length);
    if (recovery !== null) await onLoss?.(lossOf(recovery)!);
    await replay(entries, targets);
    const account = await unknownTo(targets.session, accountOf(entries));
    file.reserve((await nextSeq(targets.session, 'order_events')) - 1);
    if (file.condition.kind !== 'whole') {
      // A journal that is new may be new to a database that is not, and one that lost entries is made whole from it.
      const { facts, seqOf } = await snapshotOf(targets.session, account);
      await file.cut(facts, seqOf);
    }
    return { journal: { file, account }, recovery };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Makes a new database under another name and renames it when it is whole, so that a power cut never leaves half a
 * database under the real name.
 */
async function createDatabase(duckdb: DuckDb, file: string, options: StoreOptions): Promise<void> {
  const unfinished = `${file}.new`;
  removeUnfinished(unfinished);
  const { session, instance } = await connect(duckdb, unfinished, options);
  try {
    await migrate(session, shippedMigrations());
    await session.script('CHECKPOINT');
  } finally {
    session.close();
    instance.closeSync();
  }
  await renameDurably(unfinished, file);
}

/** Connects; where the file has become too empty, or its logs would not say whose they are, writes it again before. */
async function connectCompacted(duckdb: DuckDb, file: string, options: StoreOptions) {
  const isOld = isBeforeOwnedLogs(file);
  const connected = await connect(duckdb, file, options);
  const { compaction, readOnly } = options;
  if (
    compaction === undefined ||
    readOnly ||
    !(
      (await compactionIsDue(connected.session, compaction)) ||
      (isOld && (await compactionFits(connected.session, compaction)))
    )
  )
    return { ...connected, compacted: null };
  connected.session.close();
  connected.instance.closeSync();
  const compacted = await compact(duckdb, file);
  return { ...(await connect(duckdb, file, options)), compacted };
}

async function connect(
  duckdb: DuckDb,
  file: string,
  options: StoreOptions,
): Promise<{ readonly session: Session; readonly instance: DuckDBInstance }> {
  let instance: DuckDBInstance | undefined;
  try {
    instance = await duckdb.DuckDBInstance.create(file, {
      access_mode: options.readOnly ? 'READ_ONLY' : 'READ_WRITE',
      threads: String(options.threads ?? 1),
      memory_limit: `${options.memoryLimitMb ?? MEMORY_LIMIT_MB}MB`,
      storage_compatibility_version: STORAGE_VERSION,
      checkpoint_threshold: `${options.checkpointWalMb ?? 16}MB`,
      // Nothing is fetched from outside, whatever a query asks for.
      autoinstall_known_extensions: 'false',
      allow_community_extensions: 'false',
    });
    const session = new Session(duckdb, await instance.connect(), file);
    const open = [options.handoverDir, options.archiveDir]
      .filter((directory) => directory !== undefined)
      .map((directory) => `'${`${path.resolve(directory)}/`.replaceAll("'", "''")}'`);
    if (open.length > 0) await session.script(`SET allowed_directories = [${open.join(', ')}]`);
    // Statements are prepared once and kept. These two optimizers plan by what the tables hold at that moment (how long a text
    // is at most, say) and give garbage once they hold more: texts cut to a letter, wrong times.
    await session.script(`SET disabled_optimizers = 'compressed_materialization,statistics_propagation'`);
    // Whatever a query asks for: no other file can be read or written, and this cannot be set back.
    await session.script('SET enable_external_access = false');
    await session.script('SET lock_configuration = true');
    return { instance, session };
  } catch (error) {
    instance?.closeSync();
    throw storeFault(file, error);
  }
}
