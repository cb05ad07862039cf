import { crc32c } from '../../core/crc32c.js';

/**
 * The journal's bytes: 8 bytes of head, then frames. A frame is one write and one sync: mark, CRC32C and length (4 bytes
 * each, little endian), then that much UTF-8. The checksum covers the length too. So a power cut tears at most the last
 * frame, which nobody was told of, and a damaged one costs itself alone: the mark, which is no UTF-8, finds the next.
 */
export const JOURNAL_HEAD = Buffer.from('RBJRNL\x00\x01', 'latin1');
const MARK = Buffer.from('\xf7RBJ', 'latin1');
const CHECKSUM_AT = 4;
const LENGTH_AT = 8;
const FRAME_HEAD_BYTES = 12;
/** A longer frame is not written: a length beyond it is damage. */
const FRAME_BYTES_MAX = 16 << 20;

export function encodeFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + bytes);
  MARK.copy(frame);
  frame.writeUInt32LE(bytes, LENGTH_AT);
  frame.write(text, FRAME_HEAD_BYTES);
  frame.writeUInt32LE(crc32c(frame, LENGTH_AT), CHECKSUM_AT);
  return frame;
}

/** What a journal holds. Every text comes from a frame whose checksum was right. */
export interface JournalScan {
  readonly texts: readonly string[];
  /** Where the next frame goes: behind the last whole one. */
  readonly end: number;
  /** `torn`: only the end is unfinished. `damaged`: whole frames follow bytes that are none, or the head is wrong. */
  readonly state: 'whole' | 'torn' | 'damaged';
}

export function scanJournal(bytes: Buffer): JournalScan {
  const texts: string[] = [];
  const headIsRight = bytes.subarray(0, JOURNAL_HEAD.length).equals(JOURNAL_HEAD);
  let end = headIsRight ? JOURNAL_HEAD.length : 0;
  let damaged = !headIsRight;
  for (let at = end; at < bytes.length; ) {
    const length = frameAt(bytes, at);
    if (length === undefined) {
      const next = bytes.indexOf(MARK, at + 1);
      if (next < 0) break;
      at = next;
      continue;
    }
    damaged ||= at !== end;
    texts.push(bytes.toString('utf8', at + FRAME_HEAD_BYTES, at + FRAME_HEAD_BYTES + length));
    at += FRAME_HEAD_BYTES + length;
    end = at;
  }
  return { texts, end, state: damaged ? 'damaged' : end === bytes.length ? 'whole' : 'torn' };
}

/** The length of the content of the whole frame at `at`; undefined where there is none. */
function frameAt(bytes: Buffer, at: number): number | undefined {
  if (at + FRAME_HEAD_BYTES > bytes.length || !bytes.subarray(at, at + MARK.length).equals(MARK))
    return undefined;
  const length = bytes.readUInt32LE(at + LENGTH_AT);
  const end = at + FRAME_HEAD_BYTES + length;
  if (length > FRAME_BYTES_MAX || end > bytes.length) return undefined;
  return crc32c(bytes, at + LENGTH_AT, end) === bytes.readUInt32LE(at + CHECKSUM_AT) ? length : undefined;
}
