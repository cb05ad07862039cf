import { missingBars } from '../../core/calendar.js';
import type { Candle, StreamKey } from '../../core/candle.js';
import type { QuarantinedRow } from '../../core/records.js';
import { type Calendar, timeframeMs } from '../../core/timeframe.js';
import type { RawCandle } from '../../ports/market.js';
import type { Clock } from '../../ports/time.js';
import { checkRow, JumpCheck, type QuarantineReason, type ValidationRules } from './rules.js';

export interface IngestionOptions {
  readonly stream: StreamKey;
  readonly rules: ValidationRules;
  readonly calendar: Calendar;
  /** More missing bars than this before a candle make a long gap. */
  readonly maxGapBars: number;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Off when absent. */
  readonly absurdJumpFraction?: number;
}

export type IngestionResult =
  | {
      readonly kind: 'candle';
      readonly candle: Candle;
      /** Bars of the calendar that are missing before this one: a gap, to be backfilled where possible. */
      readonly missingBars: number;
      /** The gap is longer than `maxGapBars`. */
      readonly longGap: boolean;
    }
  | {
      readonly kind: 'quarantined';
      readonly row: QuarantinedRow & { readonly reason: QuarantineReason };
      /** The candle as it was taken before, where the reason is `correction`. */
      readonly taken?: Candle;
    };

/** The share of quarantined rows among the last ones. */
export interface QuarantineShare {
  readonly rows: number;
  readonly quarantined: number;
  readonly share: number;
}

/** Rows over which the share of quarantined ones is computed. */
const QUARANTINE_WINDOW_ROWS = 500;

/** Candles remembered to tell a repeated bar from a corrected one. */
const REMEMBERED_BARS = 256;

/** The ingestion layer of one stream: closed bars in, candles in the order of time out; nothing is invented. */
export class Ingestion {
  readonly #options: IngestionOptions;
  readonly #barMs: number;
  /**
   * Rings of the last candles (six values each) and of the last rows' verdicts: the next one takes the place of the
   * oldest. Plain numbers, since objects that live this long cost the garbage collector more than the bar costs us.
   */
  readonly #known = new Float64Array(REMEMBERED_BARS * 6).fill(Number.NaN);
  #knownCount = 0;
  readonly #marked = new Uint8Array(QUARANTINE_WINDOW_ROWS);
  #rowCount = 0;
  readonly #jump: JumpCheck;
  readonly #context: { rules: ValidationRules; timeframeMs: number; nowMs: number };
  #lastOpenMs: number | undefined;

  constructor(options: IngestionOptions) {
    this.#options = options;
    this.#barMs = timeframeMs(options.stream.timeframe);
    this.#jump = new JumpCheck(options.absurdJumpFraction);
    this.#context = { rules: options.rules, timeframeMs: this.#barMs, nowMs: 0 };
  }

  /** Judges one closed bar. A row for quarantine is a value, and counts as life of the feed. */
  accept(raw: RawCandle): IngestionResult {
    const nowMs = this.#options.clock.wallMs();
    const reason = this.#judge(raw, nowMs);
    // A bar sent again, or later than it closed with other figures, or late into a gap, is no bad row.
    const fillsGap = reason === 'out_of_order' && raw.openMs > this.#oldestKnown();
    if (reason !== 'duplicate' && reason !== 'correction' && !fillsGap) {
      this.#marked[this.#rowCount++ % QUARANTINE_WINDOW_ROWS] = reason === undefined ? 0 : 1;
    }
    return reason ? this.#quarantined(raw, reason, nowMs) : this.#taken(raw);
  }

