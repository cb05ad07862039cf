import { badInput, fault, messageOf, RedbuttonError } from '../../../core/errors.js';
import { foreignLogOf } from './log-owner.js';

const DAMAGE =
  /corrupt|not a valid DuckDB database|could not read enough bytes|failure while replaying WAL|serialization error|failed to deserialize|INTERNAL Error|unexpected end of file|checksum/i;
const FULL = /no space left|disk quota exceeded|file too large|out of disk|failed to write|could not write/i;

/**
 * Turns what DuckDB says into one sentence with a remedy. Codes: `E_STORE_FOREIGN_LOG`, `E_STORE_LOCKED`, `E_STORE_NEWER`, `E_STORE_DAMAGED`,
 * `E_STORE_FULL`, `E_STORE_READ_ONLY`, `E_STORE_STOPPED`, `E_STORE_MEMORY`, `E_STORE_PATH`, `E_STORE`. An error that is one of ours passes.
 */
export function storeFault(path: string, error: unknown): RedbuttonError {
  if (error instanceof RedbuttonError) return error;
  const said = messageOf(error);
  const line = said.split('\n')[0]!;
  const known =
    foreignLogOf(path, error) ?? useFault(path, said, error) ?? fileFault(path, said, line, error);
  if (known !== undefined) return known;
  return fault(
    'E_STORE',
    `the database ${path} failed: ${line}`,
    'see the log; what was committed is kept',
    error,
  );
}

/** Of a database that is in use, or used as it was not opened. */
function useFault(path: string, said: string, error: unknown): RedbuttonError | undefined {
  if (/could not set lock|conflicting lock/i.test(said)) {
    const holder = /PID (\d+)/.exec(said)?.[1];
    return fault(
      'E_STORE_LOCKED',
      `the database ${path} is in use by ${holder ? `process ${holder}` : 'another process'}`,
      'ask the running service instead, or stop it first',
      error,
    );
  }
  if (/database has been invalidated/i.test(said))
    return fault(
      'E_STORE_STOPPED',
      `the database ${path} stopped after an earlier write error and takes no more work`,
      'restart the process; what was committed is kept',
      error,
    );
  if (/attached in read-only mode|append to a readonly database/i.test(said))
    return fault(
      'E_STORE_READ_ONLY',
      `the database ${path} is open for reading only`,
      'open it without readOnly to write',
      error,
    );
  return undefined;
}

/** Of a file or a machine that does not let it be read or written. */
function fileFault(path: string, said: string, line: string, error: unknown): RedbuttonError | undefined {
  if (FULL.test(said))
    return fault(
      'E_STORE_FULL',
      `the database ${path} could not be written: ${line}`,
      'free space on that disk; what was committed before is kept',
      error,
    );
  if (/version number \d+, but|newer version of DuckDB|cannot be read by|storage version/i.test(said))
    return badInput(
      'E_STORE_NEWER',
      `the database ${path} was written by another version of DuckDB: ${line}`,
      'run the version of redbutton that wrote it, or a newer one',
      error,
    );
  if (/out of memory|failed to allocate/i.test(said))
    return fault(
      'E_STORE_MEMORY',
      `the database ${path} ran out of its memory limit: ${line}`,
      'ask for fewer rows, or raise the memory limit of the store',
      error,
    );
  if (
    /database does not exist|no such file or directory|not a directory|is a directory|permission denied|read-only file system|cannot open file/i.test(
      said,
    )
  )
    return badInput(
      'E_STORE_PATH',
      `the database ${path} cannot be opened: ${line}`,
      'check the path and who may write there',
      error,
    );
  if (DAMAGE.test(said)) return damaged(path, line, error);
  return undefined;
}

/** A database that cannot be read: exit code 2, since a person has to decide what becomes of it. */
export function damaged(path: string, detail: string, cause?: unknown): RedbuttonError {
  return badInput(
    'E_STORE_DAMAGED',
    `the database ${path} is damaged: ${detail}`,
    'restore a backup, or start with the option that moves a damaged database aside: it is renamed, never deleted',
    cause,
  );
}
