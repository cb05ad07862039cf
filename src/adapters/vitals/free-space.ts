import { statfs } from 'node:fs/promises';

/** What an ordinary user may still write on the disk of `directory`. */
export async function freeSpace(
  directory: string,
): Promise<{ readonly freeBytes: number; readonly freePct: number }> {
  const { bavail, bsize, blocks } = await statfs(directory);
  return { freeBytes: bavail * bsize, freePct: blocks === 0 ? 0 : (bavail / blocks) * 100 };
}
