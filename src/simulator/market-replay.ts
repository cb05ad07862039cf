import { type Candle, candleAt } from '../core/candle.js';
import { badInput } from '../core/errors.js';
import type { Instrument } from './instrument.js';

/** A bar of one instrument that the last step completed. */
export interface ClosedBar {
  readonly instrument: Instrument;
  readonly candle: Candle;
}

/**
 * Walks the candles of all instruments along one time line of closes. Before `position` lies history; the bar after it
 * is in progress and shows its opening tick only, so that nothing of the future can be read off the wire.
 */
export class MarketReplay {
  readonly instruments: readonly Instrument[];
  readonly #closesMs: readonly number[];
  readonly #byId = new Map<string, Instrument>();
  /** For each instrument, how many of its bars are complete. */
  readonly #completed = new Map<Instrument, number>();
  #position: number;

  constructor(instruments: readonly Instrument[], startIndex: number) {
    this.instruments = instruments;
    this.#closesMs = timeLine(instruments);
    if (!Number.isInteger(startIndex) || startIndex < 1 || startIndex > this.#closesMs.length) {
      throw badInput(
        'E_SIM_START',
        `start index ${startIndex} is outside of 1 to ${this.#closesMs.length} bars`,
        'leave at least one bar of history before the start',
      );
    }
    this.#position = startIndex;
    for (const instrument of instruments) {
      this.#byId.set(instrument.id, instrument);
      const startMs = this.closeMs;
      let completed = 0;
      while (
        completed < instrument.candles.length &&
        instrument.candles.openMs[completed]! + instrument.barMs <= startMs
      ) {
        completed++;
      }
      this.#completed.set(instrument, completed);
    }
  }

  /** Steps of the whole time line, history included. */
  get length(): number {
    return this.#closesMs.length;
  }

  get position(): number {
    return this.#position;
  }

  get done(): boolean {
    return this.#position >= this.#closesMs.length;
  }

  /** Close time of the last completed bar. */
  get closeMs(): number {
    return this.#closesMs[this.#position - 1]!;
  }

  /** Close time of the next bar; infinite at the end. */
  get nextCloseMs(): number {
    return this.#closesMs[this.#position] ?? Number.POSITIVE_INFINITY;
  }

  instrument(id: string): Instrument | undefined {
    return this.#byId.get(id);
  }

  /** Completes the next bar (of every instrument that closes then). At the end there is nothing to complete. */
  step(): readonly ClosedBar[] {
    if (this.done) return [];
    const closeMs = this.#closesMs[this.#position]!;
    this.#position++;
    const closed: ClosedBar[] = [];
    for (const instrument of this.instruments) {
      const index = this.#completed.get(instrument)!;
      if (instrument.candles.openMs[index]! + instrument.barMs !== closeMs) continue;
      this.#completed.set(instrument, index + 1);
      closed.push({ instrument, candle: candleAt(instrument.candles, index) });
    }
    return closed;
  }

  /** How many bars of the instrument are complete. */
  completed(instrument: Instrument): number {
    return this.#completed.get(instrument)!;
  }

  /** Close of the last complete bar; undefined before the instrument's first. */
  lastClose(instrument: Instrument): number | undefined {
    const completed = this.completed(instrument);
    return completed === 0 ? undefined : instrument.candles.close[completed - 1];
  }

  /**
   * The bar in progress: its opening tick. After the last candle of the file the market stands still at its last close,
   * in a bar that never completes.
   */
  inProgress(instrument: Instrument): Candle {
    const index = this.completed(instrument);
    const { candles } = instrument;
    const ended = index >= candles.length;
    const openMs = ended ? candles.openMs[index - 1]! + instrument.barMs : candles.openMs[index]!;
    const price = ended ? candles.close[index - 1]! : candles.open[index]!;
    return { openMs, open: price, high: price, low: price, close: price, volume: 0 };
  }
}

function timeLine(instruments: readonly Instrument[]): readonly number[] {
  const closes = new Set<number>();
  for (const { candles, barMs } of instruments) {
    for (let i = 0; i < candles.length; i++) closes.add(candles.openMs[i]! + barMs);
  }
  return [...closes].sort((a, b) => a - b);
}
