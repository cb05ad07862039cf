import { openStore } from '../../adapters/duckdb/index.js';
import { writeDurably } from '../../adapters/files/durable-file.js';
import { loadClassifier } from '../../adapters/onnx/classifier.js';
import type { Config } from '../../config/schema.js';
import { compareDecisions, type Difference } from '../backtest/compare.js';
import { barsOfRecords } from '../backtest/run-bars.js';
import { type ReportData, renderReport } from '../report/index.js';
import { reportOf } from '../report/run-report.js';
import { amountStepsOf } from '../report/stored-fills.js';
import { backtestOf, type TradableCandles } from './backtest-run.js';
import { settingsShown } from './shown-settings.js';

export interface RepeatedRunStudy {
  readonly tradable: TradableCandles;
  readonly config: Config;
  readonly database: string;
  /** The folder of the model. */
  readonly model: string;
  readonly reportFile: string;
  /** How the run was filled, and what a reader has to know, for the report. */
  readonly fillRule: string;
  readonly notes: readonly string[];
  /** What the report names as the program that made it. */
  readonly code: string;
  readonly onProgress: (barsDone: number, bars: number) => void;
}

export interface RepeatedRun {
  readonly report: ReportData;
  readonly decisions: number;
  readonly fills: number;
  readonly differences: readonly Difference[];
}

/** Reads a run on paper back from its store, reports on it, and repeats it as a backtest to compare each decision. */
export async function studyRepeatedRun(study: RepeatedRunStudy): Promise<RepeatedRun> {
  const { tradable, config } = study;
  const store = await openStore({ path: study.database, readOnly: true });
  const classifier = await loadClassifier(study.model);
  try {
    const decisions = (await store.decisions({ stream: tradable.stream })).filter(({ decided }) => decided);
    const halts = await store.halts();
    const fills = await store.fills();
    const steps = amountStepsOf((await store.runs()).map(({ settings }) => settings));
    study.onProgress(0, decisions.length);
    const repeated = await backtestOf({
      tradable,
      classifier,
      config,
      fillModel: { halfSpreadBps: config.execution.paperSlippageBps },
      like: { decisions, halts },
      onProgress: (done) => study.onProgress(done, decisions.length),
    });
    const { manifest } = classifier;
    const report = reportOf({
      kind: 'demo',
      instruments: [{ stream: tradable.stream, bars: barsOfRecords(decisions, manifest.reference) }],
      calendar: tradable.calendar,
      fills,
      orders: await store.orderEvents(),
      halts,
      quarantinedRows: [],
      horizonBars: manifest.horizonBars,
      confidenceThreshold: config.signals.confidenceThreshold,
      aucWindow: config.monitoring.aucWindow,
      aucCritical: config.monitoring.aucCritical,
      startCash: config.execution.paperStartCash,
      amountStepOf: (exchange, symbol) => steps.get(`${exchange}:${symbol}`),
      madeAtMs: Date.now(),
      settings: settingsShown(config, tradable.calendar, study.fillRule),
      hashes: [
        ['candles (file)', tradable.loaded.file.sha256],
        ['model.onnx', manifest.sha256],
        ['code', study.code],
      ],
      notes: study.notes,
    });
    await writeDurably(study.reportFile, renderReport(report));
    const differences = compareDecisions(decisions, repeated.decisions);
    return { report, decisions: decisions.length, fills: fills.length, differences };
  } finally {
    await classifier.close();
    await store.close();
  }
}
