import type { Candle, StreamKey } from '../../core/candle.js';
import { streamName } from '../../core/candle.js';
import { fault, invariant, type RedbuttonError } from '../../core/errors.js';
import { FEATURE_COLUMNS } from '../../core/feature-set.js';
import type { BarRecord } from '../../core/records.js';

/** What every store keeps to, so that the one in memory and the one on disk cannot drift apart. */

/** Predictions of each stream that `restore` hands back: the last ones, resolved or not. */
export const RESTORED_PREDICTIONS = 1000;

/** Bit for bit, so that NaN equals NaN and -0 differs from 0. */
export function sameCandle(a: Candle, b: Candle): boolean {
  return (
    a.openMs === b.openMs &&
    Object.is(a.open, b.open) &&
    Object.is(a.high, b.high) &&
    Object.is(a.low, b.low) &&
    Object.is(a.close, b.close) &&
    Object.is(a.volume, b.volume)
  );
}

/** Whether a bar brought anything beside its candle. */
export function hasDecision(record: BarRecord): boolean {
  return (
    record.decided ||
    record.prediction !== null ||
    record.signal !== null ||
    record.risk !== null ||
    record.account !== null
  );
}

/** A record that contradicts itself is our own mistake. */
export function checkBar(record: BarRecord): void {
  const { candle, prediction, features } = record;
  invariant(Number.isSafeInteger(candle.openMs), `open time ${candle.openMs} is no whole millisecond`);
  invariant(
    prediction === null || prediction.openMs === candle.openMs,
    `a prediction for ${prediction?.openMs} came with the bar ${candle.openMs}`,
  );
  invariant(
    features === null || features.length === FEATURE_COLUMNS.length,
    `${features?.length} features came with the bar ${candle.openMs}, not ${FEATURE_COLUMNS.length}`,
  );
}

/** The exchange corrected a closed bar, or two sources disagree: what a decision was based on is never rewritten. */
export function barConflict(stream: StreamKey, stored: Candle, offered: Candle): RedbuttonError {
  const figures = (c: Candle) => `${c.open}/${c.high}/${c.low}/${c.close}/${c.volume}`;
  return fault(
    'E_BAR_CONFLICT',
    `bar ${new Date(stored.openMs).toISOString()} of ${streamName(stream)} is stored as ${figures(stored)} and came again as ${figures(offered)}`,
    'the stored bar is kept; compare with the exchange if this repeats',
  );
}

/** An outcome cannot change: it follows from two stored candles. */
export function outcomeConflict(stream: StreamKey, openMs: number): RedbuttonError {
  return fault(
    'E_OUTCOME_CONFLICT',
    `the outcome of ${new Date(openMs).toISOString()} of ${streamName(stream)} is stored the other way round`,
    'the stored outcome is kept; report this with the log',
  );
}

export function storeClosed(): RedbuttonError {
  return fault('E_STORE_CLOSED', 'the store is closed', 'nothing may be stored after shutdown has begun');
}

/** A whole number of milliseconds, or null for what a refused row may hold instead. */
export function wholeMsOrNull(ms: number): number | null {
  return Number.isSafeInteger(ms) ? ms : null;
}
