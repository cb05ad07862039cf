import {
  columnFormat,
  duration,
  escapeHtml,
  number,
  percent,
  signedMoney,
  signedPercent,
  timeFormat,
} from './format.js';
import type { CurveMetrics, Metrics } from './metrics.js';
import {
  type ReasonCount,
  type ReportData,
  type ReportHalt,
  type ReportTrade,
  TRADES_SHOWN_MAX,
} from './report-data.js';

export interface Column {
  readonly title: string;
  /** `n` for figures (right-aligned), `t` for text that must not break, `` for other text. */
  readonly form: 'n' | 't' | 'mono' | '';
}

/** A table; every cell is text and is escaped here, so no caller can forget. */
export function htmlTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  className = '',
): string {
  const form = (i: number) => (columns[i]!.form ? ` class="${columns[i]!.form}"` : '');
  const head = columns.some((column) => column.title)
    ? `<thead><tr>${columns.map((column, i) => `<th scope="col"${form(i)}>${escapeHtml(column.title)}</th>`).join('')}</tr></thead>`
    : '';
  const body = rows
    .map((row) => `<tr>${row.map((cell, i) => `<td${form(i)}>${escapeHtml(cell)}</td>`).join('')}</tr>`)
    .join('\n');
  return `<div class="scroll"><table${className ? ` class="${className}"` : ''}>${head}<tbody>${body}</tbody></table></div>`;
}

export function section(title: string, body: string): string {
  return `<section><h2>${escapeHtml(title)}</h2>${body}</section>`;
}

export const none = (words: string) => `<p class="none">${escapeHtml(words)}</p>`;

/** The four figures one looks at first. */
export function keyFigures(data: ReportData): string {
  const { metrics, benchmark } = data;
  const figures: readonly (readonly [string, string, string])[] = [
    [
      'Total return',
      signedPercent(metrics.totalReturn),
      benchmark ? `buy and hold ${signedPercent(benchmark.totalReturn)}` : '',
    ],
    [
      'Max drawdown',
      percent(metrics.maxDrawdown),
      benchmark ? `buy and hold ${percent(benchmark.maxDrawdown)}` : '',
    ],
    [
      'Sharpe ratio',
      number(metrics.sharpe, 2),
      benchmark ? `buy and hold ${number(benchmark.sharpe, 2)}` : '',
    ],
    ['Closed trades', number(metrics.closedTrades, 0), `${percent(metrics.hitRate)} with a profit`],
  ];
  const cell = ([name, value, beside]: readonly [string, string, string]) =>
    `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}<small>${escapeHtml(beside)}</small></dd></div>`;
  return `<dl class="key">${figures.map(cell).join('')}</dl>`;
}

export function figuresTable(metrics: Metrics, benchmark: CurveMetrics | null, currency: string): string {
  const curve = (name: string, text: (m: CurveMetrics) => string) => [
    name,
    text(metrics),
    benchmark ? text(benchmark) : '',
  ];
  const length = (m: CurveMetrics) =>
    m.maxDrawdown === 0
      ? '–'
      : `${duration(m.maxDrawdownMs)}${m.maxDrawdownRecovered ? '' : ', not yet recovered'}`;
  const rows = [
    curve('Total return', (m) => signedPercent(m.totalReturn, 2)),
    curve('Annual return (CAGR)', (m) => signedPercent(m.annualReturn, 2)),
    curve('Sharpe', (m) => number(m.sharpe, 2)),
    curve('Sortino', (m) => number(m.sortino, 2)),
    curve('Calmar', (m) => number(m.calmar, 2)),
    curve('Max drawdown', (m) => percent(m.maxDrawdown, 2)),
    curve('Length of that drawdown', length),
    ['Closed trades', number(metrics.closedTrades, 0), ''],
    ['Hit rate', percent(metrics.hitRate), ''],
    ['Profit factor', number(metrics.profitFactor, 2), ''],
    ['Turnover (× mean equity)', number(metrics.turnover, 2), ''],
    [`Fees (${currency})`, number(metrics.fees, 2), ''],
    ...Object.entries(metrics.otherFees).map(([paidIn, fees]) => [`Fees (${paidIn})`, fees, '']),
    ['Bars with a position', percent(metrics.exposure), ''],
  ];
  const columns: Column[] = [
    { title: '', form: '' },
    { title: 'Strategy', form: 'n' },
    { title: 'Buy and hold', form: 'n' },
  ];
  const kept = benchmark ? 3 : 2;
  return section(
    'Figures',
    htmlTable(
      columns.slice(0, kept),
      rows.map((row) => row.slice(0, kept)),
    ),
  );
}

