import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault, messageOf } from '../../core/errors.js';

/**
 * Writes a file so that it is there whole, or as it was before, whatever happens to the power: temporary file beside it,
 * fsync, rename, fsync of the folder. `mode` is that of a file that anybody may read; a secret wants 0o600. Throws
 * `E_WRITE` (exit code 1).
 */
export async function writeDurably(target: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  const folder = path.dirname(target);
  const temporary = path.join(folder, `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', mode);
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, target);
    await syncFolder(folder);
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw fault(
      'E_WRITE',
      `${target} cannot be written: ${messageOf(error)}`,
      'check that its folder exists, is writable and has room',
      error,
    );
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
