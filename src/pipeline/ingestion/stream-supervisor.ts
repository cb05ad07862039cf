import { Backoff } from '../../core/backoff.js';
import { missingBars } from '../../core/calendar.js';
import type { StreamKey } from '../../core/candle.js';
import { messageOf } from '../../core/errors.js';
import type { Calendar } from '../../core/timeframe.js';
import type { CandleFeed, RawCandle } from '../../ports/market.js';
import type { Clock } from '../../ports/time.js';

/** What the keeper tells of a feed: what is wrong, and when it is well again. */
export interface FeedEvents {
  readonly onLost: (stream: StreamKey, message: string) => void;
  readonly onSilent: (stream: StreamKey, silentMs: number) => void;
  readonly onBack: (stream: StreamKey, awayMs: number) => void;
}

export interface FeedKeeperOptions {
  readonly feed: CandleFeed;
  readonly stream: StreamKey;
  readonly timeframeMs: number;
  /** Days on which a bar is owed. */
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

export interface FeedKeeper {
  /** Backfills, streams, and heals the connection until `signal` aborts. Rejects only if `onCandle` does. */
  run(signal: AbortSignal): Promise<void>;
  /** Milliseconds (monotonic) since the feed last showed life; null before the first sign. */
  ageMs(): number | null;
}

const HISTORY_PAGE = 500;

/** A stream whose next bar is this late, in timeframes after the last one's close, brings none any more. */
const LATE_TIMEFRAMES = 1.5;
/** Added to that by the monotonic clock, so that a simulated market that runs fast is no sick feed. */
const LATE_GRACE_MS = 5000;

/**
 * Keeps one stream of candles alive. Silence is a fault: a connection that delivers nothing for `silenceMsMax` is torn
 * down and built anew, like one that failed, and so is one that is lively but brings no bar; each reconnection first fills the gap from history, so no bar is skipped.
 */
export function createFeedKeeper(options: FeedKeeperOptions): FeedKeeper {
  const { feed, stream, clock, events } = options;
  let lastLifeMs: number | null = null;
  /** When the last new bar came, or the connection was last rebuilt for want of one. */
  let newBarMonotonicMs = clock.monotonicMs();
  let lateFromWallMs = Number.NEGATIVE_INFINITY;
  let lostAtMs: number | null = null;
  const backoff = new Backoff(options.backoffMs);

  const sawLife = () => {
    const nowMs = clock.monotonicMs();
    if (lostAtMs !== null) {
      events.onBack(stream, nowMs - lostAtMs);
      lostAtMs = null;
    }
    lastLifeMs = nowMs;
  };

  /** Bars the calendar owed us for so long that the stream must be sick. */
  function barsOverdue(): boolean {
    const newest = options.newestOpenMs();
    if (newest === null || clock.monotonicMs() - newBarMonotonicMs < LATE_GRACE_MS) return false;
    const { timeframeMs, calendar = '24x7' } = options;
    const owedUntilMs = clock.wallMs() - LATE_TIMEFRAMES * timeframeMs - LATE_GRACE_MS;
    return missingBars(Math.max(newest, lateFromWallMs), owedUntilMs, timeframeMs, calendar) > 0;
  }

  async function backfill(signal: AbortSignal): Promise<void> {
    for (let first = true; ; first = false) {
      signal.throwIfAborted();
      const newest = options.newestOpenMs();
      const overlap = first ? (options.overlapBars ?? 0) : 0;
      const sinceMs =
        newest === null
          ? clock.wallMs() - (options.backfillBars + 1) * options.timeframeMs
          : newest + (1 - overlap) * options.timeframeMs;
      // By the time of asking: a bar may close while the answer, which shows it unfinished, is on its way.
      const askedMs = clock.wallMs();
      const page = await feed.history(stream.symbol, stream.timeframe, sinceMs, HISTORY_PAGE);
      sawLife();
      const closed = page.filter(
        (row) => row.openMs >= sinceMs && row.openMs + options.timeframeMs <= askedMs,
      );
      for (const row of closed) {
        await options.onCandle(row, false).catch((error: unknown) => {
          throw new HandlerFault(error);
        });
      }
      // A page without progress ends it: rows that were all quarantined must not be asked for again for ever.
      if (closed.length === 0 || options.newestOpenMs() === newest) return;
    }
  }

  /** Streams until the connection fails, falls silent (both reject) or `signal` aborts (resolves). */
  async function follow(signal: AbortSignal): Promise<void> {
    const connection = new AbortController();
    const stop = () => connection.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    let work: Promise<void> = Promise.resolve();
    let broken: unknown;
    lastLifeMs = clock.monotonicMs();
    const streaming = feed.stream(
      stream.symbol,
      stream.timeframe,
      (raw) => {
        // Bars are handled one after the other, however fast they come.
        work = work
          .then(() => options.onCandle(raw, true))
          .then(() => {
            newBarMonotonicMs = clock.monotonicMs();
          })
          .catch((error: unknown) => {
            broken ??= error;
            connection.abort(error);
          });
      },
      () => {
        backoff.reset();
        sawLife();
      },
      connection.signal,
    );
    const watching = watchSilence(connection);
    try {
      await Promise.race([streaming, watching]);
    } finally {
      connection.abort(new Error('the connection ends'));
      signal.removeEventListener('abort', stop);
      await Promise.allSettled([streaming, watching]);
      await work;
    }
    if (broken !== undefined) throw new HandlerFault(broken);
  }

  /** Milliseconds before which neither silence nor an owed bar can be told. */
  function quietMs(): number {
    const checkMs = Math.max(1, options.silenceMsMax / 10);
    const silenceInMs = (lastLifeMs ?? clock.monotonicMs()) + options.silenceMsMax - clock.monotonicMs();
    const newest = options.newestOpenMs();
    if (newest === null) return Math.max(checkMs, silenceInMs);
    const owedFromMs = Math.max(newest, lateFromWallMs) + options.timeframeMs;
    const overdueInMs = owedFromMs + LATE_TIMEFRAMES * options.timeframeMs + LATE_GRACE_MS - clock.wallMs();
    return Math.max(checkMs, Math.min(silenceInMs, overdueInMs));
  }

  async function watchSilence(connection: AbortController): Promise<void> {
    while (!connection.signal.aborted) {
      try {
        await clock.sleep(quietMs(), connection.signal);
      } catch {
        return;
      }
      const nowMs = clock.monotonicMs();
      if (barsOverdue()) {
        // Asked for by the time of this rebuilding next: where the market itself stands still, no storm of connections.
        lateFromWallMs = clock.wallMs() - options.timeframeMs;
        newBarMonotonicMs = nowMs;
        events.onSilent(stream, clock.wallMs() - (options.newestOpenMs() ?? 0) - options.timeframeMs);
        throw new Error('messages, but no bar');
      }
      const silentMs = nowMs - (lastLifeMs ?? nowMs);
      if (silentMs < options.silenceMsMax) continue;
      events.onSilent(stream, silentMs);
      throw new Error(`no message for ${Math.round(silentMs)} ms`);
    }
  }

  return {
    ageMs: () => (lastLifeMs === null ? null : clock.monotonicMs() - lastLifeMs),
    async run(signal) {
      while (!signal.aborted) {
        try {
          await backfill(signal);
          await follow(signal);
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof HandlerFault) throw error.cause;
          lostAtMs ??= clock.monotonicMs();
          events.onLost(stream, messageOf(error));
          await clock.sleep(backoff.failed(), signal).catch(() => undefined);
        }
      }
    },
  };
}

/** Marks a fault of our own handler, which no reconnection can mend. */
class HandlerFault extends Error {
  constructor(cause: unknown) {
    super('the candle handler failed', { cause });
  }
}
