import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fault, messageOf } from '../core/errors.js';
import { type ArmedRecordFile, BLOCK_BYTES, decodeArmedRecord, encodeArmedRecord } from './armed-record.js';

/**
 * The record in one block of a file on a second file system, which is rewritten in place: no space, no inode, no right to
 * the folder and no journal of the file system is needed for it.
 *
 * The file is never made here. A folder on which nothing is mounted has none, and so cannot pass for the second place.
 * A record is shorter than a sector; one torn all the same is unreadable, and never armed.
 */
export function createRecordBlock(path: string): ArmedRecordFile {
  const withFile = async <T>(flags: number, work: (handle: FileHandle) => Promise<T>): Promise<T> => {
    const handle = await open(path, flags);
    try {
      return await work(handle);
    } finally {
      await handle.close();
    }
  };
  const readBlock = async (handle: FileHandle) => {
    const block = Buffer.alloc(BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, 0);
    if (bytesRead !== BLOCK_BYTES) throw new Error(`it has ${bytesRead} bytes in place of ${BLOCK_BYTES}`);
    return block;
  };
  const writeBlock = async (handle: FileHandle, block: Buffer) => {
    const { bytesWritten } = await handle.write(block, 0, BLOCK_BYTES, 0);
    if (bytesWritten !== BLOCK_BYTES) throw new Error(`only ${bytesWritten} bytes were written`);
  };
  const failed = (what: string, error: unknown) =>
    fault(
      'E_ARMED_RECORD',
      `cannot ${what} the second record ${path}: ${messageOf(error)}`,
      `see that its file system is mounted, can be written, and holds that file (${BLOCK_BYTES} bytes, the guard’s)`,
      error,
    );
  return {
    async read() {
      try {
        const block = await withFile(constants.O_RDONLY, readBlock);
        const text = block.toString('utf8').replace(/\0+$/, '');
        return text === '' ? { kind: 'missing' } : decodeArmedRecord(text);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
        return { kind: 'unreadable', detail: messageOf(error) };
      }
    },
    async write(record) {
      const block = Buffer.alloc(BLOCK_BYTES);
      block.write(encodeArmedRecord(record));
      await withFile(constants.O_RDWR | constants.O_DSYNC, async (handle) => {
        await readBlock(handle);
        await writeBlock(handle, block);
      }).catch((error: unknown) => {
        throw failed('write', error);
      });
    },
    async probe() {
      await withFile(constants.O_RDWR | constants.O_DSYNC, async (handle) =>
        writeBlock(handle, await readBlock(handle)),
      ).catch((error: unknown) => {
        throw failed('rewrite', error);
      });
    },
  };
}
