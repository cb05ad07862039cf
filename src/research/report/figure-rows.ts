import type { Metrics } from './metrics.js';
import type { ReportData } from './report-data.js';

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
