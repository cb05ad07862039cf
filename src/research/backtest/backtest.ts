import type { BacktestResult } from './backtest-collector.js';
import { runTimeline, type TimelineInstrument, type TimelineOptions } from './timeline.js';

/** A backtest of one stream. */
export type BacktestOptions = Omit<TimelineOptions, 'instruments'> & TimelineInstrument;

/** {@link runTimeline} for one stream. */
export async function runBacktest(options: BacktestOptions): Promise<BacktestResult> {
  const { instruments, trades, finalEquity } = await runTimeline({ ...options, instruments: [options] });
  return { ...instruments[0]!, trades, finalEquity };
}
