import type { RawCandle } from '../../ports/market.js';

export interface SequencerOptions {
  readonly barMs: number;
  /** Open time of the last bar already handed on; negative infinity where there is none. */
  readonly cursorMs: number;
  /** A page of bars at or after a time, oldest first; may end with the bar in progress. */
  readonly fetchBars: (sinceMs: number) => Promise<readonly RawCandle[]>;
  readonly deliver: (candle: RawCandle) => void;
}

/** Requests that one closed bar may cost for being told again with other figures. */
const LOOKS_MAX = 3;

/**
 * Turns updates of bars in progress into closed bars, each once and in order. A bar is closed when the next one shows up;
 * where bars lie between the two, all of them are fetched before the newer counts. Calls must not overlap.
 */
export class ClosedBarSequencer {
  readonly #options: SequencerOptions;
  #cursorMs: number;
  /** The bar last handed on, and the last different state of it that was looked into. */
  #delivered: RawCandle | undefined;
  #suspect: RawCandle | undefined;
  #looks = 0;
  /** The newest bar seen, which may still change. */
  #current: RawCandle | undefined;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#cursorMs = options.cursorMs;
  }

  /** Takes one update. Returns a promise only when bars have to be fetched first. */
  take(update: RawCandle): Promise<void> | undefined {
    const current = this.#current;
    if (update.openMs <= this.#cursorMs) return this.#lookAgain(update);
    if (current && update.openMs <= current.openMs) {
      // An update of an older bar than the newest cannot be placed any more; of the newest, it is its latest state.
      if (update.openMs === current.openMs) this.#current = update;
      return undefined;
    }
    const previousMs = current?.openMs ?? this.#cursorMs;
    if (previousMs === Number.NEGATIVE_INFINITY || update.openMs <= previousMs + this.#options.barMs) {
      if (current) this.#deliver(current);
      this.#current = update;
      return undefined;
    }
    this.#current = undefined;
    return this.#fillUpTo(update, current);
  }

  /** When the newest bar should have closed `graceMs` ago and nothing newer came: asks, and hands on what has closed. */
  async confirm(nowMs: number, graceMs: number): Promise<void> {
    const { barMs, fetchBars } = this.#options;
    const current = this.#current;
    if (!current || nowMs < current.openMs + barMs + graceMs) return;
    const rows = await fetchBars(current.openMs);
    this.#current = undefined;
    for (const row of rows) {
      if (row.openMs <= this.#cursorMs) continue;
      if (row.openMs + barMs + graceMs <= nowMs || row !== rows.at(-1)) this.#deliver(row);
      else this.#current = row;
    }
  }

  /**
   * Fetches what lies before `update`. The bar that was newest until now is fetched as well: where updates are missing,
   * its own last one may be among them. Its state as seen on the stream counts only if the exchange does not list it.
   */
  async #fillUpTo(update: RawCandle, seen: RawCandle | undefined): Promise<void> {
    let held = seen;
    for (;;) {
      const rows = await this.#options.fetchBars(held?.openMs ?? this.#cursorMs + 1);
      const missed = rows.filter((row) => row.openMs > this.#cursorMs && row.openMs < update.openMs);
      if (held && missed[0]?.openMs !== held.openMs) this.#deliver(held);
      held = undefined;
      for (const row of missed) this.#deliver(row);
      const last = rows.at(-1);
      if (missed.length === 0 || last === undefined || last.openMs >= update.openMs) break;
    }
    this.#current = update;
  }

  /**
   * An update of the bar last handed on that differs from it: an older state that came late, or a correction by the
   * exchange. REST tells which; a corrected bar is handed on once more.
   */
  #lookAgain(update: RawCandle): Promise<void> | undefined {
    const delivered = this.#delivered;
    if (delivered === undefined || update.openMs !== delivered.openMs || sameBar(update, delivered))
      return undefined;
    if ((this.#suspect && sameBar(update, this.#suspect)) || this.#looks >= LOOKS_MAX) return undefined;
    this.#suspect = update;
    this.#looks += 1;
    return this.#options.fetchBars(update.openMs).then((rows) => {
      const now = rows.find((row) => row.openMs === delivered.openMs);
      if (now === undefined || sameBar(now, delivered)) return;
      this.#delivered = now;
      this.#options.deliver(now);
    });
  }

  #deliver(candle: RawCandle): void {
    this.#delivered = candle;
    this.#suspect = undefined;
    this.#looks = 0;
    this.#cursorMs = candle.openMs;
    this.#options.deliver(candle);
  }
}

function sameBar(a: RawCandle, b: RawCandle): boolean {
  return (
    a.open === b.open && a.high === b.high && a.low === b.low && a.close === b.close && a.volume === b.volume
  );
}
