import { writeDurably } from '../../adapters/files/durable-file.js';
import { createFeatureKernel } from '../../adapters/native/features.js';
import { loadClassifier } from '../../adapters/onnx/classifier.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { type CandleColumns, sliceCandles } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import type { BarRecord, HaltRecord } from '../../core/records.js';
import type { Classifier } from '../../ports/model.js';
import type { InstrumentResult } from '../backtest/backtest-collector.js';
import type { FillModel } from '../backtest/backtest-exchange.js';
import type { CandleSource } from '../backtest/bar-reader.js';
import { compareDecisions, type Difference } from '../backtest/compare.js';
import { barsOfResult } from '../backtest/run-bars.js';
import { runTimeline } from '../backtest/timeline.js';
import type { Judgement } from '../candles/load-candles.js';
import { type ReasonCount, type ReportData, renderReport } from '../report/index.js';
import { reportOf } from '../report/run-report.js';
import { type BacktestInput, type InputStream, openBacktestInput } from './backtest-input.js';
import { belowThreshold, hashesOf, quarantinedRows, seenInTraining } from './backtest-notes.js';
import { backtestOf, streamMaker } from './backtest-run.js';
import { type FillRequest, fillModelOf } from './fill-model.js';
import { openHeldStore } from './held-store.js';
import { settingsShown } from './shown-settings.js';
import { studyConfig } from './study-config.js';
import { valuelessFeatures } from './valueless-features.js';

export interface BacktestStudy {
  /** `[SYMBOL=]PATH` each. */
  readonly candles: readonly string[];
  /** Of what the sources hold, the symbols to trade: all when empty. */
  readonly symbols: readonly string[];
  readonly timeframe: string | undefined;
  readonly exchange: string | undefined;
  /** The folder of the model. */
  readonly model: string;
  readonly configFile: string | undefined;
  readonly confidenceThreshold: number | undefined;
  readonly fills: FillRequest;
  readonly allowQuarantined: boolean;
  /** A database whose run is repeated, and compared decision by decision. */
  readonly like: string | undefined;
  /** Where the report's page goes. */
  readonly reportFile: string | undefined;
  /** What the report names as the program that made it. */
  readonly code: string;
  readonly onProgress: (barsDone: number, bars: number) => void;
  readonly signal: AbortSignal;
}

export interface BacktestOutcome {
  readonly report: ReportData;
  /** What became of the rows of each CSV file. */
  readonly files: readonly Judgement[];
  /** Rows that were no candles, by reason, of all sources. */
  readonly quarantined: readonly ReasonCount[];
  readonly bars: number;
  readonly fills: number;
  readonly finalEquity: number;
  /** Null where no stored run was repeated. */
  readonly differences: readonly Difference[] | null;
}

/** Trades the candles with the model through the pipeline, and reports on it. */
export async function studyBacktest(study: BacktestStudy): Promise<BacktestOutcome> {
  const classifier = await loadClassifier(study.model);
  let input: BacktestInput | undefined;
  try {
    const config = studyConfig(study.configFile, study.confidenceThreshold);
    const paths = boxPaths(config);
    const fills = await fillModelOf(study.fills, config, paths);
    input = await openInput(study, config, classifier.manifest);
    const { streams } = input;
    if (study.like !== undefined && streams.length > 1)
      throw badInput('E_USAGE', 'backtest: --like repeats one symbol', 'name it with --symbol');
    const like = study.like === undefined ? undefined : await storedRun(study.like, streams[0]!, paths);
    const rows = streams.reduce((sum, one) => sum + one.rows, 0);
    study.onProgress(0, rows);
    const { results, finalEquity } = await resultsOf(
      streams,
      classifier,
      config,
      fills.model,
      like,
      (done) => {
        study.signal.throwIfAborted();
        study.onProgress(done, rows);
      },
    );
    const report = reportOn(
      study,
      config,
      classifier.manifest,
      streams,
      results,
      fills.words,
      like?.halts ?? [],
    );
    if (study.reportFile !== undefined) await writeDurably(study.reportFile, renderReport(report));
    return {
      report,
      quarantined: quarantinedRows(streams, results),
      files: streams.flatMap(({ judgement }) => (judgement === undefined ? [] : [judgement])),
      bars: results.reduce((sum, result) => sum + result.bars.length, 0),
      fills: results.reduce((sum, result) => sum + result.fills.length, 0),
      finalEquity,
      differences: like ? compareDecisions(like.decisions, results[0]!.decisions) : null,
    };
  } finally {
    await input?.close();
    await classifier.close();
  }
}

function openInput(
  study: BacktestStudy,
  config: Config,
  { training }: ModelManifest,
): Promise<BacktestInput> {
  const exchange = config.exchange[0]!;
  const given =
    study.configFile === undefined
      ? {
          exchange: study.exchange ?? training?.exchange ?? exchange.id,
          symbol: training?.symbol ?? exchange.symbols[0]!,
        }
      : {
          exchange: study.exchange ?? exchange.id,
          symbol: exchange.symbols[0]!,
          calendar: exchange.calendar,
        };
  return openBacktestInput({
    candles: study.candles,
    symbols: study.symbols,
    given,
    timeframe: study.timeframe,
    rules: config.ingestion.rules,
    allowQuarantined: study.allowQuarantined,
    paths: boxPaths(config),
  });
}

function reportOn(
  study: BacktestStudy,
  config: Config,
  manifest: ModelManifest,
  streams: readonly InputStream[],
  results: readonly InstrumentResult[],
  fillRule: string,
  halts: readonly HaltRecord[],
): ReportData {
  const { calendar, stream } = streams[0]!;
  const valueless = streams.flatMap(({ newest, stream: { symbol } }, i) =>
    (results[i]?.silent.no_value ?? 0) > 0 ? valuelessFeatures(newest).map((why) => `${symbol}: ${why}`) : [],
  );
  return reportOf({
    kind: 'backtest',
    instruments: results
      .filter(({ bars }) => bars.length > 0)
      .map((result) => ({ stream: result.stream, bars: barsOfResult(result) })),
    calendar,
    fills: results.flatMap((result) => result.fills).sort((a, b) => a.atMs - b.atMs),
    orders: results.flatMap(({ executions }) => executions),
    halts,
    quarantinedRows: quarantinedRows(streams, results),
    horizonBars: manifest.horizonBars,
    confidenceThreshold: config.signals.confidenceThreshold,
    aucWindow: config.monitoring.aucWindow,
    aucCritical: config.monitoring.aucCritical,
    startCash: config.execution.paperStartCash,
    madeAtMs: Date.now(),
    settings: settingsShown({ ...config, timeframe: stream.timeframe }, calendar, fillRule),
    hashes: hashesOf(streams, manifest.sha256, study.code),
    notes: [
      ...seenInTraining(manifest.training, results),
      ...(valueless.length > 0 ? valueless : belowThreshold(results, config.signals.confidenceThreshold)),
    ],
  });
}

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
    const reasons = Object.keys(Object.assign({}, ...instruments.map(({ quarantined }) => quarantined)));
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
