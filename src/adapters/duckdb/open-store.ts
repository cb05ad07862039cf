import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { fault, RedbuttonError } from '../../core/errors.js';
import { BarWriter, HighWater } from './bar-writer.js';
import { type DuckDb, loadDuckDb } from './binding.js';
import { checkDatabasePath, publishDatabase, putAside, removeUnfinished } from './database-files.js';
import { DuckStore, type StoreRecovery } from './duck-store.js';
import { FlowLog } from './flow-log.js';
import { migrate, refuseNewer, schemaVersion, shippedMigrations } from './migrations.js';
import { MoneyLog } from './money-log.js';
import { Notes, nextSeq } from './notes.js';
import { Session } from './session.js';
import { StoreDesk } from './store-desk.js';
import { storeFault } from './store-faults.js';
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
  /** The one directory beside the database where exports and backups may be written. */
  readonly handoverDir?: string;
}

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
    return await openMended(duckdb, file, options, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Opens; where that fails for damage, mends what may be mended and opens once more. */
async function openMended(
  duckdb: DuckDb,
  file: string,
  options: StoreOptions,
  release: () => void,
): Promise<DuckStore> {
  try {
    refuseBrokenChain(file);
    return await openOnce(duckdb, file, options, null, release);
  } catch (error) {
    if (options.readOnly || !isDamage(error)) throw error;
    const cut = cutTornTail(file, error.cause);
    if (cut) return await openOnce(duckdb, file, options, { kind: 'torn_log', ...cut }, release);
    if (options.onDamaged !== 'put-aside') throw error;
    return await openOnce(duckdb, file, options, { kind: 'put_aside', keptAs: putAside(file) }, release);
  }
}

function isDamage(error: unknown): error is RedbuttonError {
  return error instanceof RedbuttonError && error.code === 'E_STORE_DAMAGED';
}

async function openOnce(
  duckdb: DuckDb,
  file: string,
  options: StoreOptions,
  recovery: StoreRecovery | null,
  release: () => void,
): Promise<DuckStore> {
  if (!options.readOnly && !existsSync(file)) await createDatabase(duckdb, file, options);
  const { session, instance } = await connect(duckdb, file, options);
  try {
    const migrations = shippedMigrations();
    if (options.readOnly) refuseNewer(file, await schemaVersion(session), migrations.length);
    else await migrate(session, migrations);
    const money = new MoneyLog(
      session,
      await nextSeq(session, 'order_events'),
      await nextSeq(session, 'fills'),
    );
    const flows = new FlowLog(session, await nextSeq(session, 'capital_flows'));
    const notes = new Notes(session, {
      gap_events: await nextSeq(session, 'gap_events'),
      halts: await nextSeq(session, 'halts'),
      alerts_outbox: await nextSeq(session, 'alerts_outbox'),
      models: await nextSeq(session, 'models'),
      runs: await nextSeq(session, 'runs'),
    });
    const newest = new HighWater(session, 'candles');
    const bars = new BarWriter(session, newest, new HighWater(session, 'outcomes'));
    const close = () => {
      session.close();
      instance.closeSync();
      release();
    };
    const desk = new StoreDesk(duckdb, instance, file);
    return new DuckStore({ duckdb, session, bars, newest, money, flows, notes, desk, recovery, close });
  } catch (error) {
    session.close();
    instance.closeSync();
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
  publishDatabase(unfinished, file);
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
      memory_limit: `${options.memoryLimitMb ?? 192}MB`,
      checkpoint_threshold: `${options.checkpointWalMb ?? 16}MB`,
      // Nothing is fetched from outside, whatever a query asks for.
      autoinstall_known_extensions: 'false',
      allow_community_extensions: 'false',
    });
    const session = new Session(duckdb, await instance.connect(), file);
    if (options.handoverDir !== undefined) {
      const directory = `${path.resolve(options.handoverDir)}/`.replaceAll("'", "''");
      await session.script(`SET allowed_directories = ['${directory}']`);
    }
    // Whatever a query asks for: no other file can be read or written, and this cannot be set back.
    await session.script('SET enable_external_access = false');
    await session.script('SET lock_configuration = true');
    return { instance, session };
  } catch (error) {
    instance?.closeSync();
    throw storeFault(file, error);
  }
}
