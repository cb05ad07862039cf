import { messageOf } from '../core/errors.js';
import type { Clock, Scheduler } from '../ports/time.js';
import type { ArmedReading, ArmedRecord, ArmedRecordFile } from './armed-record.js';
import { secondIsAsked } from './start-state.js';

/**
 * Writes the changes of the armed record to its places, in each one after another, so that the last one always wins. A place
 * has one thing to do at a time: a disk that hangs holds one thread, and neither the guard nor the other place.
 */
export interface RecordWriter {
  /** A place that does not answer counts as unreadable. */
  read(): Promise<{ readonly first: ArmedReading; readonly second: ArmedReading | null }>;
  /**
   * Records a halt in every place; tried again each second for as long as `stillWanted()`. Tells null once it stands where
   * every start finds it, and before that, perhaps again and again, why it does not: in the first place, or in the second
   * while the first record asks for that one.
   */
  halted(record: ArmedRecord, stillWanted: () => boolean, told: (fault: string | null) => void): void;
  /** Records an arming, once, unless `stillWanted()` has become false by its turn. It counts by the first place. */
  armed(record: ArmedRecord, stillWanted: () => boolean, done: (fault: string | null) => void): void;
  /** Tries whether the first place would take a halt; not while it is at work. Tells null when it would. */
  probe(told: (fault: string | null) => void): void;
  probeSecond(): void;
  /** Why the last write or probe failed, by place; and why the second place is none. */
  faults(): readonly string[];
  /** Resolves when nothing is being written any more, which on a disk that hangs may never be. */
  stop(): Promise<void>;
}

export interface RecordPlaces {
  readonly first: ArmedRecordFile;
  readonly second: ArmedRecordFile | null;
  /** Why the second place is none, though it can be written; null where it is one. Asked at the start. */
  readonly misplaced?: () => Promise<string | null>;
}

const RETRY_MS = 1_000;
/** By then a person is told that the halt is not recorded; a sound card takes some hundredths of that. */
const SLOW_MS = 3_000;
/** A second place that does not answer must not keep the box from being armed. */
const SECOND_MS_MAX = 5_000;
/**
 * How long a disk may take before it counts as one that hangs. Cheap cards stall for seconds while they tidy up, and a
 * database's writes may stand before ours; it is less than the minute in which the next probe comes.
 */
export const HANGS_MS = 20_000;
const READ_MS_MAX = 10_000;

interface Place {
  readonly file: ArmedRecordFile;
  queue: Promise<void>;
  /** What is in its queue. */
  waiting: number;
  fault: string | null;
}

/** `onSecondFault` hears of each new fault of the second place, which by itself is no danger. */
export function createRecordWriter(
  { first, second, misplaced = async () => null }: RecordPlaces,
  clock: Pick<Clock, 'sleep'>,
  scheduler: Pick<Scheduler, 'after'>,
  onSecondFault: (detail: string) => void,
): RecordWriter {
  const stopping = new AbortController();
  const placeOf = (file: ArmedRecordFile): Place => ({
    file,
    queue: Promise.resolve(),
    waiting: 0,
    fault: null,
  });
  const main = placeOf(first);
  const other = second && placeOf(second);
  let noPlace: string | null = null;
  const places = other === null ? [main] : [main, other];
  /** What stands in the first place is known to send every start to the second, too. */
  let secondCounts = false;

  const enqueue = (place: Place, work: () => Promise<void>): Promise<void> => {
    place.waiting += 1;
    place.queue = place.queue.then(work).finally(() => {
      place.waiting -= 1;
    });
    return place.queue;
  };
  const attempt = async (place: Place, work: () => Promise<void>): Promise<string | null> => {
    const before = place.fault;
    place.fault = await work().then(() => null, messageOf);
    if (place === other && place.fault !== null && before === null) onSecondFault(place.fault);
    return place.fault;
  };
  /** Resolves with `work`, or with `late` when that takes longer. */
  const within = async <T>(ms: number, work: Promise<T>, late: T): Promise<T> => {
    let cancel = () => {};
    const timer = new Promise<T>((resolve) => {
      cancel = scheduler.after(ms, () => resolve(late));
    });
    return Promise.race([work, timer]).finally(() => cancel());
  };
  const silent = (ms: number) => `the disk has not answered for ${ms / 1000} s`;

  return {
    async read() {
      const late = { kind: 'unreadable', detail: silent(READ_MS_MAX) } as const;
      const looked = within(READ_MS_MAX, misplaced(), null);
      const [ofFirst, ofSecond] = await Promise.all(
        [first, second].map((file) => file && within<ArmedReading>(READ_MS_MAX, file.read(), late)),
      );
      secondCounts = ofFirst!.kind === 'record' && secondIsAsked(ofFirst!.record);
      noPlace = await looked;
      if (noPlace !== null) onSecondFault(noPlace);
      return { first: ofFirst!, second: ofSecond ?? null };
    },
    halted(record, stillWanted, told) {
      const faults = new Map<Place, string>();
      let taken = false;
      const endSlow = scheduler.after(SLOW_MS, () => {
        if (!taken && stillWanted()) told([...faults.values(), silent(SLOW_MS)].join('; '));
      });
      for (const place of places) {
        void enqueue(place, async () => {
          while (stillWanted()) {
            const fault = await attempt(place, () => place.file.write(record));
            if (fault === null && place === main) secondCounts = true;
            if (fault === null && place === other && !secondCounts) {
              faults.set(place, 'the second record has it, which the first does not ask for');
              if (!taken && faults.size === places.length) told([...faults.values()].join('; '));
              return;
            }
            if (fault === null) {
              if (!taken && stillWanted()) told(null);
              taken = true;
              endSlow();
              return;
            }
            faults.set(place, fault);
            if (!taken && faults.size === places.length) told([...faults.values()].join('; '));
            if (stopping.signal.aborted) return;
            await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined);
          }
        });
      }
    },
    armed(record, stillWanted, done) {
      let told = false;
      const tell = (fault: string | null) => {
        if (!told) done(fault);
        told = true;
      };
      const endHang = scheduler.after(HANGS_MS, () => tell(silent(HANGS_MS)));
      const arm = async () => {
        let inBoth = false;
        if (other !== null) {
          const place = other;
          const work = enqueue(place, async () => {
            if (!stillWanted()) return;
            inBoth = (await attempt(place, () => place.file.write({ ...record, inBoth: true }))) === null;
          });
          await within(SECOND_MS_MAX, work, undefined);
        }
        const whole = other === null ? record : { ...record, inBoth };
        await enqueue(main, async () => {
          if (!stillWanted()) return;
          // Until it is known which of both records stands there, the stricter of what they say counts.
          secondCounts &&= secondIsAsked(whole);
          const fault = await attempt(main, () => main.file.write(whole));
          if (fault === null) secondCounts = secondIsAsked(whole);
          tell(fault);
        });
      };
      void arm().finally(endHang);
    },
    probe(told) {
      if (main.waiting > 0) return;
      const endHang = scheduler.after(HANGS_MS, () => told(silent(HANGS_MS)));
      void enqueue(main, async () => {
        const fault = await attempt(main, () => main.file.probe());
        endHang();
        told(fault);
      });
    },
    probeSecond() {
      if (other === null || other.waiting > 0) return;
      void enqueue(other, async () => void (await attempt(other, () => other.file.probe())));
    },
    faults: () => [...places.map(({ fault }) => fault), noPlace].filter((fault) => fault !== null),
    async stop() {
      stopping.abort();
      await Promise.all(places.map(({ queue }) => queue));
    },
  };
}
