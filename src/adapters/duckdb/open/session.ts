import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBPreparedStatement,
  DuckDBType,
  DuckDBValue,
} from '@duckdb/node-api';
import { invariant } from '../../../core/errors.js';
import { MONEY_SCALE } from '../../store-rules/decimal38.js';
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

/** How rows get into a table: the statement, and the types of its columns in the order of the cells. */
interface RowsInsert {
  readonly sql: string;
  readonly types: readonly DuckDBType[];
}

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
  readonly #inserts = new Map<string, RowsInsert>();

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
   * the statement: DuckDB plans a statement again each time a null is bound to it, which would double the time.
   */
  async insert(into: string, cells: readonly Cell[]): Promise<void> {
    const given = cells.filter((cell) => cell.value !== null);
    let place = 0;
    const values = cells.map((cell) => (cell.value === null ? 'NULL' : `$${++place}`));
    await this.run(`INSERT INTO ${into} VALUES (${values.join(', ')})`, given);
  }

  /**
   * Inserts rows by one statement whose parameters are whole columns, as lists. It is planned once, and another thread does
   * the work: the appender would do it on the caller's, and the process would stand still for some milliseconds. `columns`
   * names the cells where they are not all of the table's or not in its order; columns without a cell get their default.
   */
  async insertRows(
    table: string,
    rows: readonly (readonly Cell[])[],
    columns?: readonly string[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const { sql, types } = await this.#insertOf(table, columns);
    invariant(
      rows.every((cells) => cells.length === types.length),
      `rows of ${table} have ${types.length} cells`,
    );
    await this.#told(async () => {
      const statement = await this.#prepared(sql);
      for (const [i, type] of types.entries()) {
        const column = rows.map((cells) => this.#valueOf(cells[i]!));
        statement.bindList(i + 1, column, this.#duckdb.LIST(type));
      }
      await statement.run();
    });
  }

  /** Its types are asked for once: nothing alters a table that is open. */
  async #insertOf(table: string, columns?: readonly string[]): Promise<RowsInsert> {
    const name = `${table} ${columns}`;
    const known = this.#inserts.get(name);
    if (known !== undefined) return known;
    const found = await this.rows(
      `SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = $1 ORDER BY column_index`,
      [text(table)],
    );
    const typeOf = new Map(found.map((row) => [String(row.column_name), String(row.data_type)]));
    const names = columns ?? [...typeOf.keys()];
    const lists = names.map((name, i) => {
      const type = typeOf.get(name);
      invariant(type, `${table} has no column ${name}`);
      return `unnest($${i + 1}::${type}[])`;
    });
    const insert = {
      sql: `INSERT INTO ${table} (${names.join(', ')}) SELECT ${lists.join(', ')}`,
      types: names.map((name) => this.#columnType(typeOf.get(name)!)),
    };
    this.#inserts.set(name, insert);
    return insert;
  }

  #columnType(name: string): DuckDBType {
    const { ARRAY, BIGINT, BOOLEAN, DECIMAL, DOUBLE, VARCHAR } = this.#duckdb;
    const size = /^DOUBLE\[(\d+)\]$/.exec(name)?.[1];
    if (size !== undefined) return ARRAY(DOUBLE, Number(size));
    const decimal = `DECIMAL(38,${MONEY_SCALE})`;
    const type = { BIGINT, BOOLEAN, DOUBLE, VARCHAR, [decimal]: DECIMAL(38, MONEY_SCALE) }[name];
    invariant(type, `no rows are written to columns of ${name}`);
    return type;
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
  async append(table: string, fill: (appender: DuckDBAppender) => void | Promise<void>): Promise<void> {
    await this.#told(async () => {
      const appender = await this.connection.createAppender(table, 'main', 'temp');
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

  async #prepared(sql: string): Promise<DuckDBPreparedStatement> {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = await this.connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  async #bound(sql: string, cells: readonly Cell[]): Promise<DuckDBPreparedStatement> {
    const statement = await this.#prepared(sql);
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

  #valueOf(cell: Cell): DuckDBValue {
    if (cell.value === null) return null;
    switch (cell.kind) {
      case 'text':
      case 'double':
      case 'boolean':
        return cell.value;
      case 'integer':
        return BigInt(cell.value);
      case 'doubles':
        return this.#duckdb.arrayValue([...cell.value]);
      case 'money':
        return new this.#duckdb.DuckDBDecimalValue(cell.value, 38, MONEY_SCALE);
    }
  }
}
