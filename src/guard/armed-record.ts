import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fault, messageOf } from '../core/errors.js';

/** What is recorded of the box across power cuts. Only `armed: true` behind a sound checksum arms anything. */
export interface ArmedRecord {
  readonly armed: boolean;
  readonly epoch: number;
  /** Wall time of the change. */
  readonly atMs: number;
  readonly cause: string;
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
}

/** The steps that make a change durable; tests slow them down or let them fail. */
export type DurableWrite = (path: string, text: string) => Promise<void>;

const FORMAT = 'redbutton-armed-1';

const checksumOf = (body: string) => createHash('sha256').update(body).digest('hex');

function encode(record: ArmedRecord): string {
  const body = JSON.stringify({
    format: FORMAT,
    armed: record.armed,
    epoch: record.epoch,
    atMs: record.atMs,
    cause: record.cause,
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
  const { format, armed, epoch, atMs, cause } = value;
  if (
    format !== FORMAT ||
    typeof armed !== 'boolean' ||
    !Number.isSafeInteger(epoch) ||
    (epoch as number) < 0 ||
    typeof atMs !== 'number' ||
    typeof cause !== 'string'
  ) {
    return unreadable('its fields are not those of this version');
  }
  return { kind: 'record', record: { armed, epoch: epoch as number, atMs, cause } };
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Write beside, fsync, rename over, fsync the directory: after a power cut there is the old text or the new one. */
export async function durableReplace(path: string, text: string): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}.new`);
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
  await syncDirectory(dirname(path));
}

/** The record in a file of the state directory. */
export function createArmedRecordFile(
  path: string,
  durableWrite: DurableWrite = durableReplace,
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
    async write(record) {
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o750 });
        await durableWrite(path, encode(record));
      } catch (error) {
        // A full or failing disk must not keep a halt from being remembered: no record means HALTED too.
        if (!record.armed && (await removedForGood(path))) return;
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

async function removedForGood(path: string): Promise<boolean> {
  try {
    await unlink(path);
    await syncDirectory(dirname(path));
    return true;
  } catch {
    return false;
  }
}
