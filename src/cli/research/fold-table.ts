import { table } from '../../console/table.js';
import type { FoldFigures, PooledFigures } from '../../research/report/fold-figures.js';

const share = (value: number) => `${(value * 100).toFixed(2)} %`;
const plain = (value: number | null, places: number) => (value === null ? '-' : value.toFixed(places));

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
  folds: readonly { readonly testFromMs: number; readonly figures: FoldFigures }[],
  pooled: PooledFigures,
): string {
  const rows = [
    ['test from', 'rows', 'AUC', '95 % interval', 'Brier', 'return', 'drawdown', 'turnover'],
    ...folds.map(({ testFromMs, figures }) => [
      new Date(testFromMs).toISOString().slice(0, 10),
      ...cells(figures),
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
  return `${table(rows, [1, 2, 3, 4, 5, 6, 7])}\n${table(more, [1])}\n${table(reliability, [1, 2, 3])}`;
}
