import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { invariant } from '../../../core/errors.js';
import { renameDurably, syncFile } from '../../files/durable-file.js';
import type { Session } from '../open/session.js';
import { storeFault } from '../open/store-faults.js';

/**
 * Days that rows are kept, by what they are; what is left out, or 0, is kept forever. `bars` are candles, decisions,
 * outcomes and shadow predictions: they are read together, so they go together. Money (orders, fills, transfers, halts) is
 * always kept.
 */
export type Retention = Readonly<Partial<Record<RetainedKind, number>>>;
export type RetainedKind = 'bars' | 'quarantine' | 'corrections' | 'gaps' | 'health';

/** Rows of a kind that a round took out; for bars, after it had put them in the archive. */
export interface Retired {
  readonly kind: RetainedKind;
  /** All rows older than this. */
  readonly beforeMs: number;
  readonly rows: number;
}

const TABLES: Readonly<Record<RetainedKind, { readonly names: readonly string[]; readonly time: string }>> = {
  bars: { names: ['shadow_predictions', 'outcomes', 'decisions', 'candles'], time: 'open_ms' },
  quarantine: { names: ['quarantine'], time: 'at_ms' },
  corrections: { names: ['corrections'], time: 'at_ms' },
  gaps: { names: ['gap_events'], time: 'at_ms' },
  health: { names: ['health'], time: 'at_ms' },
};
const KINDS = Object.keys(TABLES) as readonly RetainedKind[];
const DAY_MS = 86_400_000;

/**
 * The first moment that is kept. Bars go by whole months (UTC), so that a month goes to the archive once and whole; the
 * rest goes by days.
 */
export function keptFromMs(kind: RetainedKind, days: number, nowMs: number): number {
  const limit = new Date(nowMs - days * DAY_MS);
  return kind === 'bars'
    ? Date.UTC(limit.getUTCFullYear(), limit.getUTCMonth(), 1)
    : Math.floor(limit.getTime() / DAY_MS) * DAY_MS;
}

export interface RetentionParts {
  /** A connection beside the writer's, for the reading that takes long. */
  readonly connection: DuckDBConnection;
  readonly session: Session;
  /** Does its work between two of the writer's. */
  readonly serialize: <T>(work: () => Promise<T>) => Promise<T>;
  /** Where bars go as Parquet, by exchange, symbol and month; null: nowhere. */
  readonly archive: string | null;
}

/** One round over a connection of its own; what the engine throws becomes a fault of the store. */
export async function retireBeside(
  instance: DuckDBInstance,
  parts: Omit<RetentionParts, 'connection'>,
  keepDays: Retention,
  nowMs: number,
): Promise<readonly Retired[]> {
  const connection = await instance.connect();
  try {
    return await retire({ ...parts, connection }, keepDays, nowMs);
  } catch (error) {
    throw storeFault(parts.session.path, error);
  } finally {
    connection.closeSync();
  }
}

/** Takes out what has expired. A round that is cut off at any place is done again by the next one. */
async function retire(
  { connection, session, serialize, archive }: RetentionParts,
  keepDays: Retention,
  nowMs: number,
): Promise<readonly Retired[]> {
  const retired: Retired[] = [];
  for (const kind of KINDS) {
    const days = keepDays[kind] ?? 0;
    if (days <= 0) continue;
    const { names, time } = TABLES[kind];
    const beforeMs = keptFromMs(kind, days, nowMs);
    const aged = `WHERE ${time} < ${beforeMs}`;
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, await countOf(connection, `FROM ${name} ${aged}`));
    if ([...counts.values()].every((rows) => rows === 0)) continue;
    if (kind === 'bars' && archive !== null) {
      for (const [name, rows] of counts)
        if (rows > 0) await archiveRows(connection, archive, name, beforeMs, rows);
    }
    await serialize(() =>
      session.transaction(async () => {
        for (const [name, rows] of counts) {
          const gone = rows === 0 ? 0 : await session.run(`DELETE FROM ${name} ${aged}`);
          // A bar as old as that which came just now is in no archive: this round undoes itself, the next one has it.
          invariant(gone === rows, `${gone} rows of ${name} would go, and ${rows} were counted`);
        }
      }),
    );
    retired.push({ kind, beforeMs, rows: [...counts.values()].reduce((sum, rows) => sum + rows, 0) });
  }
  return retired;
}

/**
 * Writes aged rows as Parquet, a file for each stream and month, so that memory does not depend on how much there is.
 * Nothing has its name before all of it is on the disk and was read back; the files of a round that was cut off are
 * replaced by those of the next, which has the same rows for the same months.
 */
async function archiveRows(
  connection: DuckDBConnection,
  archive: string,
  table: string,
  beforeMs: number,
  rows: number,
): Promise<void> {
  const fresh = path.join(archive, `.${table}.new`);
  mkdirSync(archive, { recursive: true, mode: 0o750 });
  rmSync(fresh, { recursive: true, force: true });
  const month = "strftime(make_timestamp_ms(open_ms), '%Y-%m')";
  const parts = await connection.runAndReadAll(
    `SELECT exchange, symbol, timeframe, ${month} AS month, min(open_ms)::DOUBLE, max(open_ms)::DOUBLE
       FROM ${table} WHERE open_ms < ${beforeMs} GROUP BY ALL ORDER BY ALL`,
  );
  const files: string[] = [];
  for (const [exchange, symbol, timeframe, name, firstMs, lastMs] of parts.getRows()) {
    const folder = path.join(
      `exchange=${encodeURIComponent(String(exchange))}`,
      `symbol=${encodeURIComponent(String(symbol))}`,
      `month=${String(name)}`,
    );
    mkdirSync(path.join(fresh, folder), { recursive: true, mode: 0o750 });
    const file = path.join(
      folder,
      `${encodeURIComponent(String(timeframe))}-before-${dayOf(beforeMs)}.parquet`,
    );
    await connection.run(
      `COPY (SELECT * EXCLUDE (exchange, symbol) FROM ${table} WHERE exchange = ${quoted(String(exchange))}
          AND symbol = ${quoted(String(symbol))} AND timeframe = ${quoted(String(timeframe))}
          AND open_ms BETWEEN ${Number(firstMs)} AND ${Number(lastMs)} ORDER BY open_ms)
        TO ${quoted(path.join(fresh, file))} (FORMAT parquet, COMPRESSION zstd)`,
    );
    files.push(file);
  }
  let back = 0;
  for (const file of files)
    back += await countOf(connection, `FROM read_parquet(${quoted(path.join(fresh, file))})`);
  invariant(back === rows, `the archive of ${table} would hold ${back} rows, not ${rows}`);
  for (const file of files) {
    const target = path.join(archive, table, file);
    await syncFile(path.join(fresh, file));
    mkdirSync(path.dirname(target), { recursive: true, mode: 0o750 });
    await renameDurably(path.join(fresh, file), target);
  }
  rmSync(fresh, { recursive: true, force: true });
}

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

async function countOf(connection: DuckDBConnection, from: string): Promise<number> {
  const answer = await connection.runAndReadAll(`SELECT count(*)::DOUBLE ${from}`);
  return Number(answer.getRows()[0]![0]);
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