  /** What is wrong with a late row of a gap by itself, or undefined; it is no part of the order of time. */
  checkPast(raw: RawCandle): QuarantineReason | undefined {
    const { rules, clock } = this.#options;
    return checkRow(raw, { rules, timeframeMs: this.#barMs, nowMs: clock.wallMs() });
  }

  /** Continues after the candle at `lastOpenMs`; `recent` candles, oldest first, let repeats be told from corrections. */
  restore(lastOpenMs: number, recent: readonly Candle[] = []): void {
    this.#known.fill(Number.NaN);
    this.#knownCount = 0;
    this.#lastOpenMs = lastOpenMs;
    for (const candle of recent.slice(-REMEMBERED_BARS)) this.#remember(candle);
    const last = recent.at(-1);
    if (last) this.#jump.restore(last.close);
  }

  /** Over the last {@link QUARANTINE_WINDOW_ROWS} rows. */
  quarantineShare(): QuarantineShare {
    const rows = Math.min(this.#rowCount, QUARANTINE_WINDOW_ROWS);
    const quarantined = this.#marked.reduce((sum, flag) => sum + flag, 0);
    return { rows, quarantined, share: rows === 0 ? 0 : quarantined / rows };
  }

  #judge(raw: RawCandle, nowMs: number): QuarantineReason | undefined {
    this.#context.nowMs = nowMs;
    const reason = checkRow(raw, this.#context);
    if (reason) return reason;
    const lastOpenMs = this.#lastOpenMs;
    if (lastOpenMs !== undefined && raw.openMs <= lastOpenMs) {
      const at = this.#slotOf(raw.openMs);
      if (at >= 0) return sameValues(this.#known, at, raw) ? 'duplicate' : 'correction';
      return raw.openMs === lastOpenMs ? 'duplicate' : 'out_of_order';
    }
    return this.#jump.isJump(raw.close) ? 'absurd_jump' : undefined;
  }

  #quarantined(raw: RawCandle, reason: QuarantineReason, atMs: number): IngestionResult {
    const { openMs } = raw;
    const row = { stream: this.#options.stream, openMs, reason, raw: raw.raw ?? rawText(raw), atMs };
    const taken = reason === 'correction' ? this.#rememberedAt(openMs) : undefined;
    return { kind: 'quarantined', row, ...(taken && { taken }) };
  }

  #taken(raw: RawCandle): IngestionResult {
    const { openMs, open, high, low, close, volume } = raw;
    const candle: Candle = { openMs, open, high, low, close, volume };
    const { calendar, maxGapBars } = this.#options;
    const lastOpenMs = this.#lastOpenMs;
    const missing = lastOpenMs === undefined ? 0 : missingBars(lastOpenMs, openMs, this.#barMs, calendar);
    this.#lastOpenMs = openMs;
    this.#remember(candle);
    return { kind: 'candle', candle, missingBars: missing, longGap: missing > maxGapBars };
  }

  #remember(candle: Candle): void {
    const known = this.#known;
    const at = (this.#knownCount++ % REMEMBERED_BARS) * 6;
    known[at] = candle.openMs;
    known[at + 1] = candle.open;
    known[at + 2] = candle.high;
    known[at + 3] = candle.low;
    known[at + 4] = candle.close;
    known[at + 5] = candle.volume;
  }

  #slotOf(openMs: number): number {
    const known = this.#known;
    for (let at = 0; at < known.length; at += 6) if (known[at] === openMs) return at;
    return -1;
  }

  /** Open time of the oldest candle remembered; infinity where there is none. */
  #oldestKnown(): number {
    const first = Math.max(0, this.#knownCount - REMEMBERED_BARS) % REMEMBERED_BARS;
    return this.#knownCount === 0 ? Number.POSITIVE_INFINITY : this.#known[first * 6]!;
  }

  #rememberedAt(openMs: number): Candle | undefined {
    const known = this.#known;
    const at = this.#slotOf(openMs);
    if (at < 0) return undefined;
    return {
      openMs,
      open: known[at + 1]!,
      high: known[at + 2]!,
      low: known[at + 3]!,
      close: known[at + 4]!,
      volume: known[at + 5]!,
    };
  }
}

function sameValues(known: Float64Array, at: number, row: Candle): boolean {
  return (
    known[at + 1] === row.open &&
    known[at + 2] === row.high &&
    known[at + 3] === row.low &&
    known[at + 4] === row.close &&
    known[at + 5] === row.volume
  );
}

/** The row in our own words, where its source gave none; JSON has no NaN and no infinity, so plain text. */
function rawText(row: Candle): string {
  return [row.openMs, row.open, row.high, row.low, row.close, row.volume].join(',');
}
