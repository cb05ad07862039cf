import type { Config } from '../../config/schema.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { ReportData } from '../../research/report/index.js';
import type { Metrics } from '../../research/report/metrics.js';

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

/** Hashes of what a run was made from. */
export function hashesShown(
  candlesSha256: string,
  manifest: ModelManifest,
  version: string,
): ReportData['hashes'] {
  return [
    ['candles (file)', candlesSha256],
    ['model.onnx', manifest.sha256],
    ['code', `redbutton ${version}`],
  ];
}

/** A run's figures as rows of a table for the terminal. */
export function figureRows(metrics: Metrics, benchmark: ReportData['benchmark']): string[][] {
  const share = (value: number | null | undefined) =>
    value === null || value === undefined ? '-' : `${(value * 100).toFixed(2)} %`;
  const plain = (value: number | null | undefined, places = 2) =>
    value === null || value === undefined ? '-' : value.toFixed(places);
  return [
    ['', 'account', 'buy and hold'],
    ['total return', share(metrics.totalReturn), share(benchmark?.totalReturn)],
    ['annual return', share(metrics.annualReturn), share(benchmark?.annualReturn)],
    ['max drawdown', share(metrics.maxDrawdown), share(benchmark?.maxDrawdown)],
    ['Sharpe', plain(metrics.sharpe), plain(benchmark?.sharpe)],
    ['Sortino', plain(metrics.sortino), plain(benchmark?.sortino)],
    ['Calmar', plain(metrics.calmar), plain(benchmark?.calmar)],
    ['closed trades', String(metrics.closedTrades), ''],
    ['hit rate', share(metrics.hitRate), ''],
    ['profit factor', plain(metrics.profitFactor), ''],
    ['exposure', share(metrics.exposure), ''],
    ['turnover', plain(metrics.turnover), ''],
    ['fees', plain(metrics.fees), ''],
  ];
}
