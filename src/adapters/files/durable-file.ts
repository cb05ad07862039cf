import { randomBytes } from 'node:crypto';
import { constants, copyFile, type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';

/**
 * Writes a file so that it is there whole, or as it was before, whatever happens to the power: temporary file beside it,
 * fsync, rename, fsync of the folder. Of several chunks none is kept in memory. `mode` is that of a file that anybody may read;
 * a secret wants 0o600. Throws `E_WRITE` (exit code 1), or whatever fault the chunks themselves throw.
 */
export async function writeDurably(
  target: string,
  content: Uint8Array | string | Iterable<string>,
  mode = 0o644,
): Promise<void> {
  const chunks = typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
  const folder = path.dirname(target);
  const temporary = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', mode);
    for (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await renameDurably(temporary, target);
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    if (error instanceof RedbuttonError) throw error;
    throw fault(
      'E_WRITE',
      `${target} cannot be written: ${messageOf(error)}`,
      'check that its folder exists, is writable and has room; what stood there before is unchanged',
      error,
    );
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
  await copyFile(from, to, constants.COPYFILE_EXCL);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames and removals in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
