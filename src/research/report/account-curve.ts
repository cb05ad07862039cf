import type { StreamKey } from '../../core/candle.js';
import { timeframeMs } from '../../core/timeframe.js';
import type { FillEffect } from '../../portfolio/replay.js';
import type { RunBars } from '../backtest/run-bars.js';
import { buyAndHold } from './metrics.js';

/** The account of a run over time, one point for each time at which a bar of any stream was decided; oldest first. */
export interface AccountCurve {
  /** Open time of the bar, on the grid of the shortest timeframe. */
  readonly atMs: Float64Array;
  /** After the close, before the bars' own orders. */
  readonly equity: Float64Array;
  /** Value of all positions over equity, signed, at the same moment. */
  readonly exposure: Float64Array;
  /** 1 where any position stood. */
  readonly exposed: Uint8Array;
  /** Of one who spent the start cash in equal parts at the first close of each stream, without a fee. */
  readonly buyAndHold: Float64Array;
}

/** A stream of a run and its decided bars. */
export interface InstrumentRun {
  readonly stream: StreamKey;
  /** At least one. */
  readonly bars: RunBars;
}

/** Lays the bars of all streams on one time line; what fills did comes oldest first. */
export function accountCurve(
  instruments: readonly InstrumentRun[],
  effects: readonly FillEffect[],
  startCash: number,
): AccountCurve {
  const shortestMs = Math.min(...instruments.map(({ stream }) => timeframeMs(stream.timeframe)));
  const cursors = instruments.map(({ stream, bars }) => ({
    bars,
    laterMs: timeframeMs(stream.timeframe) - shortestMs,
    held: holdings(
      effects.filter(
        ({ fill: { symbol, exchange } }) => symbol === stream.symbol && exchange === stream.exchange,
      ),
    ),
    hold: buyAndHold(bars.close, startCash / instruments.length),
    next: 0,
  }));
  const atMs = distinctTimes(cursors);
  const length = atMs.length;
  const equity = new Float64Array(length);
  const exposure = new Float64Array(length);
  const exposed = new Uint8Array(length);
  const benchmark = new Float64Array(length);
  let lastEquity = Number.NaN;
  for (let n = 0; n < length; n++) {
    const now = atMs[n]!;
    let value = 0;
    let held = 0;
    for (const cursor of cursors) {
      const { bars, laterMs } = cursor;
      if (cursor.next < bars.openMs.length && bars.openMs[cursor.next]! + laterMs === now) {
        // The last of the streams that close together has seen the prices of all.
        lastEquity = bars.equity[cursor.next]!;
        cursor.next++;
      }
      if (cursor.next === 0) {
        value += startCash / cursors.length;
        continue;
      }
      const units = cursor.held(now);
      if (units !== 0) exposed[n] = 1;
      held += units * bars.close[cursor.next - 1]!;
      value += cursor.hold[cursor.next - 1]!;
    }
    equity[n] = lastEquity;
    exposure[n] = held / lastEquity;
    benchmark[n] = value;
  }
  return { atMs, equity, exposure, exposed, buyAndHold: benchmark };
}

function distinctTimes(
  cursors: readonly { readonly bars: RunBars; readonly laterMs: number }[],
): Float64Array {
  if (cursors.length === 1) return cursors[0]!.bars.openMs;
  const times = new Float64Array(cursors.reduce((sum, { bars }) => sum + bars.openMs.length, 0));
  let at = 0;
  for (const { bars, laterMs } of cursors) for (const openMs of bars.openMs) times[at++] = openMs + laterMs;
  times.sort();
  let length = 0;
  for (const time of times) if (length === 0 || time !== times[length - 1]) times[length++] = time;
  return times.slice(0, length);
}

/** Units held after all fills up to a time, asked for in rising order. */
function holdings(effects: readonly FillEffect[]): (atMs: number) => number {
  let units = 0;
  let next = 0;
  return (atMs) => {
    while (next < effects.length && effects[next]!.fill.atMs <= atMs) units = effects[next++]!.unitsAfter;
    return units;
  };
}
