import { randomBytes } from 'node:crypto';
import {
  chown,
  constants,
  copyFile,
  type FileHandle,
  open,
  readdir,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import path from 'node:path';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';

/** Text and bytes, whole or in chunks, of which none is kept in memory. */
export type Content = Uint8Array | string | Iterable<string> | AsyncIterable<string>;

/**
 * Writes a file so that it is there whole, or as it was before, whatever happens to the power: temporary file beside it,
 * fsync, rename, fsync of the folder. `mode` is that of a file that anybody may read; a secret wants 0o600. Throws `E_WRITE`
 * (exit code 1), or whatever fault the chunks themselves throw; no temporary file is left then.
 */
export async function writeDurably(target: string, content: Content, mode = 0o644): Promise<void> {
  let placed: FileHandle | undefined;
  try {
    await replaceDurably(target, content, mode, (handle) => {
      placed = handle;
    });
  } finally {
    await placed?.close();
  }
}

/**
 * The same for a writer that appends afterwards. It gets the new file, open for reading and writing, as soon as that has its
 * name, so before the folder is synced: a sync that fails does not bring the old file back, but a power cut may.
 */
export async function replaceDurably(
  target: string,
  content: Content,
  mode: number,
  onPlaced: (handle: FileHandle) => void,
): Promise<void> {
  const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  const temporary = temporaryBeside(target);
  let handle: FileHandle | undefined;
  let isPlaced = false;
  try {
    handle = await open(temporary, 'wx+', mode);
    for await (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
    await rename(temporary, target);
    isPlaced = true;
    onPlaced(handle);
    handle = undefined;
    await syncFolder(path.dirname(target));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof RedbuttonError) throw error;
    throw isPlaced ? unsynced(target, error) : unwritable(target, error);
  }
}

/** Replaces a file by a copy of another one, with its mode and owner, as `writeDurably` does. */
export async function copyOver(from: string, target: string): Promise<void> {
  const temporary = temporaryBeside(target);
  let isPlaced = false;
  try {
    await copyDurably(from, temporary);
    const { uid, gid } = await stat(from);
    await chown(temporary, uid, gid);
    await rename(temporary, target);
    isPlaced = true;
    await syncFolder(path.dirname(target));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw isPlaced ? unsynced(target, error) : unwritable(target, error);
  }
}

/** Renames, and makes that durable: without it a power cut may bring the old name back. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(path.dirname(to));
  if (path.dirname(from) !== path.dirname(to)) await syncFolder(path.dirname(from));
}

/** Copies into a new file, and makes its content durable; its name is, once it is renamed. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await syncFile(to);
}

/** Makes what was written to a file durable. */
export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames and removals in a folder durable. */
export const syncFolder = syncFile;

/** Removes the temporary files that a power cut left beside a file. For a file with one writer, before it writes. */
export async function removeLeftovers(target: string): Promise<void> {
  const folder = path.dirname(target);
  const left = new RegExp(`^\\.${path.basename(target).replace(/[^\w-]/g, '\\$&')}\\.[0-9a-f]{12}\\.tmp$`);
  for (const name of await readdir(folder)) if (left.test(name)) await rm(path.join(folder, name));
}

function temporaryBeside(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
}

function unsynced(target: string, error: unknown): RedbuttonError {
  return fault(
    'E_WRITE',
    `${target} is written, but its folder could not be synced: ${messageOf(error)}`,
    'look at the health of the disk; until it is synced a power cut may bring back what stood there before',
    error,
  );
}

function unwritable(target: string, error: unknown): RedbuttonError {
  return fault(
    'E_WRITE',
    `${target} cannot be written: ${messageOf(error)}`,
    'check that its folder exists, is writable and has room; what stood there before is unchanged',
    error,
  );
}
