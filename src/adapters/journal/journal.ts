import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fault, messageOf, type RedbuttonError } from '../../core/errors.js';
import { removeLeftovers, replaceDurably, writeDurably } from '../files/durable-file.js';
import { decodeEntries, encodeEntries, type JournalEntry, type JournalFact } from './entries.js';
import { encodeFrame, JOURNAL_HEAD, scanJournal } from './frames.js';

/** Entries of one frame at a cut; keeps a frame of years of fills far below its limit. */
const ENTRIES_PER_FRAME = 256;

/** What opening found. A person should hear of anything but `whole` and `new`. */
export type JournalCondition =
  | { readonly kind: 'new' | 'whole' }
  /** An unfinished frame of a power cut was dropped: nobody had been told that it was durable. */
  | { readonly kind: 'torn'; readonly bytes: number }
  /** Entries are missing. The file was moved aside; what could be read was carried over. */
  | { readonly kind: 'damaged'; readonly keptAs: string };

export interface OpenedJournal {
  readonly journal: Journal;
  readonly entries: readonly JournalEntry[];
}

/** An entry on its way to the disk. */
export interface Written {
  readonly seq: number;
  /** Resolves once the entry is on the disk; rejects with `E_JOURNAL`, and then it is not there. */
  readonly durable: Promise<void>;
}

interface Waiting {
  readonly entry: JournalEntry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The journal (docs/design.md, "Storage"): a small append-only file that the truth about money is written to before anything depends on
 * it. Entries handed in while the disk is busy share the next frame and its sync. One process at a time may hold it; the
 * database's lock, taken first, sees to that.
 */
export class Journal {
  readonly #file: string;
  readonly condition: JournalCondition;
  #handle: FileHandle;
  #end: number;
  #nextSeq: number;
  /** Entries that the database does not hold yet: a cut carries them over. */
  readonly #unapplied = new Map<number, JournalEntry>();
  readonly #waiting: Waiting[] = [];
  /** The one piece of work on the file at a time. */
  #tail: Promise<void> = Promise.resolve();
  #broken: RedbuttonError | null = null;

  private constructor(
    file: string,
    handle: FileHandle,
    end: number,
    entries: readonly JournalEntry[],
    condition: JournalCondition,
  ) {
    this.#file = file;
    this.#handle = handle;
    this.#end = end;
    this.condition = condition;
    this.#nextSeq = entries.reduce((next, { seq }) => Math.max(next, seq + 1), 1);
  }

  /**
   * Opens the journal, making it where there is none, and tells what is in it, in the order it was written. Drops a torn
   * end, and puts a damaged file aside.
   */
  static async open(file: string): Promise<OpenedJournal> {
    await removeLeftovers(file);
    if (!existsSync(file)) {
      await writeDurably(file, JOURNAL_HEAD);
      return Journal.#opened(file, JOURNAL_HEAD.length, [], { kind: 'new' });
    }
    const bytes = readFileSync(file);
    const { texts, end, state } = scanJournal(bytes);
    const entries = texts.flatMap(decodeEntries);
    if (state === 'whole') return Journal.#opened(file, end, entries, { kind: 'whole' });
    if (state === 'torn') {
      const opened = await Journal.#opened(file, end, entries, { kind: 'torn', bytes: bytes.length - end });
      await opened.journal.#handle.truncate(end);
      await opened.journal.#handle.datasync();
      return opened;
    }
    let number = 1;
    while (existsSync(`${file}.damaged-${number}`)) number += 1;
    const keptAs = `${file}.damaged-${number}`;
    await writeDurably(keptAs, bytes);
    // At no moment is there no journal: a power cut here finds the damaged one again.
    const carried = Buffer.concat([JOURNAL_HEAD, ...framesOf(entries)]);
    await writeDurably(file, carried);
    return Journal.#opened(file, carried.length, entries, { kind: 'damaged', keptAs });
  }

