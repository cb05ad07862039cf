import { existsSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { invariant } from '../../../core/errors.js';
import { renameDurably, syncFile } from '../../files/durable-file.js';
import type { DuckDb } from '../open/binding.js';
import { removeUnfinished } from '../open/database-files.js';
import { STORAGE_VERSION } from '../open/log-owner.js';
import type { Session } from '../open/session.js';
import { storeFault } from '../open/store-faults.js';

/** When a database is written again: DuckDB gives blocks that are free within the file back to itself, never to the disk. */
export interface CompactionRule {
  /** Share of free blocks above which it pays. */
  readonly freeShareMax: number;
  /** Free bytes below which it does not. */
  readonly freeBytesMin: number;
  /** Free space that must be left on the disk beside both files. */
  readonly diskReserveBytes: number;
}

export interface Compacted {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Whether the database of this session has so much free that it should be written again. */
export async function compactionIsDue(session: Session, rule: CompactionRule): Promise<boolean> {
  const [size] = await session.rows(
    'SELECT block_size::DOUBLE AS block, total_blocks::DOUBLE AS total, free_blocks::DOUBLE AS free FROM pragma_database_size()',
  );
  const { block, total, free } = size as { block: number; total: number; free: number };
  if (free * block < rule.freeBytesMin || free <= rule.freeShareMax * total) return false;
  return compactionFits(session, rule);
}

/** Whether the disk has room for the database beside itself. */
export async function compactionFits(session: Session, rule: CompactionRule): Promise<boolean> {
  const [size] = await session.rows(
    'SELECT block_size::DOUBLE AS block, (total_blocks - free_blocks)::DOUBLE AS used FROM pragma_database_size()',
  );
  const { block, used } = size as { block: number; used: number };
  const disk = statfsSync(path.dirname(session.path));
  return disk.bavail * disk.bsize > used * block + rule.diskReserveBytes;
}

/**
 * Writes the database again, without what is free in it. It must be closed. The copy gets its place when it is whole, synced
 * and has as many rows in every table; whatever is cut off before leaves the old one as it was.
 */
export async function compact(duckdb: DuckDb, file: string): Promise<Compacted> {
  const fresh = `${file}.compacted`;
  removeUnfinished(fresh);
  const bytesBefore = statSync(file).size;
  let instance: InstanceType<DuckDb['DuckDBInstance']> | undefined;
  try {
    instance = await duckdb.DuckDBInstance.create(':memory:', {
      threads: '1',
      memory_limit: '192MB',
      storage_compatibility_version: STORAGE_VERSION,
    });
    const connection = await instance.connect();
    const counts = async (database: string) => {
      const tables = await connection.runAndReadAll(
        `SELECT table_name FROM duckdb_tables() WHERE database_name = '${database}' ORDER BY 1`,
      );
      const found: string[] = [];
      for (const [table] of tables.getRows()) {
        const n = await connection.runAndReadAll(`SELECT count(*) FROM ${database}.main."${String(table)}"`);
        found.push(`${String(table)}: ${String(n.getRows()[0]![0])}`);
      }
      return found.join(', ');
    };
    await connection.run(`ATTACH ${quoted(file)} AS old_one`);
    await connection.run(`ATTACH ${quoted(fresh)} AS new_one`);
    await connection.run('COPY FROM DATABASE old_one TO new_one');
    const [before, after] = [await counts('old_one'), await counts('new_one')];
    invariant(before === after, `a compacted database would hold ${after}, and it holds ${before}`);
    // Detaching works each log into its file.
    await connection.run('DETACH new_one');
    await connection.run('DETACH old_one');
    connection.closeSync();
  } catch (error) {
    instance?.closeSync();
    removeUnfinished(fresh);
    throw storeFault(file, error);
  }
  instance.closeSync();
  // A log of the old one would be worked into the new one.
  invariant(!existsSync(`${file}.wal`), `${file} still has a log`);
  await syncFile(fresh);
  await renameDurably(fresh, file);
  return { bytesBefore, bytesAfter: statSync(file).size };
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
