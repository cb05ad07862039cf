import { accessSync, constants, existsSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { badInput, messageOf } from '../../../core/errors.js';
import { renameDurably } from '../../files/durable-file.js';

/** What DuckDB may keep beside a database: the log, and its two forms while a checkpoint runs. */
export const LOG_COMPANIONS = ['.wal', '.wal.checkpoint', '.wal.recovery'] as const;

/** `E_STORE_PATH` unless the database can be opened (or made) at that path as far as its folder is concerned. */
export function checkDatabasePath(file: string, readOnly: boolean): void {
  const refuse = (why: string, remedy: string, cause?: unknown) =>
    badInput('E_STORE_PATH', `the database ${file} cannot be opened: ${why}`, remedy, cause);
  const directory = path.dirname(file);
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw refuse(`${directory} is no directory`, `create it (mkdir -p ${directory}) or set device.stateDir`);
  if (existsSync(file) && !statSync(file).isFile()) throw refuse('it is no file', 'name a file');
  if (readOnly && !existsSync(file))
    throw refuse('there is no such file', 'start the service once, or check device.stateDir');
  if (readOnly) return;
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw refuse(
      `this user may not write there (${messageOf(error)})`,
      'run as the service user, or change owner or mount options',
      error,
    );
  }
}

/** The name for a database that is moved aside: `FILE.damaged-1`, or the first free number. */
export function asideName(file: string): string {
  let number = 1;
  while (existsSync(`${file}.damaged-${number}`) || existsSync(`${file}.damaged-${number}.wal`)) number += 1;
  return `${file}.damaged-${number}`;
}

/**
 * Renames a damaged database and its log to `aside`. Nothing is deleted, and the pair can still be opened together by
 * DuckDB's own tools.
 */
export async function putAside(file: string, aside: string): Promise<void> {
  // The log first, durably: a database that comes back without it is older, one under another's log is wrong.
  for (const companion of [...LOG_COMPANIONS, ''])
    if (existsSync(file + companion)) await renameDurably(file + companion, aside + companion);
}

/** Removes what a creation that was cut off left behind. It was never under the database's own name. */
export function removeUnfinished(file: string): void {
  for (const name of [file, ...LOG_COMPANIONS.map((companion) => file + companion)])
    rmSync(name, { force: true });
}
