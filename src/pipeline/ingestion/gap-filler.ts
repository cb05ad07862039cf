import { Backoff } from '../../core/backoff.js';
import { firstMissingMs, missingBars } from '../../core/calendar.js';
import { type Candle, type StreamKey, streamName } from '../../core/candle.js';
import type { Gap } from '../../core/records.js';
import { type Calendar, timeframeMs } from '../../core/timeframe.js';
import type { CandleFeed, RawCandle } from '../../ports/market.js';
import type { AuditLog, StoreReader } from '../../ports/store.js';
import type { Clock } from '../../ports/time.js';

export interface GapFillerOptions {
  readonly feed: CandleFeed;
  readonly stream: StreamKey;
  readonly calendar: Calendar;
  readonly clock: Clock;
  readonly store: Pick<AuditLog, 'recordGap'> & Pick<StoreReader, 'gaps'>;
  /** Stores bars of a gap by the same checks as any other row; resolves to how many were new. */
  readonly fill: (rows: readonly RawCandle[]) => Promise<number>;
}

const PAGE_ROWS = 500;
/** Waits between attempts at one gap. */
const RETRY = { firstMs: 60_000, maxMs: 3_600_000 };
/** The same after a request without an answer, which says nothing of the gap: an outage often ends within seconds. */
const UNANSWERED = { firstMs: 1000, maxMs: 60_000 };
/** Wait where no gap is open; one that is found ends it. */
const IDLE_MS = 86_400_000;
/** Answers without one of the bars after which the exchange is believed to have none: exchanges list some bars late. */
const EMPTY_ANSWERS_MAX = 3;

interface OpenGap {
  gap: Gap;
  dueMs: number;
  readonly retry: Backoff;
  readonly unanswered: Backoff;
  emptyAnswers: number;
}

/** Keeps the table of gaps of one stream, and fills what the exchange still has. Candles are never invented. */
export class GapFiller {
  readonly #options: GapFillerOptions;
  readonly #barMs: number;
  readonly #open = new Map<number, OpenGap>();
  /** Ends the wait for the next attempt; used again until it has done so. */
  #wake = new AbortController();

  constructor(options: GapFillerOptions) {
    this.#options = options;
    this.#barMs = timeframeMs(options.stream.timeframe);
  }

  /** Takes up what an earlier run left open, and gaps among the newest stored candles that it had no time to note. */
  async start(recent: readonly Candle[]): Promise<void> {
    const { store, stream, calendar } = this.#options;
    const known = (await store.gaps()).filter((gap) => streamName(gap.stream) === streamName(stream));
    for (const gap of known) if (gap.state === 'open') this.#pursue(gap);
    const noted = new Set(known.map((gap) => gap.toMs));
    for (let i = 1; i < recent.length; i++) {
      const { openMs } = recent[i]!;
      const missing = missingBars(recent[i - 1]!.openMs, openMs, this.#barMs, calendar);
      if (missing > 0 && !noted.has(openMs)) await this.found(openMs, missing);
    }
  }

  /** `missing` bars of the calendar were not there when the bar at `openMs` came. Durable when it resolves. */
  async found(openMs: number, missing: number): Promise<void> {
    const fromMs = firstMissingMs(openMs, missing, this.#barMs, this.#options.calendar);
    this.#pursue(await this.#note({ fromMs, toMs: openMs, bars: missing, state: 'open' }));
  }

  /** Tries to fill what is open until `signal` aborts. Rejects only if the store does. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const stop = () => this.#wake.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const next = [...this.#open.values()].sort((a, b) => a.dueMs - b.dueMs)[0];
        const waitMs = next === undefined ? IDLE_MS : next.dueMs - clock.monotonicMs();
        if (next !== undefined && waitMs <= 0) {
          await this.#attempt(next, signal);
          continue;
        }
        if (this.#wake.signal.aborted) this.#wake = new AbortController();
        // An aborted sleep rejects: the run ends, or a gap was found.
        await clock.sleep(waitMs, this.#wake.signal).catch(() => undefined);
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #note(gap: Omit<Gap, 'stream' | 'atMs'>): Promise<Gap> {
    const { stream, clock, store } = this.#options;
    const row: Gap = { ...gap, stream, atMs: clock.wallMs() };
    await store.recordGap(row);
    return row;
  }

  #pursue(gap: Gap): void {
    this.#open.set(gap.fromMs, {
      gap,
      dueMs: this.#options.clock.monotonicMs(),
      retry: new Backoff(RETRY),
      unanswered: new Backoff(UNANSWERED),
      emptyAnswers: 0,
    });
    this.#wake.abort();
  }

  /** The exchange's bars inside the gap. */
  async #ask({ fromMs, toMs }: Gap, signal: AbortSignal): Promise<readonly RawCandle[]> {
    const { feed, stream } = this.#options;
    const rows: RawCandle[] = [];
    for (let sinceMs = fromMs; sinceMs < toMs; ) {
      signal.throwIfAborted();
      const page = await feed.history(stream.symbol, stream.timeframe, sinceMs, PAGE_ROWS);
      rows.push(...page.filter((row) => row.openMs >= sinceMs && row.openMs < toMs));
      const lastMs = page.at(-1)?.openMs ?? toMs;
      if (lastMs < sinceMs) break;
      sinceMs = lastMs + this.#barMs;
    }
    return rows;
  }

  async #attempt(entry: OpenGap, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let rows: readonly RawCandle[];
    try {
      rows = await this.#ask(entry.gap, signal);
    } catch {
      // The stream's supervisor reports an exchange that does not answer; here it only means to ask again later.
      entry.dueMs = clock.monotonicMs() + entry.unanswered.failed();
      return;
    }
    if (signal.aborted) return;
    entry.unanswered.reset();
    await this.#close(entry, rows);
    entry.dueMs = clock.monotonicMs() + entry.retry.failed();
  }

  /** Stores the rows, and notes what they leave of the gap. */
  async #close(entry: OpenGap, rows: readonly RawCandle[]): Promise<void> {
    const added = rows.length === 0 ? 0 : await this.#options.fill(rows);
    entry.emptyAnswers = added > 0 ? 0 : entry.emptyAnswers + 1;
    const bars = Math.max(0, entry.gap.bars - added);
    const state = bars === 0 ? 'filled' : entry.emptyAnswers >= EMPTY_ANSWERS_MAX ? 'gone' : 'open';
    if (state !== entry.gap.state || added > 0) entry.gap = await this.#note({ ...entry.gap, bars, state });
    if (state !== 'open') this.#open.delete(entry.gap.fromMs);
  }
}
