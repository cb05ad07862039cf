import { table } from '../../console/table.js';
import type { FoldFigures, PooledFigures } from '../../research/report/fold-figures.js';

const share = (value: number) => `${(value * 100).toFixed(2)} %`;
const plain = (value: number | null, places: number) => (value === null ? '-' : value.toFixed(places));

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

function cells(figures: FoldFigures): string[] {
  const { auc } = figures;
  return [
    String(figures.rows),
    plain(auc?.auc ?? null, 4),
    auc?.low == null || auc.high == null ? '-' : `${auc.low.toFixed(3)}-${auc.high.toFixed(3)}`,
    plain(figures.brier, 4),
    share(figures.totalReturn),
    share(figures.maxDrawdown),
    figures.turnover.toFixed(1),
  ];
}

/** Folds and their pool as a table of at most 80 columns, and what the pool says beyond it. */
export function foldTable(
  folds: readonly {
    readonly testFromMs: number;
    readonly figures: FoldFigures;
    readonly noModel?: string;
  }[],
  pooled: PooledFigures,
): string {
  const rows = [
    ['test from', 'rows', 'AUC', '95 % interval', 'Brier', 'return', 'drawdown', 'turnover'],
    ...folds.map(({ testFromMs, figures, noModel }) => [
      dayOf(testFromMs),
      ...(noModel === undefined ? cells(figures) : ['no model', '-', '-', '-', '-', '-', '-']),
    ]),
    ['pooled', ...cells(pooled)],
  ];
  const more = [
    ['buy and hold', share(pooled.buyAndHold)],
    ['fills', String(pooled.fills)],
    ['Sharpe, annual', plain(pooled.sharpe, 2)],
    [
      `deflated Sharpe (${pooled.variants} ${pooled.variants === 1 ? 'variant' : 'variants'})`,
      plain(pooled.deflatedSharpe, 4),
    ],
    ['Brier of the base rate', plain(pooled.brierBaseRate, 4)],
  ];
  const reliability = [
    ['P(up) said', 'rows', 'mean', 'came up'],
    ...pooled.reliability.map((row) => [
      `${row.low.toFixed(1)}-${row.high.toFixed(1)}`,
      String(row.rows),
      row.meanProbability.toFixed(4),
      row.shareUp.toFixed(4),
    ]),
  ];
  const without = folds.flatMap(({ testFromMs, noModel }) =>
    noModel === undefined ? [] : [`no model for ${dayOf(testFromMs)}: ${noModel}\n`],
  );
  return `${table(rows, [1, 2, 3, 4, 5, 6, 7])}\n${without.join('')}${without.length > 0 ? '\n' : ''}${table(more, [1])}\n${denialText(pooled.denials)}${table(reliability, [1, 2, 3])}`;
}

/** Orders that risk denied or that were not placed, by reason; nothing where there are none. */
export function denialText(denials: Readonly<Record<string, number>>): string {
  const rows = Object.entries(denials).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  if (rows.length === 0) return '';
  const all = rows.reduce((sum, [, count]) => sum + count, 0);
  const body = [
    ['denied or rejected', String(all)],
    ...rows.map(([name, count]) => [`  ${name}`, String(count)]),
  ];
  return `${table(body, [1])}\n`;
}
