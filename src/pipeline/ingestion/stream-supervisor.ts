import { Backoff } from '../../core/backoff.js';
import { missingBars } from '../../core/calendar.js';
import type { StreamKey } from '../../core/candle.js';
import { messageOf } from '../../core/errors.js';
import type { Calendar } from '../../core/timeframe.js';
import type { CandleFeed, RawCandle } from '../../ports/market.js';
import type { Clock } from '../../ports/time.js';

/** What a supervisor reports of a feed: what is wrong, and when it is well again. */
export interface FeedEvents {
  readonly onLost: (stream: StreamKey, message: string) => void;
  readonly onSilent: (stream: StreamKey, silentMs: number) => void;
  readonly onBack: (stream: StreamKey, awayMs: number) => void;
}

export interface StreamSupervisorOptions {
  readonly feed: CandleFeed;
  readonly stream: StreamKey;
  readonly timeframeMs: number;
  /** Days on which a bar is due. */
  readonly calendar?: Calendar;
  /** Known bars asked for again when a connection begins; `onCandle` gets them too and finds what was corrected. */
  readonly overlapBars?: number;
  readonly clock: Clock;
  /** Longest time without any message before the connection is rebuilt, monotonic milliseconds. */
  readonly silenceMsMax: number;
  /** Bars of history asked for when nothing is known yet. */
  readonly backfillBars: number;
  /** Waits between attempts, the last one repeats. */
  readonly backoffMs: readonly number[];
  /** Open time of the newest candle that is stored; null before the first. */
  readonly newestOpenMs: () => number | null;
  /** Takes one closed bar. `live` is false for history, on which nothing may be decided. */
  readonly onCandle: (raw: RawCandle, live: boolean) => Promise<void>;
  readonly events: FeedEvents;
}

const HISTORY_PAGE = 500;

/** A stream whose next bar is this late, in timeframes after the last one's close, brings none any more. */
const LATE_TIMEFRAMES = 1.5;
/** Added to that by the monotonic clock, so that a simulated market that runs fast is no failing feed. */
const LATE_GRACE_MS = 5000;

/**
 * Keeps one stream of candles alive. Silence is a fault: a connection that delivers nothing for `silenceMsMax` is torn
 * down and built again, like one that failed, and so is one that is lively but brings no bar; each reconnection first fills the gap from history, so no bar is skipped.
 */
export class StreamSupervisor {
  readonly #options: StreamSupervisorOptions;
  readonly #backoff: Backoff;
  #lastLifeMs: number | null = null;
  /** When the last new bar came, or the connection was last rebuilt for want of one. */
  #newBarMonotonicMs: number;
  #lateFromWallMs = Number.NEGATIVE_INFINITY;
  #lostAtMs: number | null = null;

  constructor(options: StreamSupervisorOptions) {
    this.#options = options;
    this.#newBarMonotonicMs = options.clock.monotonicMs();
    this.#backoff = new Backoff(options.backoffMs);
  }

  /** Milliseconds (monotonic) since the feed last showed life; null before the first sign. */
  ageMs(): number | null {
    return this.#lastLifeMs === null ? null : this.#options.clock.monotonicMs() - this.#lastLifeMs;
  }

  /** Backfills, streams, and heals the connection until `signal` aborts. Rejects only if `onCandle` does. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events, stream } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#backfill(signal);
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof HandlerFault) throw error.cause;
        this.#lostAtMs ??= clock.monotonicMs();
        events.onLost(stream, messageOf(error));
        await clock.sleep(this.#backoff.failed(), signal).catch(() => undefined);
      }
    }
  }

  #sawLife(): void {
    const { clock, events, stream } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#lostAtMs !== null) {
      events.onBack(stream, nowMs - this.#lostAtMs);
      this.#lostAtMs = null;
    }
    this.#lastLifeMs = nowMs;
  }

  async #backfill(signal: AbortSignal): Promise<void> {
    const { feed, stream, clock, timeframeMs, newestOpenMs, onCandle } = this.#options;
    for (let first = true; ; first = false) {
      signal.throwIfAborted();
      const newest = newestOpenMs();
      const sinceMs = this.#backfillFromMs(newest, first);
      // By the time of asking: a bar may close while the answer, which shows it unfinished, is on its way.
      const askedMs = clock.wallMs();
      const page = await feed.history(stream.symbol, stream.timeframe, sinceMs, HISTORY_PAGE);
      this.#sawLife();
      const closed = page.filter((row) => row.openMs >= sinceMs && row.openMs + timeframeMs <= askedMs);
      for (const row of closed) {
        await onCandle(row, false).catch((error: unknown) => {
          throw new HandlerFault(error);
        });
      }
      // A page without progress ends it: rows that were all quarantined must not be asked for again forever.
      if (closed.length === 0 || newestOpenMs() === newest) return;
    }
  }

  #backfillFromMs(newest: number | null, first: boolean): number {
    const { clock, timeframeMs, backfillBars, overlapBars = 0 } = this.#options;
    if (newest === null) return clock.wallMs() - (backfillBars + 1) * timeframeMs;
    return newest + (1 - (first ? overlapBars : 0)) * timeframeMs;
  }

  /** Streams until the connection fails, falls silent (both reject) or `signal` aborts (resolves). */
  async #follow(signal: AbortSignal): Promise<void> {
    const { feed, stream, clock } = this.#options;
    const connection = new AbortController();
    const stop = () => connection.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const bars = new BarsInTurn((raw) => this.#handle(raw), connection);
    this.#lastLifeMs = clock.monotonicMs();
    const onLife = () => {
      this.#backoff.reset();
      this.#sawLife();
    };
    const streaming = feed.stream(
      stream.symbol,
      stream.timeframe,
      (raw) => bars.add(raw),
      onLife,
      connection.signal,
    );
    const watching = this.#watchSilence(connection);
    try {
      await Promise.race([streaming, watching]);
    } finally {
      connection.abort(new Error('the connection ends'));
      signal.removeEventListener('abort', stop);
      await Promise.allSettled([streaming, watching]);
      await bars.done;
    }
    if (bars.fault !== null) throw bars.fault;
  }

