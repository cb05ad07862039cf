import { openStore } from '../adapters/duckdb/index.js';
import { pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { type StreamKey, streamName } from '../core/candle.js';
import { badInput, EXIT } from '../core/errors.js';
import type { ModelManifest } from '../core/manifest.js';
import { parseManifest } from '../core/manifest-schema.js';
import type { ModelRecord, Rejection, StoreReader } from '../ports.js';
import { writeFileAtomically } from '../research/atomic-file.js';
import { type ReasonCount, type ReportData, renderReport } from '../research/report/index.js';
import { barsOfRecords } from '../research/run-bars.js';
import { reportOf } from '../research/run-report.js';
import { type Command, parseOptions } from './command.js';
import { configFrom } from './config-option.js';
import { packageVersion } from './package-version.js';
import { figureRows, settingsShown } from './run-settings.js';
import { table } from './terminal.js';

export const command: Command = {
  name: 'report',
  summary: 'write a page about what the box has done',
  help: `Usage: redbutton report [OPTION ...]

Reads what the box has stored (bars, decisions, orders, fills, halts), writes a
report of it as one self-contained HTML page, and prints the figures. The
database has one owner: while the service runs, stop it or read a copy.

  --config FILE       the box's settings (/etc/redbutton/redbutton.toml)
  --store FILE        another database than that of the settings
  --symbol SYMBOL     of several symbols, the one to report on (the first)
  --out FILE.html     where the page goes (redbutton-report.html)
  --json              the figures as JSON
`,

  async run(args, io) {
    const { values } = parseOptions('report', args, {
      config: { type: 'string' },
      store: { type: 'string' },
      symbol: { type: 'string' },
      out: { type: 'string', default: 'redbutton-report.html' },
      json: { type: 'boolean' },
    });
    const config = configFrom(values.config);
    const file = values.store ?? pathsOf(config.device).database;
    const store = await openStore({ path: file, readOnly: true });
    let report: ReportData;
    try {
      report = await storedReport(store, file, config, streamOf(config, values.symbol));
    } finally {
      await store.close();
    }
    await writeFileAtomically(values.out, [renderReport(report)]);
    const bars = report.account.atMs.length;
    const { metrics, benchmark, refusals, notes } = report;
    if (values.json) {
      io.stdout.write(
        `${JSON.stringify({ bars, metrics, benchmark, refusals, notes, report: values.out })}\n`,
      );
    } else {
      io.stdout.write(table([['bars', String(bars), ''], ...figureRows(metrics, benchmark)], [1, 2]));
      for (const note of notes) io.stdout.write(`\n${note}\n`);
      io.stdout.write(`\nreport: ${values.out}\n`);
    }
    return EXIT.fine;
  },
};

function streamOf(config: Config, symbol: string | undefined): StreamKey {
  const venue =
    symbol === undefined ? config.exchange[0] : config.exchange.find((v) => v.symbols.includes(symbol));
  if (venue === undefined) {
    throw badInput(
      'E_USAGE',
      `report: no exchange of the settings trades ${JSON.stringify(symbol)}`,
      'name a symbol as the settings do',
    );
  }
  return { exchange: venue.id, symbol: symbol ?? venue.symbols[0]!, timeframe: config.timeframe };
}

async function storedReport(
  store: StoreReader,
  file: string,
  config: Config,
  stream: StreamKey,
): Promise<ReportData> {
  const decisions = (await store.decisions({ stream })).filter(({ decided }) => decided);
  if (decisions.length === 0) {
    throw badInput(
      'E_REPORT_EMPTY',
      `${file} holds no decision for ${streamName(stream)}`,
      'let the box decide on a bar first, or name another symbol or database',
    );
  }
  const manifest = lastManifest(await store.models(), file);
  const ofStream = <T extends { readonly exchange: string; readonly symbol: string }>(rows: readonly T[]) =>
    rows.filter(({ exchange, symbol }) => exchange === stream.exchange && symbol === stream.symbol);
  const calendar = config.exchange.find(({ id }) => id === stream.exchange)?.calendar ?? '24x7';
  const events = await store.orderEvents();
  const known = new Set(ofStream(events.map(({ order }) => order)).map(({ clientOrderId }) => clientOrderId));
  return reportOf({
    kind: config.mode,
    stream,
    calendar,
    bars: barsOfRecords(decisions, manifest?.reference ?? []),
    fills: ofStream(await store.fills()),
    orders: events.filter(({ order }) => known.has(order.clientOrderId)),
    halts: await store.halts(),
    rejectedRows: countRejections(await store.quarantined(), stream),
    horizonBars: manifest?.horizonBars ?? 1,
    confidenceThreshold: config.signals.confidenceThreshold,
    aucWindow: config.monitoring.aucWindow,
    aucCritical: config.monitoring.aucCritical,
    startCash: decisions[0]!.account?.equity ?? config.execution.paperStartCash,
    madeAtMs: Date.now(),
    settings: settingsShown(config, calendar, config.mode === 'live' ? 'by the exchange' : 'on paper'),
    hashes: [
      ...(manifest === null ? [] : [['model.onnx', manifest.sha256] as const]),
      ['code', `redbutton ${packageVersion()}`],
    ],
    notes: [
      ...(manifest === null ? ['The store names no model, so the drift of its features is not shown.'] : []),
      ...(config.exchange.flatMap(({ symbols }) => symbols).length > 1
        ? [
            `Equity and drawdown are of the whole account; trades, fills and exposure of ${stream.symbol} alone.`,
          ]
        : []),
    ],
  });
}

/** The model that was loaded last; null where the store names none. */
function lastManifest(models: readonly ModelRecord[], place: string): ModelManifest | null {
  const last = models.findLast(({ event }) => event === 'loaded');
  return last === undefined ? null : parseManifest(last.manifest, place);
}

function countRejections(rows: readonly Rejection[], stream: StreamKey): ReasonCount[] {
  const counts = new Map<string, number>();
  for (const { stream: of, reason } of rows) {
    if (streamName(of) === streamName(stream)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}
