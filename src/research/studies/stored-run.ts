import { writeDurably } from '../../adapters/files/durable-file.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { type StreamKey, streamName } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { parseManifest } from '../../core/manifest-schema.js';
import type { ModelRecord, QuarantinedRow } from '../../core/records.js';
import type { StoreReader } from '../../ports/store.js';
import { barsOfRecords } from '../backtest/run-bars.js';
import type { InstrumentRun } from '../report/account-curve.js';
import { type ReasonCount, type ReportData, renderReport } from '../report/index.js';
import { reportOf } from '../report/run-report.js';
import { amountStepsOf } from '../report/stored-fills.js';
import { openHeldStore } from './held-store.js';
import { settingsShown } from './shown-settings.js';

export interface StoredRunStudy {
  readonly config: Config;
  /** The database; the configured one where undefined. */
  readonly store: string | undefined;
  /** Of what the box trades, the symbols to report on: all when empty. */
  readonly symbols: readonly string[];
  /** Where the report's page goes. */
  readonly reportFile: string;
  /** What the report names as the program that made it. */
  readonly code: string;
}

/** Reports on what a box has stored. Throws `E_REPORT_EMPTY` where that is no decision. */
export async function studyStoredRun(study: StoredRunStudy): Promise<ReportData> {
  const { config } = study;
  const paths = boxPaths(config);
  const file = study.store ?? paths.database;
  const { store, close } = await openHeldStore(file, paths);
  let report: ReportData;
  try {
    report = await reportOn(store, file, config, streamsOf(config, study.symbols), study.code);
  } finally {
    await close();
  }
  await writeDurably(study.reportFile, renderReport(report));
  return report;
}

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

async function reportOn(
  store: StoreReader,
  file: string,
  config: Config,
  streams: readonly StreamKey[],
  code: string,
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
    hashes: [...(manifest === null ? [] : [['model.onnx', manifest.sha256] as const]), ['code', code]],
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