export function reasonsTable(title: string, counts: readonly ReasonCount[], empty: string): string {
  const rows = [...counts]
    .sort((a, b) => b.count - a.count)
    .map(({ reason, count }) => [reason.replaceAll('_', ' '), number(count, 0)]);
  const columns: Column[] = [
    { title: 'Reason', form: '' },
    { title: 'Count', form: 'n' },
  ];
  return section(title, rows.length > 0 ? htmlTable(columns, rows) : none(empty));
}

export function haltsTable(halts: readonly ReportHalt[]): string {
  const time = timeFormat(halts.flatMap((halt) => [halt.fromMs, halt.toMs]));
  const rows = halts.map((halt) => [
    time(halt.fromMs),
    halt.toMs === null ? 'still' : time(halt.toMs),
    halt.state.toLowerCase(),
    halt.cause,
  ]);
  const columns: Column[] = [
    { title: 'From (UTC)', form: 't' },
    { title: 'To', form: 't' },
    { title: 'State', form: '' },
    { title: 'Cause', form: '' },
  ];
  return section('Halts', rows.length > 0 ? htmlTable(columns, rows, 'halts') : none('None.'));
}

export function tradesTable(trades: readonly ReportTrade[], currency: string, named: boolean): string {
  const shown = trades.slice(-TRADES_SHOWN_MAX);
  const time = timeFormat(shown.flatMap((trade) => [trade.entryMs, trade.exitMs]));
  const price = columnFormat(
    shown.flatMap((trade) => [trade.entryPrice, trade.exitPrice]),
    5,
    2,
  );
  const units = columnFormat(
    shown.map((trade) => trade.units),
    5,
    0,
  );
  const several = new Set(shown.map(({ exchange }) => exchange)).size > 1;
  const rows = shown.map((trade) => [
    time(trade.entryMs),
    trade.exitMs === null ? 'open' : time(trade.exitMs),
    ...(named ? [several ? `${trade.symbol} at ${trade.exchange}` : trade.symbol] : []),
    trade.direction,
    units(trade.units),
    price(trade.entryPrice),
    price(trade.exitPrice),
    signedMoney(trade.profit),
    signedPercent(trade.returnOnEntry, 2),
    `${trade.entryReason} → ${trade.exitReason ?? '…'}`,
  ]);
  const columns: Column[] = [
    { title: 'Entry (UTC)', form: 't' },
    { title: 'Exit', form: 't' },
    ...(named ? [{ title: 'Symbol', form: 't' } as const] : []),
    { title: 'Side', form: '' },
    { title: 'Amount', form: 'n' },
    { title: 'In at', form: 'n' },
    { title: 'Out at', form: 'n' },
    { title: `Profit (${currency})`, form: 'n' },
    { title: 'Return', form: 'n' },
    { title: 'Reasons', form: 't' },
  ];
  const count =
    trades.length > shown.length
      ? `<p class="about">The last ${number(shown.length, 0)} of ${number(trades.length, 0)}, after fees.</p>`
      : `<p class="about">${number(trades.length, 0)}, after fees.</p>`;
  return section(
    'Trades',
    rows.length > 0 ? count + htmlTable(columns, rows, 'wide') : none('No trade was made.'),
  );
}

export function pairsTable(
  title: string,
  pairs: readonly (readonly [string, string])[],
  mono: boolean,
): string {
  const columns: Column[] = [
    { title: '', form: mono ? 't' : '' },
    { title: '', form: mono ? 'mono' : 'n' },
  ];
  return section(title, pairs.length > 0 ? htmlTable(columns, pairs, 'pairs') : none('None recorded.'));
}
