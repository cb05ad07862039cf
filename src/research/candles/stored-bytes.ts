import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { badInput, messageOf, RedbuttonError } from '../../core/errors.js';
import { zipEntry } from './zip-entry.js';

/** A file's text as often as it is asked for: as it stands there, or unpacked (gzip, zip with one file in it, Zstandard). */
export interface StoredBytes {
  /** The unpacked bytes, chunk by chunk; `onStored` gets those of the file itself. Text in UTF-16 comes as UTF-8. */
  chunks(onStored?: (bytes: Uint8Array) => void): AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 1 << 20;

/**
 * Opens a file for reading. Nothing of it stays in memory, but for a pipe, which can be read only once. Faults: `E_FILE_MISSING`,
 * `E_FILE_UNREADABLE`, and from the chunks `E_GZIP` where a packed file is damaged.
 */
export async function openStored(path: string): Promise<StoredBytes> {
  const { head, piped } = await readable(path, async () => {
    if (!(await stat(path)).isFile()) {
      const all = await readFile(path);
      return { head: all.subarray(0, 4), piped: all };
    }
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return { head: buffer.subarray(0, bytesRead), piped: undefined };
    } finally {
      await file.close();
    }
  });
  return {
    chunks(onStored) {
      const stored = tapped(piped === undefined ? fileChunks(path) : [piped], onStored);
      return asUtf8(unpacked(path, head, stored, piped));
    },
  };
}

async function readable<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof RedbuttonError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing
      ? badInput('E_FILE_MISSING', `${path} does not exist`, 'check the path of the candle file', error)
      : badInput(
          'E_FILE_UNREADABLE',
          `${path} cannot be read: ${messageOf(error)}`,
          'name a regular file that this user may read',
          error,
        );
  }
}

async function* fileChunks(path: string, start = 0, end?: number): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES, start, end });
  yield* stream as AsyncIterable<Buffer>;
}

async function* tapped(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  onStored: ((bytes: Uint8Array) => void) | undefined,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    onStored?.(chunk);
    yield chunk;
  }
}

async function* unpacked(
  path: string,
  head: Buffer,
  stored: AsyncGenerator<Buffer>,
  piped: Buffer | undefined,
): AsyncGenerator<Buffer> {
  const magic = head.toString('latin1');
  try {
    if (magic.startsWith('\x1f\x8b')) yield* through(stored, zlib.createGunzip({ chunkSize: CHUNK_BYTES }));
    else if (magic.startsWith('PK\x03\x04')) yield* unzipped(path, stored, piped);
    else if (magic === '\x28\xb5\x2f\xfd') yield* fromZstandard(path, stored);
    else yield* stored;
  } catch (error) {
    if (error instanceof RedbuttonError) throw error;
    throw damaged(path, magic, error);
  }
}

function damaged(path: string, magic: string, error: unknown): Error {
  const packed = { '\x1f': 'gzip', P: 'zip', '\x28': 'Zstandard' }[magic[0] ?? ''];
  if (packed === undefined)
    return badInput(
      'E_FILE_UNREADABLE',
      `${path} cannot be read: ${messageOf(error)}`,
      'copy it again',
      error,
    );
  const isCut =
    (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' || /unexpected EOF/.test(messageOf(error));
  const what = isCut
    ? `is a ${packed} file that ends in the middle`
    : `is a damaged ${packed} file (${messageOf(error)})`;
  return badInput('E_GZIP', `${path} ${what}`, 'fetch or copy the file again', error);
}

async function* through(chunks: AsyncIterable<Buffer>, unpacker: Transform): AsyncGenerator<Buffer> {
  const out = pipeline(Readable.from(chunks), unpacker, () => {
    // An error ends the iteration below with itself.
  });
  yield* out as AsyncIterable<Buffer>;
}

/** The one file inside; its checksum is held against what came out. */
async function* unzipped(
  path: string,
  stored: AsyncGenerator<Buffer>,
  piped: Buffer | undefined,
): AsyncGenerator<Buffer> {
  const entry = await zipEntry(path, piped);
  // The file's own bytes are all passed over for their hash, of which the packed text is a part.
  for await (const _ of stored) void _;
  const packed =
    piped === undefined
      ? fileChunks(path, entry.start, entry.end - 1)
      : [piped.subarray(entry.start, entry.end)];
  const text = entry.isDeflated
    ? through(tapped(packed, undefined), zlib.createInflateRaw({ chunkSize: CHUNK_BYTES }))
    : tapped(packed, undefined);
  for await (const chunk of text) {
    entry.add(chunk);
    yield chunk;
  }
  entry.check();
}

/** Node.js has Zstandard from 22.15 on: https://nodejs.org/api/zlib.html#zlibcreatezstddecompressoptions. */
const zstandard = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress;

function fromZstandard(path: string, stored: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (zstandard !== undefined) return through(stored, zstandard());
  throw badInput(
    'E_GZIP',
    `${path} is packed with Zstandard, which Node.js ${process.versions.node} cannot unpack`,
    'unpack it with zstd -d, or use Node.js 22.15 or newer',
  );
}

/** Without a byte order mark. UTF-16, which Windows programs write as "Unicode", is known by its own. */
async function* asUtf8(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && chunk.length > 1) {
      const mark = chunk.readUInt16BE(0);
      if (mark === 0xfffe || mark === 0xfeff)
        decoder = new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be');
      isFirst = false;
      if (mark === 0xefbb && chunk[2] === 0xbf) {
        yield chunk.subarray(3);
        continue;
      }
    }
    yield decoder === undefined ? chunk : Buffer.from(decoder.decode(chunk, { stream: true }));
  }
}
