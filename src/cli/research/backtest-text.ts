import { table } from '../../console/table.js';
import { figureRows } from '../../research/report/figure-rows.js';
import type { ReasonCount } from '../../research/report/index.js';
import type { BacktestOutcome } from '../../research/studies/backtest.js';
import { candlesJson, candlesText } from './candle-input.js';
import { denialText } from './fold-table.js';

/** Differences shown. */
const SHOWN_MAX = 10;

export function backtestJson({
  report,
  bars,
  fills,
  finalEquity,
  differences,
  files,
  quarantined,
}: BacktestOutcome): string {
  const refused = quarantined.reduce((sum, { count }) => sum + count, 0);
  const notable = files.filter((one) => one.quarantined > 0 || one.notes.length > 0);
  return `${JSON.stringify({
    bars,
    fills,
    finalEquity,
    metrics: report.metrics,
    benchmark: report.benchmark,
    refusals: report.denials,
    candles: {
      rows: bars + refused,
      kept: bars,
      rejected: refused,
      reasons: Object.fromEntries(quarantined.map(({ reason, count }) => [reason, count])),
    },
    ...(notable.length > 0 && { files: notable.map(candlesJson) }),
    ...(differences === null ? {} : { differences: differences.length }),
    notes: report.notes,
  })}\n`;
}

export function backtestText(
  { report, bars, differences, files, quarantined }: BacktestOutcome,
  reportFile: string | undefined,
): string {
  const denials = denialText(Object.fromEntries(report.denials.map(({ reason, count }) => [reason, count])));
  const parts = [
    table([['bars', String(bars), ''], ...figureRows(report.metrics, report.benchmark)], [1, 2]),
    denials === '' ? '' : `\n${denials}`,
    candlesText(files),
    files.length > 0 ? '' : quarantinedText(quarantined),
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

/** Of sources that are read part by part, whose rows have no lines. */
function quarantinedText(rows: readonly ReasonCount[]): string {
  const all = rows.reduce((sum, { count }) => sum + count, 0);
  return `\n${table([['quarantined', String(all)], ...rows.map(({ reason, count }) => [`  ${reason}`, String(count)])], [1])}`;
}
