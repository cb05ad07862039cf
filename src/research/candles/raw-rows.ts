import type { CsvLayout } from './csv-layout.js';
import type { StoredBytes } from './stored-bytes.js';

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;

/** The text of the rows at some places, which rise, by reading the file again as far as the last of them. */
export async function* rawRows(
  stored: StoredBytes,
  layout: CsvLayout,
  places: Iterable<number>,
): AsyncGenerator<string> {
  const wanted = places[Symbol.iterator]();
  let next = wanted.next();
  let row = 0;
  if (next.done) return;
  for await (const text of rows(stored, layout.bytesBefore)) {
    if (row++ !== next.value) continue;
    yield text.toString('utf8');
    next = wanted.next();
    if (next.done) return;
  }
}

/** Each row's bytes, without its line end; blank lines are no rows. */
async function* rows(stored: StoredBytes, bytesBefore: number): AsyncGenerator<Buffer> {
  let skip = bytesBefore;
  let rest: Buffer = Buffer.alloc(0);
  let isQuoted = false;
  for await (const chunk of stored.chunks()) {
    const skipped = Math.min(skip, chunk.length);
    skip -= skipped;
    const fresh = chunk.subarray(skipped);
    const bytes = rest.length === 0 ? fresh : Buffer.concat([rest, fresh]);
    let start = 0;
    for (let at = rest.length; at < bytes.length; at++) {
      const byte = bytes[at]!;
      // A quote within a quoted cell is doubled, so that two of them leave this as it was.
      if (byte === QUOTE) isQuoted = !isQuoted;
      else if ((byte === NEWLINE || byte === RETURN) && !isQuoted) {
        if (at > start) yield bytes.subarray(start, at);
        start = at + 1;
      }
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
