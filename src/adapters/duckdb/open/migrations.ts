import { readdirSync, readFileSync } from 'node:fs';
import { badInput, invariant } from '../../../core/errors.js';
import { numberOf } from '../write/rows.js';
import { integer, type Session, text } from './session.js';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** The migrations beside this file, `0001-….sql` and on, without a gap in the numbers. */
export function shippedMigrations(
  directory = new URL('../migrations/', import.meta.url),
): readonly Migration[] {
  const names = readdirSync(directory)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  invariant(names.length > 0, 'the migrations are missing from this install');
  return names.map((name, i) => {
    invariant(name.startsWith(`${String(i + 1).padStart(4, '0')}-`), `migration ${name} is out of number`);
    return { version: i + 1, name, sql: readFileSync(new URL(name, directory), 'utf8') };
  });
}

/** The version of the database's schema; 0 for a new one. */
export async function schemaVersion(session: Session): Promise<number> {
  const known = await session.rows(
    `SELECT 1 AS one FROM information_schema.tables WHERE table_name = 'schema_migrations'`,
  );
  if (known.length === 0) return 0;
  const [row] = await session.rows('SELECT coalesce(max(version), 0) AS version FROM schema_migrations');
  return row ? numberOf(row, 'version') : 0;
}

/** A database of a later redbutton is refused (`E_STORE_NEWER`): older code would misread or damage it. */
export function refuseNewer(path: string, version: number, known: number): void {
  if (version <= known) return;
  throw badInput(
    'E_STORE_NEWER',
    `the database ${path} has schema ${version}, and this redbutton knows schemas up to ${known}`,
    'run the version of redbutton that wrote it, or a newer one',
  );
}

/** Brings the schema up to date, each migration in a transaction of its own. Resolves to the versions applied. */
export async function migrate(
  session: Session,
  migrations: readonly Migration[],
): Promise<readonly number[]> {
  const version = await schemaVersion(session);
  refuseNewer(session.path, version, migrations.length);
  const pending = migrations.filter((migration) => migration.version > version);
  for (const migration of pending) {
    await session.transaction(async () => {
      await session.run(
        'CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at_ms BIGINT NOT NULL)',
      );
      await session.script(migration.sql);
      await session.run('INSERT INTO schema_migrations VALUES ($1, $2, epoch_ms(now()))', [
        integer(migration.version),
        text(migration.name),
      ]);
    });
  }
  return pending.map((migration) => migration.version);
}
