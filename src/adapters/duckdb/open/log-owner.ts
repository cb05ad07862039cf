import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { fault, messageOf, type RedbuttonError } from '../../../core/errors.js';
import { renameDurably } from '../../files/durable-file.js';
import { LOG_COMPANIONS } from './database-files.js';

/**
 * Whose a log is. DuckDB works a log that it finds beside a database into it, and from storage version 1.4 on writes into
 * the log's head of which database it is (a random id) and of which of its checkpoints, and refuses another one. A log
 * without an id beside such a database is refused here.
 */
export const STORAGE_VERSION = 'v1.4.0';
const STORAGE_NUMBER = 67;

/** In the database's first block: checksum, "DUCK", the storage number; further on the id. A test watches both. */
const STORAGE_NUMBER_AT = 12;
const ID_AT = 124;
const ID_BYTES = 16;

/** The beginning of a log of format 2, and the marks in its head: id, checkpoint, end. */
const BEGINNING = Buffer.from('640062650002', 'hex');
const ID_MARK = Buffer.from('660010', 'hex');
const CHECKPOINT_MARK = Buffer.from('6700', 'hex');
const END_MARK = Buffer.from('ffff', 'hex');

export interface LogHead {
  /** Bytes of the head. */
  readonly length: number;
  /** Of the database that the log is of; null where it does not say. */
  readonly id: Buffer | null;
}

/** The head of a log; undefined for a format not known here, and for one that is cut off. */
export function logHead(log: Buffer): LogHead | undefined {
  const is = (mark: Buffer, at: number) => log.subarray(at, at + mark.length).equals(mark);
  if (!is(BEGINNING, 0)) return undefined;
  let at = BEGINNING.length;
  let id: Buffer | null = null;
  if (is(ID_MARK, at)) {
    at += ID_MARK.length;
    id = Buffer.alloc(ID_BYTES);
    // Each byte is written as a number of seven bits a byte.
    for (let i = 0; i < ID_BYTES; i++) {
      const low = log[at++] ?? 0;
      id[i] = low < 0x80 ? low : (low & 0x7f) | ((log[at++] ?? 0) << 7);
    }
  }
  if (is(CHECKPOINT_MARK, at)) {
    at += CHECKPOINT_MARK.length;
    while ((log[at] ?? 0) >= 0x80) at++;
    at++;
  }
  return is(END_MARK, at) ? { length: at + END_MARK.length, id } : undefined;
}

/** What the file says of itself; undefined where it is no database of DuckDB. The database must not be open here. */
function storedOwner(file: string): { readonly storage: number; readonly id: Buffer } | undefined {
  const head = Buffer.alloc(ID_AT + ID_BYTES);
  const handle = openSync(file, 'r');
  try {
    if (readSync(handle, head, 0, head.length, 0) < head.length) return undefined;
  } finally {
    closeSync(handle);
  }
  if (head.toString('latin1', 8, 12) !== 'DUCK') return undefined;
  return { storage: head.readUInt32LE(STORAGE_NUMBER_AT), id: head.subarray(ID_AT) };
}

/** Whether the database is of a storage version whose logs do not say whose they are. */
export function isBeforeOwnedLogs(file: string): boolean {
  const owner = storedOwner(file);
  return owner !== undefined && owner.storage < STORAGE_NUMBER;
}

/** `E_STORE_FOREIGN_LOG` where the log beside the database says that it is another one's, or does not say what it should. */
export function refuseForeignLog(file: string): void {
  const wal = `${file}.wal`;
  if (!existsSync(file) || !existsSync(wal)) return;
  const head = logHead(readFileSync(wal));
  const owner = storedOwner(file);
  if (head === undefined || owner === undefined) return;
  if (head.id === null ? owner.storage >= STORAGE_NUMBER : !head.id.equals(owner.id)) throw foreignLog(file);
}

/** DuckDB's own refusal of a log of another database, or of another state of this one, as ours. */
export function foreignLogOf(file: string, error: unknown): RedbuttonError | undefined {
  return /WAL does not match database file|WAL checkpoint iteration does not match/.test(messageOf(error))
    ? foreignLog(file, error)
    : undefined;
}

function foreignLog(file: string, cause?: unknown): RedbuttonError {
  return fault(
    'E_STORE_FOREIGN_LOG',
    `the log ${file}.wal is not of the database ${file}, which was replaced`,
    'start the service: it moves the log aside and continues from the journal',
    cause,
  );
}

/** The name for what a foreign log is of: `FILE.foreign-1`, or the first free number. */
export function foreignName(file: string): string {
  let number = 1;
  while (LOG_COMPANIONS.some((companion) => existsSync(`${file}.foreign-${number}${companion}`))) number += 1;
  return `${file}.foreign-${number}`;
}

/** Renames the log to that of `aside`, durably. Nothing is deleted. */
export async function putLogAside(file: string, aside: string): Promise<void> {
  for (const companion of LOG_COMPANIONS)
    if (existsSync(file + companion)) await renameDurably(file + companion, aside + companion);
}
