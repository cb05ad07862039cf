import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadDuckDb } from '../../../src/adapters/duckdb/open/binding.js';
import {
  type Migration,
  migrate,
  schemaVersion,
  shippedMigrations,
} from '../../../src/adapters/duckdb/open/migrations.js';
import { integer, Session, text } from '../../../src/adapters/duckdb/open/session.js';
import { orderEventOf } from '../../../src/adapters/duckdb/write/money-log.js';
import { EARLIER_ENDS } from './earlier-ends.js';

let instance: DuckDBInstance;
let session: Session;
beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:');
  session = new Session(await loadDuckDb(), await instance.connect(), ':memory:');
});
afterEach(() => {
  session.close();
  instance.closeSync();
});

const first: Migration = {
  version: 1,
  name: '0001-a.sql',
  sql: 'CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER)',
};
const tables = async () =>
  (await session.rows('SELECT table_name FROM information_schema.tables ORDER BY table_name')).map(
    (row) => row.table_name,
  );

describe('migrations', () => {
  test('given a new database, when migrated twice, then each migration is applied once and written down', async () => {
    const second = { version: 2, name: '0002-c.sql', sql: 'ALTER TABLE a ADD COLUMN y DOUBLE' };
    expect(await schemaVersion(session)).toBe(0);
    expect(await migrate(session, [first])).toEqual([1]);
    expect(await migrate(session, [first, second])).toEqual([2]);
    expect(await migrate(session, [first, second])).toEqual([]);
    expect(await schemaVersion(session)).toBe(2);
    const rows = await session.rows(
      'SELECT name, applied_at_ms > 0 AS dated FROM schema_migrations ORDER BY version',
    );
    expect(rows).toEqual([
      { name: '0001-a.sql', dated: true },
      { name: '0002-c.sql', dated: true },
    ]);
  });

  test('given a migration that fails half-way, when it is repaired, then nothing of the first try is in the way', async () => {
    const broken = {
      version: 2,
      name: '0002-c.sql',
      sql: 'CREATE TABLE c (x INTEGER); INSERT INTO nowhere VALUES (1)',
    };
    await expect(migrate(session, [first, broken])).rejects.toMatchObject({ name: 'RedbuttonError' });
    expect(await schemaVersion(session)).toBe(1);
    expect(await tables()).toEqual(['a', 'b', 'schema_migrations']);
    expect(await migrate(session, [first, { ...broken, sql: 'CREATE TABLE c (x INTEGER)' }])).toEqual([2]);
    expect(await tables()).toEqual(['a', 'b', 'c', 'schema_migrations']);
  });

  test('given a database of a later version, when migrated, then it is refused', async () => {
    await migrate(session, [first, { version: 2, name: '0002-c.sql', sql: 'SELECT 1' }]);
    await expect(migrate(session, [first])).rejects.toMatchObject({ code: 'E_STORE_NEWER' });
  });

  test('given orders of a version that knew only rejected, when migrated, then each has the state its message tells of', async () => {
    const shipped = shippedMigrations();
    await migrate(session, shipped.slice(0, 14));
    for (const [i, [status, message]] of EARLIER_ENDS.entries())
      await session.run(
        `INSERT INTO order_events VALUES ($1, 'o', 'binance', 'BTC/USDT', 'buy', 'market', 1, NULL, 0, 1.5, false, $2,
           NULL, 0, NULL, ${message === null ? 'NULL' : '$3'}, 0, NULL)`,
        [integer(i + 1), text(status), ...(message === null ? [] : [text(message)])],
      );
    // An earlier version that only reads the file finds nothing else in it than it wrote.
    const read = async () =>
      (await session.rows('SELECT * FROM order_events ORDER BY seq')).map(orderEventOf);
    const before = await read();
    expect(await migrate(session, shipped)).toEqual(shipped.slice(14).map(({ version }) => version));
    const after = await read();
    const found = after.map(({ status, reason, message }) => [status, reason, message]);
    expect(found).toEqual(EARLIER_ENDS.map(([, message, status, reason]) => [status, reason, message]));
    // A file that is only read, and the journal, go by the same rule in the program.
    expect(before).toEqual(after);
    expect((await session.rows('SELECT status FROM orders')).length).toBe(1);
  });

  test('given the shipped migrations, when applied, then every table and view of the design answers', async () => {
    await migrate(session, shippedMigrations());
    const names =
      'candles quarantine gaps predictions signals risk_decisions orders fills equity positions health alerts_outbox models halts';
    for (const name of names.split(' '))
      expect(await session.rows(`SELECT * FROM ${name}`), name).toEqual([]);
  });
});
