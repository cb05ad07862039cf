import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { fault, messageOf, RedbuttonError } from '../../core/errors.js';
import { renameDurably } from './durable-file.js';

/**
 * Writes a file so that a reader sees the old content or the whole new one: a temporary file beside it, fsync, rename,
 * fsync of the folder.
 * On any failure the temporary file is removed and the old content stands. Throws
 * `E_WRITE` (exit code 1), or whatever fault the chunks themselves throw.
 */
export async function writeFileAtomically(target: string, chunks: Iterable<string>): Promise<void> {
  const temporary = path.join(
    path.dirname(target),
    `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', 0o644);
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
