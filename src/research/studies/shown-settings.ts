import type { Config } from '../../config/schema.js';
import type { ReportData } from '../report/index.js';

const percent = (fraction: number) => `${Number((fraction * 100).toPrecision(6))} %`;

/** The settings that shape a run, in words, for a report. */
export function settingsShown(config: Config, calendar: string, fillRule: string): ReportData['settings'] {
  const { signals, risk, execution } = config;
  return [
    ['timeframe', config.timeframe],
    ['calendar', calendar],
    ['confidence threshold', String(signals.confidenceThreshold)],
    ['bars between signals', String(signals.minSignalIntervalBars)],
    ['Kelly fraction', String(risk.kellyFraction)],
    ['position cap', percent(risk.maxPositionFraction)],
    ['drawdown halt', percent(risk.drawdownHaltFraction)],
    ['prior average win / loss', `${percent(risk.averageWin)} / ${percent(risk.averageLoss)}`],
    ['fills', fillRule],
    ['taker fee', percent(execution.takerFeeRate)],
    ['start cash', String(execution.paperStartCash)],
  ];
}
