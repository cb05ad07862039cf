import { readlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { vi } from 'vitest';

/**
 * Notes the path of each file and folder that is synced from now on, in order; `failing` says which sync is to fail, as that of
 * a broken disk. Ended by `vi.restoreAllMocks`.
 */
export async function watchSyncs(failing: (path: string) => boolean = () => false): Promise<string[]> {
  const handle = await open('/dev/null', 'r');
  const kind = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const synced: string[] = [];
  const { sync } = kind;
  vi.spyOn(kind, 'sync').mockImplementation(async function (this: FileHandle) {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`);
    if (failing(path)) throw new Error('EIO: i/o error, fsync');
    await sync.call(this);
    synced.push(path);
  });
  return synced;
}
