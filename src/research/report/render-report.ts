import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { buildCharts, CHARTED_MAX, type Chart, chartedInstruments } from './charts.js';
import { embeddedJson, escapeHtml, time } from './format.js';
import {
  figuresTable,
  haltsTable,
  keyFigures,
  pairsTable,
  reasonsTable,
  tradesTable,
} from './page-tables.js';
import { qualityTables, slippageTable } from './quality-tables.js';
import type { ReportData } from './report-data.js';
import { termsList } from './terms.js';

const KINDS: Readonly<Record<ReportData['kind'], string>> = {
  backtest: 'Backtest report',
  demo: 'Demo report',
  paper: 'Paper trading report',
  live: 'Trading report',
};

/**
 * The report as one HTML page that holds all it needs: charts (uPlot), style and data. It asks nothing of any network,
 * and its content security policy lets it ask for nothing. Foreign text in it is escaped.
 */
export function renderReport(data: ReportData): string {
  const charts = buildCharts(data);
  const halts = data.halts.map((halt) => [halt.fromMs / 1000, halt.toMs === null ? null : halt.toMs / 1000]);
  const scripts = charts.length > 0 ? [asset.uplotScript(), asset.pageScript()] : [];
  const named = data.instruments.length > 1;
  const title = headline(data);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(scripts)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Redbutton">
<title>${escapeHtml(`${title} – Redbutton`)}</title>
<style>${asset.uplotStyle()}
${asset.pageStyle()}</style>
</head>
<body>
<main>
<header>
<p class="kind">Redbutton · ${KINDS[data.kind]}</p>
<h1>${escapeHtml(title)}</h1>
<p class="span">${escapeHtml(span(data))}</p>
<p class="promise">${promise(data.kind)}</p>
</header>
${keyFigures(data)}
<p class="hint"><a href="#terms">What the figures mean</a></p>
${charts.map(figure).join('\n')}
${data.instruments.length > CHARTED_MAX ? `<p class="hint">Charts of the ${CHARTED_MAX} markets that were traded most, of ${data.instruments.length}.</p>` : ''}
${charts.length > 0 ? '<p class="hint">Drag across a chart to look closer; double-click to see all again. Times are UTC.</p>' : '<p class="none">There is no bar to draw yet.</p>'}
<div class="columns">
<div>
${figuresTable(data.metrics, data.benchmark, data.quoteCurrency)}
${haltsTable(data.halts)}
${data.slippage === undefined ? '' : slippageTable(data.slippage, data.quoteCurrency)}
</div>
<div>
${reasonsTable('Denied and rejected orders', data.denials, 'No order was denied or rejected.')}
${data.silentBars.length > 0 ? reasonsTable('Bars and rows left out', data.silentBars, '') : ''}
${qualityTables(chartedInstruments(data))}
</div>
</div>
<div class="columns">
<div>
${pairsTable('Settings', data.settings, false)}
</div>
<div>
${pairsTable('What was used', data.hashes, true)}
${notes(data.notes)}
</div>
</div>
${tradesTable(data.trades, data.quoteCurrency, named)}
${termsList()}
</main>
${charts.length > 0 ? `<script type="application/json" id="report-data">${embeddedJson({ charts: charts.map(drawn), halts, locale: 'en-US' })}</script>` : ''}
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

function headline(data: ReportData): string {
  const [first, ...more] = data.instruments;
  if (!first) return 'No market';
  const { symbol, timeframe } = first.stream;
  return more.length === 0 ? `${symbol}, ${timeframe}` : `${data.instruments.length} markets, ${timeframe}`;
}

function span(data: ReportData): string {
  const { atMs } = data.account;
  const made = `made ${time(data.madeAtMs)} UTC`;
  if (atMs.length === 0) return made;
  const bars = `${atMs.length.toLocaleString('en-US')} bars`;
  return `${time(atMs[0]!)} to ${time(atMs[atMs.length - 1]!)} · ${bars} · ${made}`;
}

function promise(kind: ReportData['kind']): string {
  return kind === 'live' || kind === 'paper'
    ? 'Past results do not promise future ones.'
    : 'These are results on past prices, in which the market does not react to our own orders. Past results do not promise future ones, those of a demo model least of all.';
}

function figure(chart: Chart): string {
  return `<figure class="chart" id="${chart.id}"><figcaption><h3>${escapeHtml(chart.title)}</h3><div class="legend"></div><p class="about">${escapeHtml(chart.about)}</p></figcaption><div class="plot" role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.about}`)}" style="min-height:${Math.round(chart.height * 0.8)}px"></div></figure>`;
}

/** What the page's script needs of a chart; words that only the HTML shows stay out. */
function drawn({ about: _about, title: _title, ...chart }: Chart): Omit<Chart, 'about' | 'title'> {
  return chart;
}

function notes(sentences: readonly string[]): string {
  if (sentences.length === 0) return '';
  const items = sentences.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join('');
  return `<section><h2>Notes</h2><ul class="notes">${items}</ul></section>`;
}

/** Only the scripts written here may run, by their hashes; nothing at all may be fetched. */
function policy(scripts: readonly string[]): string {
  const hashes = scripts.map((script) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  return `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes.join(' ') || "'none'"}; base-uri 'none'; form-action 'none'`;
}

const fromPackage = createRequire(import.meta.url);
const readOnce = (locate: () => string | URL) => {
  let text: string | undefined;
  return () => {
    text ??= readFileSync(locate(), 'utf8').trim();
    return text;
  };
};

const asset = {
  uplotScript: readOnce(() => fromPackage.resolve('uplot/dist/uPlot.iife.min.js')),
  uplotStyle: readOnce(() => fromPackage.resolve('uplot/dist/uPlot.min.css')),
  pageScript: readOnce(() => new URL('./page.js', import.meta.url)),
  pageStyle: readOnce(() => new URL('./page.css', import.meta.url)),
};
