import { type StreamKey, streamName } from '../../../core/candle.js';
import type { PredictionOutcome } from '../../../core/records.js';
import type { StreamStanding } from '../../journal/index.js';
import {
  barConflict,
  checkBar,
  hasDecision,
  outcomeConflict,
  sameCandle,
} from '../../store-rules/bar-rules.js';
import { boolean, type Cell, integer, type Session } from '../open/session.js';
import { candleCells, candleOf, DECISION_NAMES, decisionCells, keyCells } from './bar-columns.js';
import type { BarCommit } from './bar-group.js';
import { booleanOf, numberOf, numberOrNull } from './rows.js';

const KEY = 'exchange = $1 AND symbol = $2 AND timeframe = $3';
const AT = `${KEY} AND open_ms = $4`;

/**
 * The newest open time of each stream in one table, and how many rows it has there. A bar later than that is surely new, so
 * the ordinary live bar is stored without a look-up.
 */
export class Watermark {
  readonly #session: Session;
  readonly #table: string;
  readonly #known = new Map<string, StreamStanding>();

  constructor(session: Session, table: 'candles' | 'outcomes') {
    this.#session = session;
    this.#table = table;
  }

  async of(stream: StreamKey): Promise<number> {
    return (await this.standing(stream)).newestMs;
  }

  async standing(stream: StreamKey): Promise<StreamStanding> {
    const name = streamName(stream);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [row] = await this.#session.rows(
      `SELECT max(open_ms) AS newest, count(*) AS candles FROM ${this.#table} WHERE ${KEY}`,
      keyCells(stream),
    );
    const standing = {
      newestMs: (row && numberOrNull(row, 'newest')) ?? Number.NEGATIVE_INFINITY,
      candles: row === undefined ? 0 : numberOf(row, 'candles'),
    };
    this.#known.set(name, standing);
    return standing;
  }

  /** By what was asked before; nothing is looked up. Rows that were taken out since are counted still. */
  knownStanding(stream: StreamKey): StreamStanding | undefined {
    return this.#known.get(streamName(stream));
  }

  /** True where a bar is surely new, by what was asked before; nothing is looked up. */
  isBeyond(stream: StreamKey, openMs: number): boolean {
    return openMs > (this.knownStanding(stream)?.newestMs ?? Number.POSITIVE_INFINITY);
  }

  /** Call only once the row is durable, or all `rows` of which it is the newest; where nothing is known yet it stays so. */
  raise(stream: StreamKey, openMs: number, rows = 1): void {
    const known = this.knownStanding(stream);
    if (known === undefined) return;
    this.#known.set(streamName(stream), {
      newestMs: Math.max(openMs, known.newestMs),
      candles: known.candles + rows,
    });
  }
}

/** What each stream will hold once all bars that were handed in are stored: DuckDB may be behind the journal. */
export class HandedIn {
  readonly #newest: Watermark;
  readonly #pending = new Map<string, readonly number[]>();

  constructor(newest: Watermark) {
    this.#newest = newest;
  }

  /** Takes the bar, and tells what was there before it; undefined where that is not known. */
  take(stream: StreamKey, openMs: number): StreamStanding | undefined {
    const known = this.#newest.knownStanding(stream);
    if (known === undefined) return undefined;
    const name = streamName(stream);
    const pending = (this.#pending.get(name) ?? []).filter((ms) => ms > known.newestMs);
    this.#pending.set(name, openMs > known.newestMs ? [...pending, openMs] : pending);
    return {
      newestMs: pending.reduce((a, b) => Math.max(a, b), known.newestMs),
      candles: known.candles + pending.length,
    };
  }
}

/** What of a bar is not stored yet. */
interface Planned {
  readonly record: BarCommit['record'];
  readonly newCandle: boolean;
  readonly newDecision: boolean;
  readonly newOutcomes: readonly PredictionOutcome[];
}

/** Writes bars and their outcomes, each at most once. */
export class BarWriter {
  readonly #session: Session;
  readonly #candles: Watermark;
  readonly #outcomes: Watermark;

