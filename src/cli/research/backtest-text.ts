import { table } from '../../console/table.js';
import { figureRows } from '../../research/report/figure-rows.js';
import type { BacktestOutcome } from '../../research/studies/backtest.js';

/** Differences shown. */
const SHOWN_MAX = 10;

export function backtestJson({ report, bars, fills, finalEquity, differences }: BacktestOutcome): string {
  return `${JSON.stringify({
    bars,
    fills,
    finalEquity,
    metrics: report.metrics,
    benchmark: report.benchmark,
    refusals: report.denials,
    ...(differences === null ? {} : { differences: differences.length }),
    notes: report.notes,
  })}\n`;
}

export function backtestText(
  { report, bars, differences }: BacktestOutcome,
  reportFile: string | undefined,
): string {
  const parts = [
    table([['bars', String(bars), ''], ...figureRows(report.metrics, report.benchmark)], [1, 2]),
    ...report.notes.map((note) => `\n${note}\n`),
  ];
  if (reportFile !== undefined) parts.push(`\nreport: ${reportFile}\n`);
  if (differences !== null) {
    parts.push(`\ndecisions compared with the stored run: ${bars}, differences: ${differences.length}\n`);
    for (const { openMs, layer, field, a, b } of differences.slice(0, SHOWN_MAX))
      parts.push(
        `  ${new Date(openMs).toISOString()} ${layer} ${field}: stored ${String(a)}, now ${String(b)}\n`,
      );
  }
  return parts.join('');
}
