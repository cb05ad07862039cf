import { chownSync, existsSync, linkSync, mkdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { badInput, fault, messageOf } from '../../../core/errors.js';
import { copyDurably, renameDurably, syncFile, syncFolder } from '../../files/durable-file.js';
import type { DuckStore } from '../write/duck-store.js';
import { LOG_COMPANIONS, removeUnfinished } from './database-files.js';
import { openStore } from './open-store.js';
import type { StoreOwner } from './store-owner.js';

/** What a database holds of the life of a box. */
export interface StoreExtent {
  /** Open time of the newest bar decided on; null where there is none. */
  readonly newestMs: number | null;
  readonly decisions: number;
  readonly fills: number;
}

export interface CopyFound extends StoreExtent {
  /** Null for a copy of a version that did not write it down. */
  readonly owner: StoreOwner | null;
  /** Of its newest run; null where it does not say. */
  readonly mode: 'paper' | 'live' | null;
}

/** The copy beside the database, under this name until it is known to be whole. */
const preparedName = (database: string) => `${database}.restoring`;

/**
 * Copies the file (and a log that it has) beside the database, brings it up to this version, reads every row of it, and tells
 * what it is. `E_RESTORE_COPY` where it cannot be copied, a fault of the store where it is damaged or too new. Nothing else is
 * touched.
 */
export async function prepareCopy(copy: string, database: string): Promise<CopyFound> {
  const prepared = preparedName(database);
  removeUnfinished(prepared);
  try {
    await copyDurably(copy, prepared);
    if (existsSync(`${copy}.wal`)) await copyDurably(`${copy}.wal`, `${prepared}.wal`);
  } catch (error) {
    removeUnfinished(prepared);
    throw fault(
      'E_RESTORE_COPY',
      `${copy} cannot be copied to ${prepared}: ${messageOf(error)}`,
      'see that it is there, may be read, and that the disk has room for it',
      error,
    );
  }
  let store: DuckStore | undefined;
  try {
    store = await openStore({ path: prepared });
    const ask = async (sql: string) => (await store!.queries.query(sql, 1)).rows[0];
    const { rows: tables } = await store.queries.query(
      "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT internal",
      1000,
    );
    // Each block has a checksum, which is looked at where it is read.
    for (const [table] of tables) await ask(`SELECT bit_xor(hash(t)) FROM "${String(table)}" t`);
    const owner = await ask('SELECT box, account FROM owners ORDER BY at_ms DESC LIMIT 1');
    const run = await ask(`SELECT settings::JSON ->> '$.trading.mode' FROM runs ORDER BY seq DESC LIMIT 1`);
    return {
      ...(await extentOf(store)),
      owner: owner === undefined ? null : ({ box: owner[0], account: owner[1] } as unknown as StoreOwner),
      mode: (run?.[0] ?? null) as CopyFound['mode'],
    };
  } catch (error) {
    await store?.close();
    store = undefined;
    removeUnfinished(prepared);
    throw error;
  } finally {
    await store?.close();
  }
}

/** Takes the prepared copy away again. */
export async function discardCopy(database: string): Promise<void> {
  removeUnfinished(preparedName(database));
  await rm(`${preparedName(database)}.wal`, { force: true });
}

/** What a store holds of the life of a box. */
export async function extentOf(store: DuckStore): Promise<StoreExtent> {
  const { rows } = await store.queries.query(
    'SELECT (SELECT max(open_ms) FROM decisions WHERE decided), (SELECT count(*)::INTEGER FROM decisions WHERE decided), (SELECT count(*)::INTEGER FROM fills)',
    1,
  );
  const [newest, decisions, fills] = rows[0]!;
  return {
    newestMs: newest === null ? null : Number(newest),
    decisions: Number(decisions),
    fills: Number(fills),
  };
}

/**
 * Moves the old database with its log, and a copy of its journal, into the folder `aside`, and puts the prepared copy in its
 * place. Each step is durable before the next: the log goes first, so that no power cut leaves the copy under the log of
 * another, and at every moment there is a database. All files belong to the owner of the folder afterwards.
 */
export async function placeCopy(database: string, journal: string, aside: string): Promise<void> {
  const prepared = preparedName(database);
  if (existsSync(aside))
    throw badInput('E_RESTORE_ASIDE', `${aside} is already there`, 'try again in a minute');
  mkdirSync(aside, { mode: 0o750 });
  giveToOwner(aside);
  await syncFolder(path.dirname(aside));
  const kept = path.join(aside, path.basename(database));
  if (existsSync(journal)) {
    await copyDurably(journal, path.join(aside, path.basename(journal)));
    giveToOwner(path.join(aside, path.basename(journal)));
  }
  if (existsSync(database)) linkSync(database, kept);
  await syncFolder(aside);
  for (const companion of LOG_COMPANIONS)
    if (existsSync(database + companion)) await renameDurably(database + companion, kept + companion);
  await syncFile(prepared);
  giveToOwner(prepared);
  await renameDurably(prepared, database);
}

/** A restore by root leaves files that the trader can write. */
export function giveToOwner(file: string): void {
  if (process.getuid?.() !== 0 || !existsSync(file)) return;
  const { uid, gid } = statSync(path.dirname(path.resolve(file)));
  chownSync(file, uid, gid);
}
