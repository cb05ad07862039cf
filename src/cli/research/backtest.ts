import { writeDurably } from '../../adapters/files/durable-file.js';
import { createFeatureKernel } from '../../adapters/native/features.js';
import { loadClassifier } from '../../adapters/onnx/classifier.js';
import { loadConfig } from '../../config/load.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { wrongUsage } from '../../console/option-table.js';
import { number } from '../../console/option-values.js';
import { startProgress } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { type CandleColumns, sliceCandles } from '../../core/candle.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { BarRecord, HaltRecord } from '../../core/records.js';
import type { Classifier } from '../../ports/model.js';
import type { InstrumentResult } from '../../research/backtest/backtest-collector.js';
import type { FillModel } from '../../research/backtest/backtest-world.js';
import type { CandleSource } from '../../research/backtest/bar-reader.js';
import { compareDecisions, type Difference } from '../../research/backtest/compare.js';
import { barsOfResult } from '../../research/backtest/run-bars.js';
import { runTimeline } from '../../research/backtest/timeline.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { type ReportData, renderReport } from '../../research/report/index.js';
import { reportOf } from '../../research/report/run-report.js';
import {
  BACKTEST_INPUT_HELP,
  type BacktestInput,
  type InputStream,
  openBacktestInput,
} from '../../research/studies/backtest-input.js';
import { backtestOf, defaultConfig, streamMaker } from '../../research/studies/backtest-run.js';
import { openHeldStore } from '../../research/studies/held-store.js';
import { belowThreshold, hashesOf, refusedRows, seenInTraining } from './backtest-notes.js';
import { FILL_OPTIONS, fillModelOf } from './fill-options.js';
import { figureRows, settingsShown } from './run-settings.js';
import { STUDY_CONFIG } from './study-config.js';

export const command = defineCommand({
  name: 'backtest',
  summary: 'run the pipeline over stored or downloaded candles',
  about: `Runs the very pipeline of the service over candles, with a paper broker that
fills at a price ± half the spread, and prints what came of it.`,
  options: {
    candles: {
      value: 'SOURCE',
      help: 'where the candles are, see below',
      required: true,
      many: true,
      completes: 'file',
    },
    model: { value: 'DIR', help: 'the model that decides', required: true, completes: 'folder' },
    symbol: {
      value: 'SYMBOL',
      help: 'what to trade, as in BTC/USDT',
      many: true,
      otherwise:
        "all that the sources hold; a file that does not say is of the first symbol of --config, else of the model's, else BTC/USDT",
    },
    timeframe: { value: 'TF', help: 'where a source holds several, as in 1m, 1h, 1d' },
    exchange: {
      value: 'ID',
      help: 'where they trade',
      otherwise: "that of --config, else the model's, else binance",
    },
    config: STUDY_CONFIG,
    threshold: {
      value: 'X',
      help: 'confidence threshold in place of the configured one',
      read: number(0, 1),
    },
    ...FILL_OPTIONS,
    like: {
      value: 'STORE',
      help: 'repeat a stored run (redbutton.duckdb): its bars, with its halts; then compare each decision, bit for bit',
      completes: 'file',
    },
    report: {
      value: 'FILE.html',
      help: 'write a report, one self-contained page',
      completes: 'file',
    },
    json: { help: 'the figures as JSON' },
  },
  more: `Exit codes: 0 fine; 1 decisions differ from those of --like, or failed; 2 bad
input.

${BACKTEST_INPUT_HELP}
${CANDLE_FILE_HELP}`,
  async run(values, io) {
    const { threshold } = values;
    const classifier = await loadClassifier(values.model);
    let input: BacktestInput | undefined;
    try {
      const { manifest } = classifier;
      const base = values.config === undefined ? defaultConfig() : loadConfig(values.config);
      const config =
        threshold === undefined
          ? base
          : { ...base, signals: { ...base.signals, confidenceThreshold: threshold } };
      const venue = config.exchange[0]!;
      const paths = boxPaths(config);
      const fills = await fillModelOf(values, config, paths);
      input = await openBacktestInput({
        candles: values.candles,
        symbols: values.symbol,
        given:
          values.config === undefined
            ? {
                exchange: values.exchange ?? manifest.training?.exchange ?? venue.id,
                symbol: manifest.training?.symbol ?? venue.symbols[0]!,
              }
            : { exchange: values.exchange ?? venue.id, symbol: venue.symbols[0]!, calendar: venue.calendar },
        timeframe: values.timeframe,
        rules: config.ingestion.rules,
        paths,
      });
      const { streams } = input;
      if (values.like !== undefined && streams.length > 1)
        throw wrongUsage('backtest', '--like repeats one symbol', 'name it with --symbol');
      const like = values.like === undefined ? undefined : await storedRun(values.like, streams[0]!, paths);
      const progress = startProgress(
        io.stderr,
        'backtest',
        streams.reduce((sum, { rows }) => sum + rows, 0),
        'bars',
        () => performance.now(),
      );
      const { results, finalEquity } = await resultsOf(
        streams,
        classifier,
        config,
        fills.model,
        like,
        (done) => {
          io.signal.throwIfAborted();
          progress.update(done);
        },
      );
      progress.finish();

      const { calendar, stream } = streams[0]!;
      const orders = results.flatMap(({ executions }) => executions);
      const report = reportOf({
        kind: 'backtest',
        instruments: results
          .filter(({ bars }) => bars.length > 0)
          .map((result) => ({
            stream: result.stream,
            bars: barsOfResult(result),
          })),
        calendar,
        fills: results.flatMap((result) => result.fills).sort((a, b) => a.atMs - b.atMs),
        orders,
        halts: like?.halts ?? [],
        rejectedRows: refusedRows(streams, results),
        horizonBars: manifest.horizonBars,
        confidenceThreshold: config.signals.confidenceThreshold,
        aucWindow: config.monitoring.aucWindow,
        aucCritical: config.monitoring.aucCritical,
        startCash: config.execution.paperStartCash,
        madeAtMs: Date.now(),
        settings: settingsShown({ ...config, timeframe: stream.timeframe }, calendar, fills.words),
        hashes: hashesOf(streams, manifest.sha256),
        notes: [
          ...seenInTraining(manifest.training, results),
          ...belowThreshold(results, config.signals.confidenceThreshold),
        ],
      });
      if (values.report !== undefined) await writeDurably(values.report, renderReport(report));
      const differences = like ? compareDecisions(like.decisions, results[0]!.decisions) : null;
      print(io, values.json, report, { results, finalEquity }, differences, values.report);
      return differences !== null && differences.length > 0 ? EXIT.failed : EXIT.fine;
    } finally {
      await input?.close();
      await classifier.close();
    }
  },
});

