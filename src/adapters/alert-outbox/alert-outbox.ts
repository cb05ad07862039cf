import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Alert } from '../../core/alert.js';
import { SEVERITIES } from '../../core/alert.js';
import { fault, messageOf } from '../../core/errors.js';
import type { AlertOutbox } from '../../ports/alerts.js';
import { removeLeftovers, replaceDurably } from '../files/durable-file.js';

/** The outbox as a small append-only file, for a process without a database (the guard). */
export interface FileAlertOutbox extends AlertOutbox {
  close(): Promise<void>;
}

/** Beyond this size a file with at least half of it dead is written again. */
const COMPACT_BYTES = 64 * 1024;

/**
 * Opens (or makes) the outbox. Each line is a JSON record, `{"add":…}` or `{"remove":[…]}`; an added alert is on the disk
 * (fdatasync) before `add` resolves. A torn last line, as power loss leaves it, is cut off; a damaged line elsewhere is
 * told through `onDamage` and passed over, since the other alerts matter more. Rejects `E_SPOOL` when the file cannot
 * be opened or written.
 */
export async function openAlertOutbox(
  file: string,
  onDamage: (line: number) => void = () => {},
): Promise<FileAlertOutbox> {
  const alive = new Map<string, Alert>();
  let handle: FileHandle;
  let bytes = 0;
  let turn: Promise<unknown> = Promise.resolve();

  /** One write at a time, in the order of the calls; a failure is the caller's own and does not stop the next. */
  function serialize<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => {});
    return result;
  }

  async function append(record: object): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      await handle.write(line, 0, line.length, bytes);
      await handle.datasync();
    } catch (error) {
      // What was half written is not counted: the next record is written over it.
      throw outboxFault(file, error);
    }
    bytes += line.length;
  }

  async function rewrite(): Promise<void> {
    const text = [...alive.values()].map((alert) => `${JSON.stringify({ add: alert })}\n`).join('');
    const old = handle;
    await replaceDurably(file, text, 0o600, (fresh) => {
      handle = fresh;
      bytes = Buffer.byteLength(text);
    }).finally(() => (handle === old ? undefined : old.close()));
  }

  try {
    await mkdir(path.dirname(file), { recursive: true });
    await removeLeftovers(file);
    handle = await open(file, 'a').then(async (made) => {
      await made.close();
      return open(file, 'r+');
    });
    const content = await readFile(file);
    const end = content.lastIndexOf(0x0a) + 1;
    replay(content.subarray(0, end).toString('utf8'), alive, onDamage);
    bytes = end;
    await handle.truncate(end);
  } catch (error) {
    throw outboxFault(file, error);
  }

  return {
    add: (alert) =>
      serialize(async () => {
        if (alive.has(alert.id)) return;
        await append({ add: alert });
        alive.set(alert.id, alert);
      }),
    remove: (ids) =>
      serialize(async () => {
        const known = ids.filter((id) => alive.has(id));
        if (known.length === 0) return;
        await append({ remove: known });
        for (const id of known) alive.delete(id);
        if (bytes > COMPACT_BYTES && JSON.stringify([...alive.values()]).length * 2 < bytes) {
          await rewrite().catch((error) => {
            throw outboxFault(file, error);
          });
        }
      }),
    pending: (limit) => serialize(async () => [...alive.values()].slice(0, limit)),
    close: () => serialize(() => handle.close()),
  };
}

function replay(text: string, alive: Map<string, Alert>, onDamage: (line: number) => void): void {
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const record = parseRecord(line);
    if (record === undefined) onDamage(i + 1);
    else if ('add' in record) alive.set(record.add.id, record.add);
    else for (const id of record.remove) alive.delete(id);
  });
}

function parseRecord(line: string): { add: Alert } | { remove: readonly string[] } | undefined {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null) return undefined;
  if ('remove' in record && Array.isArray(record.remove)) return { remove: record.remove.map(String) };
  if ('add' in record && isAlert(record.add)) return { add: record.add };
  return undefined;
}

function isAlert(value: unknown): value is Alert {
  if (typeof value !== 'object' || value === null) return false;
  const alert = value as Partial<Alert>;
  return (
    typeof alert.id === 'string' &&
    typeof alert.code === 'string' &&
    typeof alert.text === 'string' &&
    typeof alert.atMs === 'number' &&
    Number.isFinite(alert.atMs) &&
    typeof alert.figures === 'object' &&
    alert.figures !== null &&
    SEVERITIES.some((severity) => severity === alert.severity)
  );
}

function outboxFault(file: string, error: unknown): Error {
  return fault(
    'E_SPOOL',
    `the alert outbox ${file} cannot be used: ${messageOf(error)}`,
    'check free space and owner of its directory',
    error,
  );
}
