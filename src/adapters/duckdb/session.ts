import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBPreparedStatement,
  DuckDBValue,
} from '@duckdb/node-api';
import { invariant } from '../../core/errors.js';
import { MONEY_SCALE } from '../store-rules/decimal38.js';
import type { DuckDb } from './binding.js';
import { storeFault } from './store-faults.js';

/**
 * One value to bind. `integer` is a whole number of at most 2^53, `money` is in units of 10^-18 (decimal38.ts), `doubles`
 * becomes an array of that many DOUBLE. Null is SQL NULL of any kind.
 */
export type Cell =
  | { readonly kind: 'text'; readonly value: string | null }
  | { readonly kind: 'double'; readonly value: number | null }
  | { readonly kind: 'integer'; readonly value: number | null }
  | { readonly kind: 'boolean'; readonly value: boolean | null }
  | { readonly kind: 'doubles'; readonly value: Float64Array | null }
  | { readonly kind: 'money'; readonly value: bigint | null };

export const text = (value: string | null): Cell => ({ kind: 'text', value });
export const double = (value: number | null): Cell => ({ kind: 'double', value });
export const integer = (value: number | null): Cell => ({ kind: 'integer', value });
export const boolean = (value: boolean | null): Cell => ({ kind: 'boolean', value });
export const doubles = (value: Float64Array | null): Cell => ({ kind: 'doubles', value });
export const money = (value: bigint | null): Cell => ({ kind: 'money', value });

export type Row = Readonly<Record<string, DuckDBValue>>;

/**
 * The one connection to the database. Statements are prepared once and kept. Calls must not overlap: the store's queue
 * sees to that. Every error is told as a fault that names the file.
 */
export class Session {
  readonly path: string;
  readonly connection: DuckDBConnection;
  readonly #duckdb: DuckDb;
  readonly #statements = new Map<string, DuckDBPreparedStatement>();
  readonly #places = new Map<string, readonly number[]>();

  constructor(duckdb: DuckDb, connection: DuckDBConnection, path: string) {
    this.#duckdb = duckdb;
    this.connection = connection;
    this.path = path;
  }

  /** Runs one statement; resolves to the number of rows it changed. Outside a transaction it is one of its own. */
  async run(sql: string, cells: readonly Cell[] = []): Promise<number> {
    return this.#told(async () => (await (await this.#bound(sql, cells)).run()).rowsChanged);
  }

  /**
   * Inserts one row; `into` is a table, with its columns where they are not all or not in order. Nulls are written into
   * the statement: DuckDB plans a statement anew each time a null is bound to it, which would double the time.
   */
  async insert(into: string, cells: readonly Cell[]): Promise<void> {
    const given = cells.filter((cell) => cell.value !== null);
    let place = 0;
    const values = cells.map((cell) => (cell.value === null ? 'NULL' : `$${++place}`));
    await this.run(`INSERT INTO ${into} VALUES (${values.join(', ')})`, given);
  }

  /**
   * Inserts rows through the appender: next to nothing a row, where a statement costs a way to another thread and back. Call
   * it inside a transaction, since each flush outside would be one of its own. `columns` names the cells where they are not
   * all of the table's or not in its order; columns without a cell get their default.
   */
  async insertRows(
    table: string,
    rows: readonly (readonly Cell[])[],
    columns?: readonly string[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const places = columns && (await this.#placesOf(table, columns));
    await this.#filled(table, 'database', (appender) => {
      for (const cells of rows) {
        if (places === undefined) for (const cell of cells) this.#appendCell(appender, cell);
        else
          for (const place of places) {
            if (place < 0) appender.appendDefault();
            else this.#appendCell(appender, cells[place]!);
          }
        appender.endRow();
      }
    });
  }