  constructor(session: Session, candles: Watermark, outcomes: Watermark) {
    this.#session = session;
    this.#candles = candles;
    this.#outcomes = outcomes;
  }

  /**
   * Commits bars of different streams in one transaction: one sync of the disk for all. Tells what became of each, in
   * their order: null when durable, else the error. A refused bar does not hold up the others.
   */
  async commitAll(bars: readonly BarCommit[]): Promise<readonly unknown[]> {
    const results: unknown[] = bars.map(() => null);
    const planned: { readonly index: number; readonly plan: Planned }[] = [];
    for (const [index, bar] of bars.entries()) {
      try {
        const plan = await this.#plan(bar);
        if (plan.newCandle || plan.newDecision || plan.newOutcomes.length > 0) planned.push({ index, plan });
      } catch (error) {
        results[index] = error;
      }
    }
    if (planned.length === 0) return results;
    try {
      await this.#session.transaction(async () => {
        await this.#insert(planned.map(({ plan }) => plan));
      });
      for (const { plan } of planned) {
        if (plan.newCandle) this.#candles.raise(plan.record.stream, plan.record.candle.openMs);
        for (const { openMs } of plan.newOutcomes) this.#outcomes.raise(plan.record.stream, openMs);
      }
    } catch (error) {
      for (const { index } of planned) results[index] = error;
    }
    return results;
  }

  /** See `Store.commitBar`. A candle that is there already may still get its decision, but only its first. */
  async #plan({ record, outcomes }: BarCommit): Promise<Planned> {
    checkBar(record);
    const { stream, candle } = record;
    const wanted = hasDecision(record);
    const newOutcomes = await this.#unknown(stream, outcomes);
    const fresh = { record, newCandle: true, newDecision: wanted, newOutcomes };
    if (candle.openMs > (await this.#candles.of(stream))) return fresh;
    const at = [...keyCells(stream), integer(candle.openMs)];
    const [stored] = await this.#session.rows(`SELECT * FROM candles WHERE ${AT}`, at);
    if (!stored) return fresh;
    if (!sameCandle(candleOf(stored), candle)) throw barConflict(stream, candleOf(stored), candle);
    const newDecision =
      wanted &&
      (await this.#session.rows(`SELECT 1 AS one FROM decisions WHERE ${AT} LIMIT 1`, at)).length === 0;
    return { record, newCandle: false, newDecision, newOutcomes };
  }

  /** The outcomes that are not stored yet; `E_OUTCOME_CONFLICT` where one is stored the other way round. */
  async #unknown(
    stream: StreamKey,
    outcomes: readonly PredictionOutcome[],
  ): Promise<readonly PredictionOutcome[]> {
    const unknown: PredictionOutcome[] = [];
    for (const outcome of outcomes) {
      const { openMs, up } = outcome;
      const [stored] =
        openMs <= (await this.#outcomes.of(stream))
          ? await this.#session.rows(`SELECT up FROM outcomes WHERE ${AT}`, [
              ...keyCells(stream),
              integer(openMs),
            ])
          : [];
      if (!stored) unknown.push(outcome);
      else if (booleanOf(stored, 'up') !== up) throw outcomeConflict(stream, openMs);
    }
    return unknown;
  }

  /** All rows of a table at once: with many symbols, a statement for each row would cost more than all else of a bar. */
  async #insert(plans: readonly Planned[]): Promise<void> {
    const candles: Cell[][] = [];
    const decisions: Cell[][] = [];
    const outcomes: Cell[][] = [];
    for (const { record, newCandle, newDecision, newOutcomes } of plans) {
      const { stream, candle, availableAtMs } = record;
      if (newCandle) candles.push(candleCells(stream, candle, availableAtMs));
      if (newDecision) decisions.push(decisionCells(record));
      for (const { openMs, up } of newOutcomes)
        outcomes.push([...keyCells(stream), integer(openMs), boolean(up)]);
    }
    await this.#session.insertRows('candles', candles);
    await this.#session.insertRows('decisions', decisions, DECISION_NAMES);
    await this.#session.insertRows('outcomes', outcomes);
  }
}