  async #handle(raw: RawCandle): Promise<void> {
    await this.#options.onCandle(raw, true);
    this.#newBarMonotonicMs = this.#options.clock.monotonicMs();
  }

  async #watchSilence(connection: AbortController): Promise<void> {
    const { clock, events, stream, silenceMsMax } = this.#options;
    while (!connection.signal.aborted) {
      try {
        await clock.sleep(this.#quietMs(), connection.signal);
      } catch {
        return;
      }
      const nowMs = clock.monotonicMs();
      if (this.#barsOverdue()) this.#rebuildForBars(nowMs);
      const silentMs = nowMs - (this.#lastLifeMs ?? nowMs);
      if (silentMs < silenceMsMax) continue;
      events.onSilent(stream, silentMs);
      throw new Error(`no message for ${Math.round(silentMs)} ms`);
    }
  }

  #rebuildForBars(nowMs: number): never {
    const { clock, events, stream, timeframeMs, newestOpenMs } = this.#options;
    // Asked for by the time of this rebuilding next: where the market itself stands still, no storm of connections.
    this.#lateFromWallMs = clock.wallMs() - timeframeMs;
    this.#newBarMonotonicMs = nowMs;
    events.onSilent(stream, clock.wallMs() - (newestOpenMs() ?? 0) - timeframeMs);
    throw new Error('messages, but no bar');
  }

  /** Bars overdue by the calendar for so long that the stream must be failing. */
  #barsOverdue(): boolean {
    const { clock, timeframeMs, calendar = '24x7' } = this.#options;
    const newest = this.#options.newestOpenMs();
    if (newest === null || clock.monotonicMs() - this.#newBarMonotonicMs < LATE_GRACE_MS) return false;
    const overdueUntilMs = clock.wallMs() - LATE_TIMEFRAMES * timeframeMs - LATE_GRACE_MS;
    return missingBars(Math.max(newest, this.#lateFromWallMs), overdueUntilMs, timeframeMs, calendar) > 0;
  }

  /** Milliseconds before which neither silence nor an overdue bar can be told. */
  #quietMs(): number {
    const { clock, timeframeMs, silenceMsMax } = this.#options;
    const checkMs = Math.max(1, silenceMsMax / 10);
    const silenceInMs = (this.#lastLifeMs ?? clock.monotonicMs()) + silenceMsMax - clock.monotonicMs();
    const newest = this.#options.newestOpenMs();
    if (newest === null) return Math.max(checkMs, silenceInMs);
    const overdueFromMs = Math.max(newest, this.#lateFromWallMs) + timeframeMs;
    const overdueInMs = overdueFromMs + LATE_TIMEFRAMES * timeframeMs + LATE_GRACE_MS - clock.wallMs();
    return Math.max(checkMs, Math.min(silenceInMs, overdueInMs));
  }
}

/** Bars of one connection, handled one after the other however fast they come; a fault of their handler ends it. */
class BarsInTurn {
  readonly #handle: (raw: RawCandle) => Promise<void>;
  readonly #connection: AbortController;
  #done: Promise<void> = Promise.resolve();
  #fault: HandlerFault | null = null;

  constructor(handle: (raw: RawCandle) => Promise<void>, connection: AbortController) {
    this.#handle = handle;
    this.#connection = connection;
  }

  get done(): Promise<void> {
    return this.#done;
  }

  get fault(): HandlerFault | null {
    return this.#fault;
  }

  add(raw: RawCandle): void {
    this.#done = this.#done
      .then(() => this.#handle(raw))
      .catch((error: unknown) => {
        this.#fault ??= new HandlerFault(error);
        this.#connection.abort(error);
      });
  }
}

/** Marks a fault of our own handler, which no reconnection can repair. */
class HandlerFault extends Error {
  constructor(cause: unknown) {
    super('the candle handler failed', { cause });
  }
}