  static async #opened(
    file: string,
    end: number,
    entries: readonly JournalEntry[],
    condition: JournalCondition,
  ): Promise<OpenedJournal> {
    return { journal: new Journal(file, await open(file, 'r+'), end, entries, condition), entries };
  }

  /** Bytes in the file. */
  get bytes(): number {
    return this.#end;
  }

  /** From here on numbers are above `seq`, too: the database may hold later ones than the file. */
  reserve(seq: number): void {
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
  }

  append(fact: JournalFact): Written {
    const entry: JournalEntry = { ...fact, seq: this.#nextSeq++ };
    const durable = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
    });
    this.#unapplied.set(entry.seq, entry);
    this.#tail = this.#tail.then(() => this.#writeWaiting());
    return { seq: entry.seq, durable };
  }

  /** The database holds the entry durably, or it never will. */
  settled(seq: number): void {
    this.#unapplied.delete(seq);
  }

  /**
   * Begins the file again with `facts`, which must be all that the database holds and a rebuilt one would need; entries that
   * the database does not hold yet are carried over. The old file is there until the new one is durable.
   */
  cut(facts: readonly JournalFact[], seqOf: (fact: JournalFact) => number | undefined): Promise<void> {
    const done = this.#tail.then(async () => {
      if (this.#broken) throw this.#broken;
      const kept = facts.map((fact) => ({ ...fact, seq: seqOf(fact) ?? this.#nextSeq - 1 }));
      const unwritten = new Set(this.#waiting.map(({ entry }) => entry.seq));
      const carried = [...this.#unapplied.values()].filter(({ seq }) => !unwritten.has(seq));
      const bytes = Buffer.concat([JOURNAL_HEAD, ...framesOf([...kept, ...carried])]);
      const old = this.#handle;
      try {
        await replaceDurably(this.#file, bytes, 0o640, (handle) => {
          this.#handle = handle;
          this.#end = bytes.length;
        });
      } catch (error) {
        const told = journalFault(this.#file, error);
        // The new file has the name, and a power cut may bring back the old one, without what would be written now.
        if (this.#handle !== old) this.#broken = told;
        throw told;
      } finally {
        if (this.#handle !== old) await old.close();
      }
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Waits for what was handed in, then closes. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#handle.close();
  }

  async #writeWaiting(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    if (waiting.length === 0) return;
    try {
      if (this.#broken) throw this.#broken;
      await this.#writeFrame(encodeFrame(encodeEntries(waiting.map(({ entry }) => entry))));
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      for (const { entry, reject } of waiting) {
        this.#unapplied.delete(entry.seq);
        reject(error);
      }
    }
  }

  async #writeFrame(frame: Buffer): Promise<void> {
    try {
      await writeAll(this.#handle, frame, this.#end);
    } catch (error) {
      const told = journalFault(this.#file, error);
      // Half a frame must not stand where the next one goes.
      await this.#handle.truncate(this.#end).catch(() => {
        this.#broken = told;
      });
      throw told;
    }
    try {
      await this.#handle.datasync();
    } catch (error) {
      // After a failed sync nobody knows what is on the disk, and a later one may succeed without having written it.
      this.#broken = journalFault(this.#file, error);
      throw this.#broken;
    }
    this.#end += frame.length;
  }
}

function framesOf(entries: readonly JournalEntry[]): Buffer[] {
  const frames: Buffer[] = [];
  for (let from = 0; from < entries.length; from += ENTRIES_PER_FRAME)
    frames.push(encodeFrame(encodeEntries(entries.slice(from, from + ENTRIES_PER_FRAME))));
  return frames;
}

async function writeAll(handle: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

function journalFault(file: string, error: unknown): RedbuttonError {
  return fault(
    'E_JOURNAL',
    `the journal ${file} could not be written: ${messageOf(error)}`,
    'check free space and health of the card; what was written before is kept',
    error,
  );
}
