import { openStore } from '../adapters/duckdb/index.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { loadConfig } from '../config/load.js';
import { badInput, EXIT } from '../core/errors.js';
import type { BarRecord, HaltRecord } from '../ports.js';
import { writeFileAtomically } from '../research/atomic-file.js';
import type { BacktestResult } from '../research/backtest-collector.js';
import type { FillAt, FillModel } from '../research/backtest-world.js';
import { CANDLE_FILE_HELP } from '../research/candle-file.js';
import { compareDecisions, type Difference } from '../research/compare.js';
import { countReasons } from '../research/load-candles.js';
import { type ReportData, renderReport } from '../research/report/index.js';
import { barsOfResult } from '../research/run-bars.js';
import { reportOf } from '../research/run-report.js';
import { backtestOf, defaultConfig, loadTradable, type TradableCandles } from './backtest-run.js';
import { type Command, type CommandIo, parseOptions, required } from './command.js';
import { packageVersion } from './package-version.js';
import { figureRows, hashesShown, settingsShown } from './run-settings.js';
import { startProgress, table } from './terminal.js';

export const command: Command = {
  name: 'backtest',
  summary: 'run the pipeline over a candle file',
  help: `Usage: redbutton backtest --candles FILE --model DIR [OPTION ...]

Runs the very pipeline of the service over the candles of a file, with a paper
broker that fills at a price ± half the spread, and prints what came of it.

  --config FILE       settings; all defaults without it
  --threshold X       confidence threshold in place of the configured one
  --symbol SYMBOL     as in BTC/USDT (the model's, else BTC/USDT)
  --exchange ID       (the model's, else binance)
  --half-spread BPS   slippage of each fill (execution.paperSlippageBps)
  --fill-at WHEN      close: at the close decided on, as on paper; next-open: at
                      the open of the next bar; next-close: a bar later (close)
  --volume-share X    an order takes at most this share of a bar's volume; the
                      rest of it expires
  --like STORE        repeat a stored run (redbutton.duckdb): its bars, with its
                      halts; then compare each decision, bit for bit
  --report FILE.html  write a report, one self-contained page
  --json              the figures as JSON

Exit codes: 0 fine; 1 decisions differ from those of --like, or failed; 2 bad
input.

${CANDLE_FILE_HELP}`,

  async run(args, io) {
    const { values } = parseOptions('backtest', args, {
      candles: { type: 'string' },
      model: { type: 'string' },
      config: { type: 'string' },
      threshold: { type: 'string' },
      symbol: { type: 'string' },
      exchange: { type: 'string' },
      'half-spread': { type: 'string' },
      'fill-at': { type: 'string', default: 'close' },
      'volume-share': { type: 'string' },
      like: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean' },
    });
    const file = required('backtest', 'candles', values.candles);
    const classifier = await loadClassifier(required('backtest', 'model', values.model));
    try {
      const { manifest } = classifier;
      const base = values.config === undefined ? defaultConfig() : loadConfig(values.config);
      const threshold = numberOption('threshold', values.threshold, 0, 1);
      const config =
        threshold === undefined
          ? base
          : { ...base, signals: { ...base.signals, confidenceThreshold: threshold } };
      const venue = config.exchange[0]!;
      const tradable = await loadTradable(
        file,
        {
          exchange: values.exchange ?? manifest.training?.exchange ?? venue.id,
          symbol: values.symbol ?? manifest.training?.symbol ?? venue.symbols[0]!,
          ...(values.config === undefined ? {} : { calendar: venue.calendar }),
        },
        config.ingestion.rules,
      );
      const halfSpreadBps =
        numberOption('half-spread', values['half-spread'], 0, 1000) ?? config.execution.paperSlippageBps;
      const volumeShareMax = numberOption('volume-share', values['volume-share'], 0, 1);
      const fillModel: FillModel = {
        halfSpreadBps,
        fillAt: fillAtOption(values['fill-at']),
        ...(volumeShareMax === undefined ? {} : { volumeShareMax }),
      };
      const like = values.like === undefined ? undefined : await storedRun(values.like, tradable);
      const progress = startProgress(io.stderr, 'backtest', tradable.loaded.candles.length, 'bars', () =>
        performance.now(),
      );
      const result = await backtestOf({
        tradable,
        classifier,
        config,
        fillModel,
        ...(like ? { like } : {}),
        onProgress: (done) => {
          io.signal.throwIfAborted();
          progress.update(done);
        },
      });
      progress.finish();

      const report = reportOf({
        kind: 'backtest',
        stream: tradable.stream,
        calendar: tradable.calendar,
        bars: barsOfResult(result),
        fills: result.fills,
        orders: result.executions,
        halts: like?.halts ?? [],
        rejectedRows: countReasons(tradable.loaded.rejected).map(([reason, count]) => ({ reason, count })),
        horizonBars: manifest.horizonBars,
        confidenceThreshold: config.signals.confidenceThreshold,
        aucWindow: config.monitoring.aucWindow,
        aucCritical: config.monitoring.aucCritical,
        startCash: config.execution.paperStartCash,
        madeAtMs: Date.now(),
        settings: settingsShown(
          { ...config, timeframe: tradable.stream.timeframe },
          tradable.calendar,
          fillsShown(fillModel),
        ),
        hashes: hashesShown(tradable.loaded.file.sha256, manifest, packageVersion()),
        notes: seenInTraining(manifest.training, result.bars.openMs),
      });
      if (values.report !== undefined) await writeFileAtomically(values.report, [renderReport(report)]);
      const differences = like ? compareDecisions(like.decisions, result.decisions) : null;
      print(io, values.json, report, result, differences, values.report);
      return differences !== null && differences.length > 0 ? EXIT.failed : EXIT.fine;
    } finally {
      await classifier.close();
    }
  },
};

