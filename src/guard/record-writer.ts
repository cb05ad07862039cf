import { messageOf } from '../core/errors.js';
import type { Clock, Scheduler } from '../ports/time.js';
import type { ArmedReading, ArmedRecord, ArmedRecordFile } from './armed-record.js';
import { secondIsAsked } from './start-state.js';

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
const HANGS_MS = 20_000;
const READ_MS_MAX = 10_000;

const silent = (ms: number) => `the disk has not answered for ${ms / 1000} s`;

/** A place and what it is at work on. */
class RecordFile {
  readonly file: ArmedRecordFile;
  readonly #onNewFault: (detail: string) => void;
  #queue: Promise<void> = Promise.resolve();
  /** What is in its queue. */
  #waiting = 0;
  #fault: string | null = null;

  constructor(file: ArmedRecordFile, onNewFault: (detail: string) => void = () => {}) {
    this.file = file;
    this.#onNewFault = onNewFault;
  }

  get atWork(): boolean {
    return this.#waiting > 0;
  }

  /** Why the last that was tried failed. */
  get fault(): string | null {
    return this.#fault;
  }

  enqueue(work: () => Promise<void>): Promise<void> {
    this.#waiting += 1;
    this.#queue = this.#queue.then(work).finally(() => {
      this.#waiting -= 1;
    });
    return this.#queue;
  }

  async attempt(work: () => Promise<void>): Promise<string | null> {
    const before = this.#fault;
    this.#fault = await work().then(() => null, messageOf);
    if (this.#fault !== null && before === null) this.#onNewFault(this.#fault);
    return this.#fault;
  }

  /** Resolves when its queue is empty. */
  rested(): Promise<void> {
    return this.#queue;
  }
}

/** A halt on its way into the places. */
class HaltRecording {
  readonly record: ArmedRecord;
  readonly stillWanted: () => boolean;
  readonly #told: (fault: string | null) => void;
  readonly #places: number;
  readonly #faults = new Map<RecordFile, string>();
  readonly #endSlow: () => void;
  #stands = false;

