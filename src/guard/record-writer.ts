import { messageOf } from '../core/errors.js';
import type { Clock } from '../ports.js';
import type { ArmedRecord, ArmedRecordFile } from './armed-record.js';

/** Writes the changes of the armed record one after another, so that the last one always wins. */
export interface RecordWriter {
  /** Records a halt; tried again each second for as long as `stillWanted()`. */
  halted(record: ArmedRecord, stillWanted: () => boolean, done: () => void): void;
  /** Records an arming, once, unless `stillWanted()` has become false by its turn. */
  armed(record: ArmedRecord, stillWanted: () => boolean, done: (error: string | null) => void): void;
  /** Why the last write failed; null when it did not. */
  fault(): string | null;
  /** Resolves when nothing is being written any more. */
  stop(): Promise<void>;
}

const RETRY_MS = 1_000;

export function createRecordWriter(file: ArmedRecordFile, clock: Pick<Clock, 'sleep'>): RecordWriter {
  const stopping = new AbortController();
  let queue: Promise<void> = Promise.resolve();
  let fault: string | null = null;

  const writeOnce = async (record: ArmedRecord): Promise<string | null> => {
    try {
      await file.write(record);
      fault = null;
    } catch (error) {
      fault = messageOf(error);
    }
    return fault;
  };

  return {
    halted(record, stillWanted, done) {
      queue = queue.then(async () => {
        while (stillWanted()) {
          if ((await writeOnce(record)) === null) {
            done();
            return;
          }
          if (stopping.signal.aborted) return;
          await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined);
        }
      });
    },
    armed(record, stillWanted, done) {
      queue = queue.then(async () => {
        if (stillWanted()) done(await writeOnce(record));
      });
    },
    fault: () => fault,
    async stop() {
      stopping.abort();
      await queue;
    },
  };
}