function numberOption(
  name: string,
  given: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (given.trim() === '' || !(value >= least && value <= most)) {
    throw badInput(
      'E_USAGE',
      `backtest: --${name} ${JSON.stringify(given)} is not a number from ${least} to ${most}`,
      'see redbutton backtest --help',
    );
  }
  return value;
}

function fillAtOption(given: string): FillAt {
  if (given === 'close' || given === 'next-open' || given === 'next-close') return given;
  throw badInput(
    'E_USAGE',
    `backtest: --fill-at ${JSON.stringify(given)} is none of close, next-open, next-close`,
    'see redbutton backtest --help',
  );
}

function fillsShown({ halfSpreadBps, fillAt = 'close', volumeShareMax }: FillModel): string {
  const share = volumeShareMax === undefined ? '' : `, at most ${volumeShareMax * 100} % of a bar's volume`;
  return `${fillAt.replace('-', ' ')} ± ${halfSpreadBps} bps${share}`;
}

async function storedRun(
  path: string,
  tradable: TradableCandles,
): Promise<{ readonly decisions: readonly BarRecord[]; readonly halts: readonly HaltRecord[] }> {
  const store = await openStore({ path, readOnly: true });
  try {
    const stored = await store.decisions({ stream: tradable.stream });
    const decisions = stored.filter(({ decided }) => decided);
    if (decisions.length === 0) {
      const { exchange, symbol, timeframe } = tradable.stream;
      throw badInput(
        'E_LIKE',
        `${path} holds no decision for ${exchange}:${symbol}:${timeframe}`,
        'name the symbol and exchange of the stored run',
      );
    }
    return { decisions, halts: await store.halts() };
  } finally {
    await store.close();
  }
}

/** A model that has seen the bars it is tested on looks better than it is; a reader must be told. */
function seenInTraining(
  training: { readonly fromMs: number; readonly toMs: number } | null,
  openMs: Float64Array,
): string[] {
  if (training === null) return ['Nothing is known of what this model was trained on.'];
  const seen = openMs.reduce(
    (count, time) => (time >= training.fromMs && time <= training.toMs ? count + 1 : count),
    0,
  );
  if (seen === 0) return [];
  return [
    `The model was trained on ${seen} of these ${openMs.length} bars, so this looks better than anything it would do on new ones.`,
  ];
}

function print(
  io: CommandIo,
  json: boolean,
  report: ReportData,
  result: BacktestResult,
  differences: readonly Difference[] | null,
  reportFile: string | undefined,
): void {
  const count = differences?.length;
  if (json) {
    io.stdout.write(
      `${JSON.stringify({
        bars: result.bars.length,
        fills: result.fills.length,
        finalEquity: result.finalEquity,
        metrics: report.metrics,
        benchmark: report.benchmark,
        refusals: report.refusals,
        ...(count === undefined ? {} : { differences: count }),
        notes: report.notes,
      })}\n`,
    );
    return;
  }
  io.stdout.write(
    table(
      [['bars', String(result.bars.length), ''], ...figureRows(report.metrics, report.benchmark)],
      [1, 2],
    ),
  );
  for (const note of report.notes) io.stdout.write(`\n${note}\n`);
  if (reportFile !== undefined) io.stdout.write(`\nreport: ${reportFile}\n`);
  if (differences === null) return;
  io.stdout.write(`\ndecisions compared with the stored run: ${result.bars.length}, differences: ${count}\n`);
  for (const { openMs, layer, field, a, b } of differences.slice(0, 10)) {
    io.stdout.write(
      `  ${new Date(openMs).toISOString()} ${layer} ${field}: stored ${String(a)}, now ${String(b)}\n`,
    );
  }
}