  constructor(
    record: ArmedRecord,
    stillWanted: () => boolean,
    told: (fault: string | null) => void,
    places: number,
    scheduler: Pick<Scheduler, 'after'>,
  ) {
    this.record = record;
    this.stillWanted = stillWanted;
    this.#told = told;
    this.#places = places;
    this.#endSlow = scheduler.after(SLOW_MS, () => {
      if (!this.#stands && stillWanted()) told([...this.#faults.values(), silent(SLOW_MS)].join('; '));
    });
  }

  /** It stands where every start finds it. */
  stands(): void {
    if (!this.#stands && this.stillWanted()) this.#told(null);
    this.#stands = true;
    this.#endSlow();
  }

  failedIn(place: RecordFile, fault: string): void {
    this.#faults.set(place, fault);
    const inAll = this.#faults.size === this.#places;
    if (!this.#stands && inAll) this.#told([...this.#faults.values()].join('; '));
  }
}

/**
 * Writes the changes of the armed record to its places, in each one after another, so that the last one always wins. A place
 * has one thing to do at a time: a disk that hangs holds one thread, and neither the guard nor the other place.
 */
export class RecordWriter {
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #scheduler: Pick<Scheduler, 'after'>;
  readonly #onSecondFault: (detail: string) => void;
  readonly #misplaced: () => Promise<string | null>;
  readonly #first: RecordFile;
  readonly #second: RecordFile | null;
  readonly #places: readonly RecordFile[];
  readonly #stopping = new AbortController();
  #noPlace: string | null = null;
  /** What stands in the first place is known to send every start to the second, too. */
  #secondCounts = false;

  /** `onSecondFault` is called with each new fault of the second place, which by itself is no danger. */
  constructor(
    { first, second, misplaced = async () => null }: RecordPlaces,
    clock: Pick<Clock, 'sleep'>,
    scheduler: Pick<Scheduler, 'after'>,
    onSecondFault: (detail: string) => void,
  ) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#onSecondFault = onSecondFault;
    this.#misplaced = misplaced;
    this.#first = new RecordFile(first);
    this.#second = second && new RecordFile(second, onSecondFault);
    this.#places = this.#second === null ? [this.#first] : [this.#first, this.#second];
  }

  /** A place that does not answer counts as unreadable. */
  async read(): Promise<{ readonly first: ArmedReading; readonly second: ArmedReading | null }> {
    const misplaced = this.#within(READ_MS_MAX, this.#misplaced(), null);
    const [first, second] = await Promise.all([
      this.#readFrom(this.#first),
      this.#second && this.#readFrom(this.#second),
    ]);
    this.#secondCounts = first.kind === 'record' && secondIsAsked(first.record);
    this.#noPlace = await misplaced;
    if (this.#noPlace !== null) this.#onSecondFault(this.#noPlace);
    return { first, second };
  }

  /**
   * Records a halt in every place; tried again each second for as long as `stillWanted()`. Tells null once it stands where
   * every start finds it, and before that, perhaps again and again, why it does not: in the first place, or in the second
   * while the first record asks for that one.
   */
  halted(record: ArmedRecord, stillWanted: () => boolean, told: (fault: string | null) => void): void {
    const halt = new HaltRecording(record, stillWanted, told, this.#places.length, this.#scheduler);
    for (const place of this.#places) void place.enqueue(() => this.#recordIn(place, halt));
  }

  /** Records an arming, once, unless `stillWanted()` has become false by its turn. It counts by the first place. */
  armed(record: ArmedRecord, stillWanted: () => boolean, done: (fault: string | null) => void): void {
    let told = false;
    const tell = (fault: string | null) => {
      if (!told) done(fault);
      told = true;
    };
    const endHang = this.#scheduler.after(HANGS_MS, () => tell(silent(HANGS_MS)));
    void this.#arm(record, stillWanted, tell).finally(endHang);
  }

  /** Tries whether the first place would take a halt; not while it is at work. Tells null when it would. */
  probe(told: (fault: string | null) => void): void {
    const first = this.#first;
    if (first.atWork) return;
    const endHang = this.#scheduler.after(HANGS_MS, () => told(silent(HANGS_MS)));
    void first.enqueue(async () => {
      const fault = await first.attempt(() => first.file.probe());
      endHang();
      told(fault);
    });
  }

  probeSecond(): void {
    const second = this.#second;
    if (second === null || second.atWork) return;
    void second.enqueue(async () => void (await second.attempt(() => second.file.probe())));
  }

  /** Why the last write or probe failed, by place; and why the second place is none. */
  faults(): readonly string[] {
    const faults = [...this.#places.map(({ fault }) => fault), this.#noPlace];
    return faults.filter((fault) => fault !== null);
  }

  /** Resolves when nothing is being written any more, which on a disk that hangs may never be. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#places.map((place) => place.rested()));
  }

  #readFrom({ file }: RecordFile): Promise<ArmedReading> {
    const late = { kind: 'unreadable', detail: silent(READ_MS_MAX) } as const;
    return this.#within<ArmedReading>(READ_MS_MAX, file.read(), late);
  }

  async #recordIn(place: RecordFile, halt: HaltRecording): Promise<void> {
    while (halt.stillWanted()) {
      const fault = await place.attempt(() => place.file.write(halt.record));
      if (fault === null && place === this.#first) this.#secondCounts = true;
      if (fault === null && place === this.#second && !this.#secondCounts) {
        halt.failedIn(place, 'the second record has it, which the first does not ask for');
        return;
      }
      if (fault === null) {
        halt.stands();
        return;
      }
      halt.failedIn(place, fault);
      if (this.#stopping.signal.aborted) return;
      await this.#clock.sleep(RETRY_MS, this.#stopping.signal).catch(() => undefined);
    }
  }

  async #arm(
    record: ArmedRecord,
    stillWanted: () => boolean,
    tell: (fault: string | null) => void,
  ): Promise<void> {
    const first = this.#first;
    const second = this.#second;
    const whole =
      second === null ? record : { ...record, inBoth: await this.#armSecond(second, record, stillWanted) };
    await first.enqueue(async () => {
      if (!stillWanted()) return;
      // Until it is known which of both records stands there, the stricter of what they say counts.
      this.#secondCounts &&= secondIsAsked(whole);
      const fault = await first.attempt(() => first.file.write(whole));
      if (fault === null) this.#secondCounts = secondIsAsked(whole);
      tell(fault);
    });
  }

  /** Whether the second place has it, as far as that is known in time. */
  async #armSecond(second: RecordFile, record: ArmedRecord, stillWanted: () => boolean): Promise<boolean> {
    let inBoth = false;
    const work = second.enqueue(async () => {
      if (!stillWanted()) return;
      inBoth = (await second.attempt(() => second.file.write({ ...record, inBoth: true }))) === null;
    });
    await this.#within(SECOND_MS_MAX, work, undefined);
    return inBoth;
  }

  /** Resolves with `work`, or with `late` when that takes longer. */
  async #within<T>(ms: number, work: Promise<T>, late: T): Promise<T> {
    let cancel = () => {};
    const timer = new Promise<T>((resolve) => {
      cancel = this.#scheduler.after(ms, () => resolve(late));
    });
    return Promise.race([work, timer]).finally(() => cancel());
  }
}
