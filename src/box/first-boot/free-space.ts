import { open, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../../adapters/files/durable-file.js';

const MSDOS_SUPER_MAGIC = 0x4d44;
const BLOCK = Buffer.alloc(1024 * 1024);
const FILLER = 'redbutton-wiping.tmp';

/**
 * Overwrites what is free on the file system of `folder` with zeros: an editor that saved a file again, or a computer that
 * copied it twice, has left the text of before in sectors that belong to no file now. Only FAT, and never more than
 * `bytesMax`; resolves to the bytes written. Power may fail meanwhile: the next call takes the filler away first.
 */
export async function wipeFreeSpace(
  folder: string,
  bytesMax = 2 ** 30,
  fileSystem = MSDOS_SUPER_MAGIC,
): Promise<number> {
  const filler = path.join(folder, FILLER);
  await rm(filler, { force: true });
  if ((await statfs(folder)).type !== fileSystem) return 0;
  let written = 0;
  const handle = await open(filler, 'w');
  try {
    while (written < bytesMax) {
      const { bytesWritten } = await handle.write(BLOCK, 0, Math.min(BLOCK.length, bytesMax - written));
      written += bytesWritten;
    }
  } catch (error) {
    // Full is what it is to become; any other failure is one.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    // However it ends, the card must not be left full.
    await handle.sync().finally(() => handle.close().finally(() => rm(filler)));
    await syncFolder(folder);
  }
  return written;
}
