import { openStore } from '../adapters/duckdb/index.js';
import { writeDurably } from '../adapters/files/durable-file.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import type { Config } from '../config/schema.js';
import type { CommandIo } from '../console/io.js';
import { packageVersion } from '../console/package-version.js';
import { startProgress } from '../console/progress.js';
import { table } from '../console/table.js';
import { compareDecisions } from '../research/backtest/compare.js';
import { barsOfRecords } from '../research/backtest/run-bars.js';
import { figureRows } from '../research/report/figure-rows.js';
import { renderReport } from '../research/report/index.js';
import { reportOf } from '../research/report/run-report.js';
import { amountStepsOf } from '../research/report/stored-fills.js';
import { backtestOf, type TradableCandles } from '../research/studies/backtest-run.js';
import { settingsShown } from '../research/studies/shown-settings.js';
import type { HaltShown } from './demo.js';
import type { Phone } from './phone.js';

export interface DemoReportOptions {
  readonly tradable: TradableCandles;
  readonly config: Config;
  readonly configFile: string;
  readonly database: string;
  readonly modelDir: string;
  readonly reportFile: string;
  readonly halt: HaltShown;
  readonly phone: Phone;
  readonly json: boolean;
  readonly io: CommandIo;
}

const NO_PROMISE = 'Past results of a demo model are no promise.';

/** Reads the run back from the store, repeats it as a backtest, compares, writes the report and prints the table. */
export async function leaveReport(options: DemoReportOptions): Promise<{ readonly differences: number }> {
  const { tradable, config, io, halt } = options;
  const store = await openStore({ path: options.database, readOnly: true });
  const classifier = await loadClassifier(options.modelDir);
  try {
    const decisions = (await store.decisions({ stream: tradable.stream })).filter(({ decided }) => decided);
    const halts = await store.halts();
    const fills = await store.fills();
    const steps = amountStepsOf((await store.runs()).map(({ settings }) => settings));
    const progress = startProgress(io.stderr, '  backtest', decisions.length, 'bars', () =>
      performance.now(),
    );
    const repeated = await backtestOf({
      tradable,
      classifier,
      config,
      fillModel: { halfSpreadBps: config.execution.paperSlippageBps },
      like: { decisions, halts },
      onProgress: (done) => progress.update(done),
    });
    progress.finish();
    const differences = compareDecisions(decisions, repeated.decisions);

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
      settings: settingsShown(config, tradable.calendar, 'at the simulated book, 5 bps from the close'),
      hashes: [
        ['candles (file)', tradable.loaded.file.sha256],
        ['model.onnx', manifest.sha256],
        ['code', `redbutton ${packageVersion()}`],
      ],
      notes: [NO_PROMISE],
    });
    await writeDurably(options.reportFile, renderReport(report));

    const alerts = options.phone.messages.filter(({ topic }) => topic.includes('/alert/'));
    const critical = alerts.filter(({ topic }) => topic.endsWith('/critical')).length;
    if (options.json) {
      io.stdout.write(
        `${JSON.stringify({
          decisions: decisions.length,
          differences: differences.length,
          fills: fills.length,
          halt,
          alerts: alerts.length,
          criticalAlerts: critical,
          metrics: report.metrics,
          benchmark: report.benchmark,
          report: options.reportFile,
        })}\n`,
      );
    } else {
      io.stdout.write(
        `\n${table([['bars decided', String(decisions.length), ''], ...figureRows(report.metrics, report.benchmark)], [1, 2])}\n`,
      );
      io.stdout.write(
        `stored decisions compared with a backtest: ${decisions.length}, differences: ${differences.length}\n`,
      );
      io.stdout.write(`signals while halted: ${halt.signals}, orders while halted: ${halt.orders}\n`);
      io.stdout.write(`the phone heard ${alerts.length} alerts, ${critical} of them critical\n`);
      io.stdout.write(
        `report: ${options.reportFile}\nconfiguration: ${options.configFile}\n\n${NO_PROMISE}\nThreshold and model were chosen so that there is something to see.\n`,
      );
    }
    for (const { openMs, layer, field, a, b } of differences.slice(0, 5)) {
      io.stderr.write(
        `differs at ${new Date(openMs).toISOString()}: ${layer} ${field}: stored ${String(a)}, backtest ${String(b)}\n`,
      );
    }
    return { differences: differences.length };
  } finally {
    await classifier.close();
    await store.close();
  }
}