  /** For each column of the table its place among `columns`, or -1. Asked for once: nothing alters a table that is open. */
  async #placesOf(table: string, columns: readonly string[]): Promise<readonly number[]> {
    let places = this.#places.get(table);
    if (places === undefined) {
      const found = await this.rows(
        `SELECT column_name FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = $1 ORDER BY column_index`,
        [text(table)],
      );
      const names = found.map((row) => String(row.column_name));
      for (const column of columns) invariant(names.includes(column), `${table} has no column ${column}`);
      places = names.map((name) => columns.indexOf(name));
      this.#places.set(table, places);
    }
    return places;
  }

  /** All rows of a query. BIGINT columns come as bigint: read them with the functions of rows.ts. */
  async rows(sql: string, cells: readonly Cell[] = []): Promise<Row[]> {
    return this.#told(async () => (await (await this.#bound(sql, cells)).run()).getRowObjects());
  }

  /** All rows of a query whose columns are DOUBLE and never null, as columns. */
  async doubleColumns(sql: string, cells: readonly Cell[], count: number): Promise<Float64Array[]> {
    return this.#told(async () => {
      const result = await (await this.#bound(sql, cells)).run();
      const columns = Array.from({ length: count }, () => new Float64Array(result.rowCount));
      let offset = 0;
      for (let index = 0; index < result.chunkCount; index++) {
        const chunk = result.getChunk(index);
        for (let column = 0; column < count; column++) {
          const vector = chunk.getColumnVector(column);
          const target = columns[column]!;
          for (let i = 0; i < chunk.rowCount; i++) target[offset + i] = vector.getItem(i) as number;
        }
        offset += chunk.rowCount;
      }
      return columns;
    });
  }

  /** Work in one transaction: durable when this resolves, undone when `work` or the commit fails. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN TRANSACTION');
    let result: T;
    try {
      result = await work();
      await this.run('COMMIT');
    } catch (error) {
      // After a failed commit DuckDB has already rolled back, and this says so; the first error is the one that counts.
      await this.connection.run('ROLLBACK').catch(() => undefined);
      throw error;
    }
    return result;
  }

  /** Fills a temporary table row by row through the appender, which is the fastest way in. */
  append(table: string, fill: (appender: DuckDBAppender) => void | Promise<void>): Promise<void> {
    return this.#filled(table, 'temp', fill);
  }

  async #filled(
    table: string,
    within: 'database' | 'temp',
    fill: (appender: DuckDBAppender) => void | Promise<void>,
  ): Promise<void> {
    await this.#told(async () => {
      const appender = await (within === 'temp'
        ? this.connection.createAppender(table, 'main', 'temp')
        : this.connection.createAppender(table, 'main'));
      try {
        await fill(appender);
        appender.flushSync();
      } finally {
        appender.closeSync();
      }
    });
  }

  /** Runs a script of several statements without parameters. */
  async script(sql: string): Promise<void> {
    await this.#told(async () => {
      await this.connection.run(sql);
    });
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.destroySync();
    this.#statements.clear();
    this.connection.closeSync();
  }

  /** Turns what the engine throws into a fault of the store. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw storeFault(this.path, error);
    }
  }

  async #bound(sql: string, cells: readonly Cell[]): Promise<DuckDBPreparedStatement> {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = await this.connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    for (let i = 0; i < cells.length; i++) this.#bind(statement, i + 1, cells[i]!);
    return statement;
  }

  #bind(statement: DuckDBPreparedStatement, index: number, cell: Cell): void {
    if (cell.value === null) {
      statement.bindNull(index);
      return;
    }
    switch (cell.kind) {
      case 'text':
        statement.bindVarchar(index, cell.value);
        return;
      case 'double':
        statement.bindDouble(index, cell.value);
        return;
      case 'integer':
        statement.bindBigInt(index, BigInt(cell.value));
        return;
      case 'boolean':
        statement.bindBoolean(index, cell.value);
        return;
      case 'doubles':
        statement.bindArray(
          index,
          [...cell.value],
          this.#duckdb.ARRAY(this.#duckdb.DOUBLE, cell.value.length),
        );
        return;
      case 'money':
        statement.bindDecimal(index, new this.#duckdb.DuckDBDecimalValue(cell.value, 38, MONEY_SCALE));
        return;
    }
  }

  #appendCell(appender: DuckDBAppender, cell: Cell): void {
    if (cell.value === null) {
      appender.appendNull();
      return;
    }
    switch (cell.kind) {
      case 'text':
        appender.appendVarchar(cell.value);
        return;
      case 'double':
        appender.appendDouble(cell.value);
        return;
      case 'integer':
        appender.appendBigInt(BigInt(cell.value));
        return;
      case 'boolean':
        appender.appendBoolean(cell.value);
        return;
      case 'doubles':
        appender.appendArray([...cell.value], this.#duckdb.ARRAY(this.#duckdb.DOUBLE, cell.value.length));
        return;
      case 'money':
        appender.appendDecimal(new this.#duckdb.DuckDBDecimalValue(cell.value, 38, MONEY_SCALE));
        return;
    }
  }
}
