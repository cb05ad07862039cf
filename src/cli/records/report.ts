import { writeDurably } from '../../adapters/files/durable-file.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import { packageVersion } from '../../console/package-version.js';
import { table } from '../../console/table.js';
import { type StreamKey, streamName } from '../../core/candle.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { parseManifest } from '../../core/manifest-schema.js';
import type { ModelRecord, QuarantinedRow } from '../../core/records.js';
import type { StoreReader } from '../../ports/store.js';
import { barsOfRecords } from '../../research/backtest/run-bars.js';
import type { InstrumentRun } from '../../research/report/account-curve.js';
import { figureRows } from '../../research/report/figure-rows.js';
import { type ReasonCount, type ReportData, renderReport } from '../../research/report/index.js';
import { reportOf } from '../../research/report/run-report.js';
import { amountStepsOf } from '../../research/report/stored-fills.js';
import { openHeldStore } from '../../research/studies/held-store.js';
import { settingsShown } from '../../research/studies/shown-settings.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'report',
  summary: 'write a page about what the box has done',
  about: `Reads what the box has stored (bars, decisions, orders, fills, halts), writes a
report of it as one self-contained HTML page, and prints the figures. While the
trader runs it makes the copy that is read.`,
  options: {
    config: CONFIG_OPTION,
    store: {
      value: 'FILE',
      help: 'another database than that of the settings',
      completes: 'file',
    },
    symbol: {
      value: 'SYMBOL',
      help: 'of several symbols, one to report on',
      many: true,
      otherwise: 'all',
    },
    out: {
      value: 'FILE.html',
      help: 'where the page goes',
      default: 'redbutton-report.html',
      completes: 'file',
    },
    json: { help: 'the figures as JSON' },
  },
  async run(values, io) {
    const config = configFrom(values.config);
    const paths = boxPaths(config);
    const file = values.store ?? paths.database;
    const { store, close } = await openHeldStore(file, paths);
    let report: ReportData;
    try {
      report = await storedReport(store, file, config, streamsOf(config, values.symbol));
    } finally {
      await close();
    }
    await writeDurably(values.out, renderReport(report));
    const bars = report.account.atMs.length;
    const { metrics, benchmark, denials, notes } = report;
    if (values.json) {
      io.stdout.write(
        `${JSON.stringify({ bars, metrics, benchmark, refusals: denials, notes, report: values.out })}\n`,
      );
    } else {
      io.stdout.write(table([['bars', String(bars), ''], ...figureRows(metrics, benchmark)], [1, 2]));
      for (const note of notes) io.stdout.write(`\n${note}\n`);
      io.stdout.write(`\nreport: ${values.out}\n`);
    }
    return EXIT.fine;
  },
});

function streamsOf(config: Config, symbols: readonly string[]): readonly StreamKey[] {
  const all = config.exchange.flatMap(({ id, symbols: of }) =>
    of.map((symbol): StreamKey => ({ exchange: id, symbol, timeframe: config.timeframe })),
  );
  const unknown = symbols.find((symbol) => !all.some((stream) => stream.symbol === symbol));
  if (unknown !== undefined) {
    throw badInput(
      'E_USAGE',
      `report: no exchange of the settings trades ${JSON.stringify(unknown)}`,
      'name a symbol as the settings do',
    );
  }
  return symbols.length === 0 ? all : all.filter(({ symbol }) => symbols.includes(symbol));
}

async function storedReport(
  store: StoreReader,
  file: string,
  config: Config,
  streams: readonly StreamKey[],
): Promise<ReportData> {
  const manifest = lastManifest(await store.models(), file);
  const instruments: InstrumentRun[] = [];
  let startCash: number | null = null;
  for (const stream of streams) {
    const decisions = (await store.decisions({ stream })).filter(({ decided }) => decided);
    if (decisions.length === 0) continue;
    startCash ??= decisions[0]!.account?.equity ?? null;
    instruments.push({ stream, bars: barsOfRecords(decisions, manifest?.reference ?? []) });
  }
  const [first] = instruments;
  if (first === undefined) {
    throw badInput(
      'E_REPORT_EMPTY',
      `${file} holds no decision for ${streams.map(streamName).join(', ')}`,
      'let the box decide on a bar first, or name another symbol or database',
    );
  }
  const ofStreams = <T extends { readonly exchange: string; readonly symbol: string }>(rows: readonly T[]) =>
    rows.filter(({ exchange, symbol }) =>
      instruments.some(({ stream }) => stream.exchange === exchange && stream.symbol === symbol),
    );
  const calendar = config.exchange.find(({ id }) => id === first.stream.exchange)?.calendar ?? '24x7';
  const events = await store.orderEvents();
  const known = new Set(
    ofStreams(events.map(({ order }) => order)).map(({ clientOrderId }) => clientOrderId),
  );
  const steps = amountStepsOf((await store.runs()).map(({ settings }) => settings));
  const others = streamsOf(config, []).length - instruments.length;
  return reportOf({
    kind: config.mode,
    instruments,
    calendar,
    fills: ofStreams(await store.fills()),
    orders: events.filter(({ order }) => known.has(order.clientOrderId)),
    halts: await store.halts(),
    quarantinedRows: countQuarantined(await store.quarantined(), instruments),
    horizonBars: manifest?.horizonBars ?? 1,
    confidenceThreshold: config.signals.confidenceThreshold,
    aucWindow: config.monitoring.aucWindow,
    aucCritical: config.monitoring.aucCritical,
    startCash: startCash ?? config.execution.paperStartCash,
    amountStepOf: (exchange, symbol) => steps.get(`${exchange}:${symbol}`),
    madeAtMs: Date.now(),
    settings: settingsShown(config, calendar, config.mode === 'live' ? 'by the exchange' : 'on paper'),
    hashes: [
      ...(manifest === null ? [] : [['model.onnx', manifest.sha256] as const]),
      ['code', `redbutton ${packageVersion()}`],
    ],
    notes: [
      ...(manifest === null ? ['The store names no model, so the drift of its features is not shown.'] : []),
      ...(others > 0
        ? [
            `Equity and drawdown are of the whole account; trades, fills and exposure of ${instruments.map(({ stream }) => stream.symbol).join(', ')} alone.`,
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

function countQuarantined(
  rows: readonly QuarantinedRow[],
  instruments: readonly InstrumentRun[],
): ReasonCount[] {
  const names = new Set(instruments.map(({ stream }) => streamName(stream)));
  const counts = new Map<string, number>();
  for (const { stream, reason } of rows) {
    if (names.has(streamName(stream))) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}
