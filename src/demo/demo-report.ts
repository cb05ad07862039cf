import type { Config } from '../config/schema.js';
import type { CommandIo } from '../console/io.js';
import { packageVersion } from '../console/package-version.js';
import { progressOf } from '../console/progress.js';
import { table } from '../console/table.js';
import { figureRows } from '../research/report/figure-rows.js';
import type { TradableCandles } from '../research/studies/backtest-run.js';
import { type RepeatedRun, studyRepeatedRun } from '../research/studies/repeated-run.js';
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

/** Repeats the run as a backtest, writes the report of it and prints what came of it. */
export async function leaveReport(options: DemoReportOptions): Promise<{ readonly differences: number }> {
  const { io } = options;
  const progress = progressOf(io.stderr, '  backtest', 'bars');
  const run = await studyRepeatedRun({
    tradable: options.tradable,
    config: options.config,
    database: options.database,
    model: options.modelDir,
    reportFile: options.reportFile,
    fillRule: 'at the simulated book, 5 bps from the close',
    notes: [NO_PROMISE],
    code: `redbutton ${packageVersion()}`,
    onProgress: progress.report,
  });
  progress.finish();
  const received = options.phone.messages.filter(({ topic }) => topic.includes('/alert/'));
  const alerts = {
    all: received.length,
    critical: received.filter(({ topic }) => topic.endsWith('/critical')).length,
  };
  io.stdout.write(options.json ? runJson(run, options, alerts) : runText(run, options, alerts));
  for (const { openMs, layer, field, a, b } of run.differences.slice(0, 5)) {
    io.stderr.write(
      `differs at ${new Date(openMs).toISOString()}: ${layer} ${field}: stored ${String(a)}, backtest ${String(b)}\n`,
    );
  }
  return { differences: run.differences.length };
}

interface AlertCounts {
  readonly all: number;
  readonly critical: number;
}

function runJson(run: RepeatedRun, { halt, reportFile }: DemoReportOptions, alerts: AlertCounts): string {
  return `${JSON.stringify({
    decisions: run.decisions,
    differences: run.differences.length,
    fills: run.fills,
    halt,
    alerts: alerts.all,
    criticalAlerts: alerts.critical,
    metrics: run.report.metrics,
    benchmark: run.report.benchmark,
    report: reportFile,
  })}\n`;
}

function runText(run: RepeatedRun, options: DemoReportOptions, alerts: AlertCounts): string {
  const { halt } = options;
  const { metrics, benchmark } = run.report;
  const rows = [['bars decided', String(run.decisions), ''], ...figureRows(metrics, benchmark)];
  return `
${table(rows, [1, 2])}
stored decisions compared with a backtest: ${run.decisions}, differences: ${run.differences.length}
signals while halted: ${halt.signals}, orders while halted: ${halt.orders}
the phone heard ${alerts.all} alerts, ${alerts.critical} of them critical
report: ${options.reportFile}
configuration: ${options.configFile}

${NO_PROMISE}
Threshold and model were chosen so that there is something to see.
`;
}
