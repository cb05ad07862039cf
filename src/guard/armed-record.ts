import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder, writeDurably } from '../adapters/files/durable-file.js';
import { fault, messageOf } from '../core/errors.js';

/** What is recorded of the box across power cuts. Only `armed: true` behind a sound checksum arms anything. */
export interface ArmedRecord {
  readonly armed: boolean;
  readonly epoch: number;
  /** Wall time of the change. */
  readonly atMs: number;
  readonly cause: string;
  /** Of an arming: the second record took it first. Left out where there is none, and by versions that knew of none. */
  readonly inBoth?: boolean;
}

export type ArmedReading =
  | { readonly kind: 'record'; readonly record: ArmedRecord }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly detail: string };

/** The durable truth for HALTED. */
export interface ArmedRecordFile {
  read(): Promise<ArmedReading>;
  /** Resolves once the record survives a power cut. Rejects with `E_ARMED_RECORD`. Calls must not overlap. */
  write(record: ArmedRecord): Promise<void>;
  /** Tries whether a halt could be recorded, without touching what is recorded; rejects with the reason. */
  probe(): Promise<void>;
}

/** The steps that make a change durable; tests slow them down or let them fail. */
export type DurableWrite = (path: string, text: string) => Promise<void>;

/** What a disk writes at once. */
export const BLOCK_BYTES = 4096;

const FORMAT = 'redbutton-armed-1';

const checksumOf = (body: string) => createHash('sha256').update(body).digest('hex');

/** The text of a record. */
export function encodeArmedRecord(record: ArmedRecord): string {
  const body = JSON.stringify({
    format: FORMAT,
    armed: record.armed,
    epoch: record.epoch,
    atMs: record.atMs,
    cause: record.cause,
    ...(record.inBoth !== undefined && { inBoth: record.inBoth }),
  });
  return `${body}\nsha256 ${checksumOf(body)}\n`;
}

/** Reads the text of a record: two lines, the record and the checksum of its first line. */
export function decodeArmedRecord(text: string): ArmedReading {
  const unreadable = (detail: string): ArmedReading => ({ kind: 'unreadable', detail });
  const match = /^(\{.*\})\nsha256 ([0-9a-f]{64})\n$/.exec(text);
  if (match === null) return unreadable('it is torn or not a record');
  const [, body, checksum] = match;
  if (checksumOf(body!) !== checksum) return unreadable('its checksum is wrong');
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(body!) as Record<string, unknown>;
  } catch {
    return unreadable('it is not JSON');
  }
  const { format, armed, epoch, atMs, cause, inBoth } = value;
  if (
    format !== FORMAT ||
    typeof armed !== 'boolean' ||
    !Number.isSafeInteger(epoch) ||
    (epoch as number) < 0 ||
    typeof atMs !== 'number' ||
    typeof cause !== 'string' ||
    (inBoth !== undefined && typeof inBoth !== 'boolean')
  ) {
    return unreadable('its fields are not those of this version');
  }
  const record = { armed, epoch: epoch as number, atMs, cause };
  return { kind: 'record', record: inBoth === undefined ? record : { ...record, inBoth } };
}

/** The record in a file of the state directory. */
export function createArmedRecordFile(
  path: string,
  durableWrite: DurableWrite = (file, text) => writeDurably(file, text, 0o600),
): ArmedRecordFile {
  return {
    async read() {
      try {
        return decodeArmedRecord(await readFile(path, 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
        return { kind: 'unreadable', detail: messageOf(error) };
      }
    },
    probe: () => probeBeside(path),
    async write(record) {
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o750 });
        await durableWrite(path, encodeArmedRecord(record));
      } catch (error) {
        // A full or failing disk must not keep a halt from being remembered: it is written over what is there, which needs no
        // space and no right to the folder; or nothing is left there, which means HALTED too.
        if (!record.armed && (await doneAfterAll(() => overwrite(path, encodeArmedRecord(record))))) return;
        if (!record.armed && (await doneAfterAll(() => removeForGood(path)))) return;
        throw fault(
          'E_ARMED_RECORD',
          `cannot record in ${path} that the box is ${record.armed ? 'armed' : 'halted'}: ${messageOf(error)}`,
          'see that the disk is not full or read-only',
          error,
        );
      }
    },
  };
}

async function doneAfterAll(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

/**
 * In place and not through a file beside it, since a full disk takes no new file. Cut short by a power cut it is no record,
 * which means HALTED.
 */
async function overwrite(path: string, text: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(text, 0);
    await handle.truncate(Buffer.byteLength(text));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeForGood(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await syncFolder(dirname(path));
}

/** One block that was given its place on the disk before it is needed, rewritten where it is. */
async function probeBeside(path: string): Promise<void> {
  const block = `${path}.probe`;
  const handle = await open(block, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
  try {
    await handle.write(Buffer.alloc(BLOCK_BYTES, `${Date.now()}\n`), 0, BLOCK_BYTES, 0);
  } finally {
    await handle.close();
  }
  // What the disk would take, the record itself or its folder may still refuse.
  await access(dirname(path), constants.W_OK);
  const record = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  await record?.close();
}
