import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { badInput } from '../../core/errors.js';

/** The one file of a zip archive. */
export interface ZipEntry {
  /** Where its packed bytes begin and end in the archive. */
  readonly start: number;
  readonly end: number;
  readonly isDeflated: boolean;
  /** Takes unpacked bytes for the checksum that `check` holds against the archive's. */
  add(bytes: Uint8Array): void;
  check(): void;
}

const END_BYTES = 22;
const COMMENT_MAX = 65_535;

/**
 * Finds the one file in a zip archive by its central directory (PKWARE's APPNOTE.TXT, sections 4.3.7 to 4.3.16:
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). Throws `E_GZIP` where there is none, or more than one, or it
 * is encrypted, packed otherwise than by deflate, or of 4 GiB and more.
 */
export async function zipEntry(path: string, held: Buffer | undefined): Promise<ZipEntry> {
  const file = held === undefined ? await open(path) : undefined;
  try {
    const size = held?.length ?? (await file!.stat()).size;
    const read = async (from: number, bytes: number): Promise<Buffer> => {
      const length = Math.max(0, Math.min(bytes, size - from));
      if (held !== undefined) return held.subarray(from, from + length);
      return (await file!.read(Buffer.alloc(length), 0, length, from)).buffer;
    };
    return await findEntry(path, size, read);
  } catch (error) {
    // A directory that points outside of the archive.
    if (error instanceof RangeError) throw refused(path, 'is a damaged zip file');
    throw error;
  } finally {
    await file?.close();
  }
}

async function findEntry(
  path: string,
  size: number,
  read: (from: number, bytes: number) => Promise<Buffer>,
): Promise<ZipEntry> {
  const tail = await read(Math.max(0, size - END_BYTES - COMMENT_MAX), END_BYTES + COMMENT_MAX);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw refused(path, 'is a zip file that ends in the middle');
  const directory = await read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const files: { name: string; at: number }[] = [];
  for (let at = 0; at < directory.length; ) {
    if (directory.readUInt32LE(at) !== 0x02014b50) throw refused(path, 'is a damaged zip file');
    const nameBytes = directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
    if (!name.endsWith('/') && !name.startsWith('__MACOSX/')) files.push({ name, at });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  const [only] = files;
  if (only === undefined) throw refused(path, 'is a zip file without a file in it');
  if (files.length > 1) {
    const names = files.slice(0, 3).map(({ name }) => JSON.stringify(name));
    throw refused(path, `holds ${files.length} files (${names.join(', ')}${files.length > 3 ? ', …' : ''})`);
  }
  const { at } = only;
  const method = directory.readUInt16LE(at + 10);
  const packedBytes = directory.readUInt32LE(at + 20);
  const headerAt = directory.readUInt32LE(at + 42);
  if ((directory.readUInt16LE(at + 8) & 1) === 1) throw refused(path, 'is an encrypted zip file');
  if (method !== 0 && method !== 8) throw refused(path, `is a zip file packed by method ${method}`);
  if (packedBytes === 0xffffffff || headerAt === 0xffffffff)
    throw refused(path, 'is a zip file of 4 GiB or more');
  const header = await read(headerAt, 30);
  const start = headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  return checked(path, directory.readUInt32LE(at + 16), {
    start,
    end: start + packedBytes,
    isDeflated: method === 8,
  });
}

function checked(
  path: string,
  wanted: number,
  place: Pick<ZipEntry, 'start' | 'end' | 'isDeflated'>,
): ZipEntry {
  let sum = 0;
  return {
    ...place,
    add(bytes) {
      sum = crc32(bytes, sum);
    },
    check() {
      if (sum !== wanted) throw refused(path, 'is a damaged zip file (its checksum does not fit)');
    },
  };
}

const refused = (path: string, what: string) =>
  badInput('E_GZIP', `${path} ${what}`, 'give a whole zip file with one candle file in it, or unpack it');