/** Fails where no row of a source was a candle. */
async function resultsOf(
  streams: readonly InputStream[],
  classifier: Classifier,
  config: Config,
  fillModel: FillModel,
  like: StoredRun | undefined,
  onProgress: (done: number) => void,
): Promise<{ readonly results: readonly InstrumentResult[]; readonly finalEquity: number }> {
  const common = { classifier, config, fillModel, onProgress };
  if (like !== undefined) {
    const one = streams[0]!;
    const candles = await whole(one.candles);
    const result = await backtestOf({ ...common, tradable: { ...one, loaded: { candles } }, like });
    return { results: [result], finalEquity: result.finalEquity };
  }
  const kernel = createFeatureKernel();
  const { instruments, finalEquity } = await runTimeline({
    instruments: streams.map((one) => ({
      candles: one.candles,
      rowsExpected: one.rows,
      makeStream: streamMaker({ ...one, rulesFrom: one.newest, classifier, config, kernel }),
    })),
    model: classifier.manifest,
    config,
    startCash: String(config.execution.paperStartCash),
    fillModel,
    // A record is some 500 bytes: a million of them would not fit into a small box's memory.
    keepDecisions: false,
    withDrift: true,
    onProgress,
  });
  if (instruments.every(({ bars }) => bars.length === 0)) {
    const reasons = Object.keys(Object.assign({}, ...instruments.map(({ rejections }) => rejections)));
    throw badInput(
      'E_NO_CANDLES',
      `validation (${config.ingestion.rules}) refused all rows of the candles: ${reasons.join(', ')}`,
      'check that the source holds candles, and that its columns are named rightly',
    );
  }
  return { results: instruments, finalEquity };
}

/** A source's candles in one piece. */
async function whole(source: CandleSource): Promise<CandleColumns> {
  if (!(Symbol.asyncIterator in source)) return source;
  const parts: CandleColumns[] = [];
  for await (const part of source) parts.push(part);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const column = (name: Exclude<keyof CandleColumns, 'length'>) => {
    const values = new Float64Array(length);
    let at = 0;
    for (const part of parts) {
      values.set(sliceCandles(part, 0, part.length)[name], at);
      at += part.length;
    }
    return values;
  };
  return {
    length,
    openMs: column('openMs'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    volume: column('volume'),
  };
}

interface StoredRun {
  readonly decisions: readonly BarRecord[];
  readonly halts: readonly HaltRecord[];
}

async function storedRun(
  path: string,
  { stream }: InputStream,
  paths: ReturnType<typeof boxPaths>,
): Promise<StoredRun> {
  const { store, close } = await openHeldStore(path, paths);
  try {
    const stored = await store.decisions({ stream });
    const decisions = stored.filter(({ decided }) => decided);
    if (decisions.length === 0) {
      const { exchange, symbol, timeframe } = stream;
      throw badInput(
        'E_LIKE',
        `${path} holds no decision for ${exchange}:${symbol}:${timeframe}`,
        'name the symbol and exchange of the stored run',
      );
    }
    return { decisions, halts: await store.halts() };
  } finally {
    await close();
  }
}

function print(
  io: CommandIo,
  json: boolean,
  report: ReportData,
  { results, finalEquity }: Awaited<ReturnType<typeof resultsOf>>,
  differences: readonly Difference[] | null,
  reportFile: string | undefined,
): void {
  const count = differences?.length;
  const bars = results.reduce((sum, result) => sum + result.bars.length, 0);
  const fills = results.reduce((sum, result) => sum + result.fills.length, 0);
  if (json) {
    io.stdout.write(
      `${JSON.stringify({
        bars,
        fills,
        finalEquity,
        metrics: report.metrics,
        benchmark: report.benchmark,
        refusals: report.denials,
        ...(count === undefined ? {} : { differences: count }),
        notes: report.notes,
      })}\n`,
    );
    return;
  }
  io.stdout.write(
    table([['bars', String(bars), ''], ...figureRows(report.metrics, report.benchmark)], [1, 2]),
  );
  for (const note of report.notes) io.stdout.write(`\n${note}\n`);
  if (reportFile !== undefined) io.stdout.write(`\nreport: ${reportFile}\n`);
  if (differences === null) return;
  io.stdout.write(`\ndecisions compared with the stored run: ${bars}, differences: ${count}\n`);
  for (const { openMs, layer, field, a, b } of differences.slice(0, 10)) {
    io.stdout.write(
      `  ${new Date(openMs).toISOString()} ${layer} ${field}: stored ${String(a)}, now ${String(b)}\n`,
    );
  }
}
