import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../../../core/errors.js';
import { copyDurably, syncFolder } from '../../files/durable-file.js';
import { logHead } from './log-owner.js';
import { damaged } from './store-faults.js';

/**
 * DuckDB's log after a power cut. Each commit is synced before the next one is written, so at most the last transaction
 * can be torn, and what is torn was never told to be durable. DuckDB cuts such a tail itself where bytes are missing, but
 * refuses the whole database where they are there and wrong (a page of zeros, say), and where a length is wrong in the
 * middle it drops all that follows without a word. Here the first is repaired and the second told.
 *
 * Layout of format 2 (DuckDB 1.5, pinned; a test watches it): the head, then entries of length and checksum (8 bytes each,
 * little endian) and content. A commit ends with an entry that is the same each time.
 */
const HEAD_BYTES_MIN = 8;
const ENTRY_HEAD_BYTES = 16;
const COMMIT_ENTRY = Buffer.from('0500000000000000e7fe7d722fed3d5e640064ffff', 'hex');

/** What was cut from a log: the whole log is kept under `keptAs`. */
export interface LogCut {
  readonly keptAs: string;
  readonly bytes: number;
}

/** Commits from `offset` to the end of a log. */
export function commitsFrom(log: Buffer, offset: number): number {
  let count = 0;
  for (let at = log.indexOf(COMMIT_ENTRY, offset); at >= 0; at = log.indexOf(COMMIT_ENTRY, at + 1))
    count += 1;
  return count;
}

/** Where the chain of entries ends: the log's length when it is whole; undefined for a format not known here. */
export function chainEnd(log: Buffer): number | undefined {
  if (log.length < HEAD_BYTES_MIN) return log.length;
  const head = logHead(log);
  if (head === undefined) return undefined;
  let at = head.length;
  while (at + ENTRY_HEAD_BYTES <= log.length) {
    const next = at + ENTRY_HEAD_BYTES + Number(log.readBigUInt64LE(at));
    if (!(next <= log.length)) break;
    at = next;
  }
  return at;
}

/** `E_STORE_DAMAGED` where DuckDB would drop committed transactions without a word. */
export function refuseBrokenChain(file: string): void {
  const wal = `${file}.wal`;
  if (!existsSync(wal)) return;
  const log = readFileSync(wal);
  const end = chainEnd(log) ?? 0;
  // One commit beyond the break may be the torn transaction's own; a head that is not known must hide none.
  const lost = commitsFrom(log, end);
  if (lost > (end === 0 ? 0 : 1))
    throw damaged(file, `its log is broken at byte ${end} and ${lost} commits follow`);
}

/**
 * Cuts a log that DuckDB refused where its last transaction is torn, and tells what was cut; undefined when the error is
 * another one. Committed transactions are never cut: where one follows the damage, nothing is touched.
 */
export async function cutTornTail(file: string, error: unknown): Promise<LogCut | undefined> {
  const position = /Corrupt WAL file: entry at byte position (\d+) computed checksum/.exec(
    messageOf(error),
  )?.[1];
  const wal = `${file}.wal`;
  if (position === undefined || !existsSync(wal)) return undefined;
  const from = Number(position) - ENTRY_HEAD_BYTES;
  const log = readFileSync(wal);
  if (from < 0 || from >= log.length || commitsFrom(log, from) > 1) return undefined;
  let number = 1;
  while (existsSync(`${wal}.torn-${number}`)) number += 1;
  const keptAs = `${wal}.torn-${number}`;
  await copyDurably(wal, keptAs);
  await syncFolder(path.dirname(wal));
  const handle = await open(wal, 'r+');
  try {
    await handle.truncate(from);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { keptAs, bytes: log.length - from };
}
