import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DuckDBConnection, DuckDBInstance, Json } from '@duckdb/node-api';
import { badInput, fault } from '../../core/errors.js';
import { syncFile, syncFolder } from '../files/durable-file.js';
import type { DuckDb } from './open/binding.js';
import { storeFault } from './open/store-faults.js';

/** What a query brought; values as JSON has them, whole numbers beyond 2^53 and decimals as text. */
export interface QueryAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Json[])[];
  /** There were more rows than asked for. */
  readonly truncated: boolean;
}

/** Bars with open time in [fromMs, toMs); a bound left out is no bound. */
export interface ExportRange {
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A query that runs longer is stopped: while it reads, the log cannot be worked into the file. */
const QUERY_MS_MAX = 30_000;

/** Tables whose rows belong to a bar of a stream: they are partitioned by exchange, symbol and month of open time. */
const BAR_TABLES = ['candles', 'decisions', 'outcomes'] as const;
const PLAIN_TABLES = ['order_events', 'fills', 'halts', 'quarantine', 'corrections', 'gap_events'] as const;

/**
 * Reads for people and archives, beside the writer, each on a connection of its own and on the state of one moment.
 * DuckDB is closed to all files but its own and those of the hand-over directory, whatever a query asks for.
 */
export class StoreQueries {
  readonly #duckdb: DuckDb;
  readonly #instance: DuckDBInstance;
  readonly #path: string;

  constructor(duckdb: DuckDb, instance: DuckDBInstance, path: string) {
    this.#duckdb = duckdb;
    this.#instance = instance;
    this.#path = path;
  }

  /** One SELECT (or EXPLAIN); `E_QUERY` for anything else and for what DuckDB does not understand. */
  query(sql: string, rowsMax: number): Promise<QueryAnswer> {
    return this.#connected(async (connection) => {
      const statements = await connection.extractStatements(sql).catch((error: unknown) => {
        throw queryFault(error);
      });
      if (statements.count !== 1) throw refused(`it holds ${statements.count} statements, not one`);
      const { SELECT, EXPLAIN } = this.#duckdb.StatementType;
      await connection.run('BEGIN TRANSACTION READ ONLY');
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        connection.interrupt();
      }, QUERY_MS_MAX);
      try {
        const statement = await statements.prepare(0);
        if (statement.statementType !== SELECT && statement.statementType !== EXPLAIN)
          throw refused('it is no SELECT');
        const result = await statement.streamAndReadUntil(rowsMax + 1);
        const rows = result.getRowsJson();
        return {
          columns: result.columnNames(),
          rows: rows.slice(0, rowsMax),
          truncated: rows.length > rowsMax,
        };
      } catch (error) {
        if (late) throw refused(`it took longer than ${QUERY_MS_MAX / 1000} s`);
        throw queryFault(error);
      } finally {
        clearTimeout(timer);
        await connection.run('ROLLBACK').catch(() => undefined);
      }
    });
  }

  /** Writes Parquet files under `directory`, which must be new. Resolves to the rows of each table. */
  exportParquet(directory: string, range: ExportRange = {}): Promise<Readonly<Record<string, number>>> {
    const bounds = [
      ...(range.fromMs === undefined ? [] : [`open_ms >= ${wholeMs(range.fromMs)}`]),
      ...(range.toMs === undefined ? [] : [`open_ms < ${wholeMs(range.toMs)}`]),
    ];
    const where = bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`;
    return this.#connected(async (connection) => {
      const rows: Record<string, number> = {};
      // One transaction: all tables are of the same moment.
      await connection.run('BEGIN TRANSACTION');
      try {
        for (const table of BAR_TABLES) {
          const select = `SELECT *, strftime(make_timestamp_ms(open_ms), '%Y-%m') AS month FROM ${table} ${where}
            ORDER BY exchange, symbol, timeframe, open_ms`;
          rows[table] = await copyTo(
            connection,
            select,
            `${directory}/${table}`,
            ', PARTITION_BY (exchange, symbol, month)',
          );
        }
        for (const table of PLAIN_TABLES)
          rows[table] = await copyTo(connection, `FROM ${table}`, `${directory}/${table}.parquet`, '');
      } finally {
        await connection.run('ROLLBACK').catch(() => undefined);
      }
      return rows;
    });
  }

  /** Writes a whole database as of one moment to `file`, which must be new; durable when it resolves. */
  async backup(file: string): Promise<void> {
    if (existsSync(file)) throw badInput('E_BACKUP', `${file} is already there`, 'name a new file');
    await this.#connected(async (connection) => {
      const [own] = (await connection.runAndReadAll('SELECT current_database()')).getRows();
      await connection.run(`ATTACH ${quoted(file)} AS backup_copy`);
      try {
        await connection.run(`COPY FROM DATABASE "${String(own![0]).replaceAll('"', '""')}" TO backup_copy`);
      } finally {
        // Detaching works the log of the copy into its file.
        await connection.run('DETACH backup_copy');
      }
    });
    await syncFile(file);
    await syncFolder(path.dirname(file));
  }

  async #connected<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.#instance.connect();
    try {
      return await work(connection);
    } catch (error) {
      throw storeFault(this.#path, error);
    } finally {
      connection.closeSync();
    }
  }
}

async function copyTo(
  connection: DuckDBConnection,
  select: string,
  target: string,
  more: string,
): Promise<number> {
  const done = await connection.run(
    `COPY (${select}) TO ${quoted(target)} (FORMAT parquet, COMPRESSION zstd${more})`,
  );
  return done.rowsChanged;
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;

function wholeMs(ms: number): string {
  if (!Number.isSafeInteger(ms)) throw fault('E_EXPORT', `${ms} is no time`, 'name a whole millisecond');
  return String(ms);
}

function refused(why: string) {
  return badInput('E_QUERY', `the query was refused: ${why}`, 'ask one SELECT; the store is read-only here');
}

function queryFault(error: unknown) {
  if (error instanceof Error && error.name === 'RedbuttonError') return error;
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return badInput(
    'E_QUERY',
    `the query failed: ${line}`,
    'tables and columns: redbutton query "SHOW ALL TABLES"',
    error,
  );
}
