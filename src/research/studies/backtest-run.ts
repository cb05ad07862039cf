import { createFeatureKernel } from '../../adapters/native/features.js';
import type { Config } from '../../config/schema.js';
import {
  type Candle,
  type CandleColumns,
  candleAt,
  type StreamKey,
  sliceCandles,
} from '../../core/candle.js';
import { derivedRules } from '../../core/derived-rules.js';
import { badInput } from '../../core/errors.js';
import type { BarRecord, HaltRecord } from '../../core/records.js';
import { type Calendar, timeframeName } from '../../core/timeframe.js';
import { createInferenceLayer } from '../../pipeline/inference/index.js';
import type { StreamSetup } from '../../pipeline/layer-ports.js';
import { createStreamSetup } from '../../pipeline/stream-setup.js';
import { windowBarsOf } from '../../pipeline/stream-state.js';
import type { Classifier, FeatureKernel } from '../../ports/model.js';
import type { Clock } from '../../ports/time.js';
import { runBacktest } from '../backtest/backtest.js';
import type { BacktestResult } from '../backtest/backtest-collector.js';
import type { FillModel } from '../backtest/backtest-exchange.js';
import { inferCalendar, type LoadedCandles, loadCandles, mustHaveCandles } from '../candles/load-candles.js';

/** A candle file ready to be traded on: what it is of, and its validated candles. */
export interface TradableCandles {
  readonly loaded: LoadedCandles;
  readonly stream: StreamKey;
  readonly calendar: Calendar;
}

/** Reads and validates a candle file, and finds out timeframe and calendar where they are not given. */
export async function loadTradable(
  file: string,
  given: { readonly exchange: string; readonly symbol: string; readonly calendar?: Calendar },
  rules: Config['ingestion']['rules'],
  allowQuarantined = false,
): Promise<TradableCandles> {
  const loaded = await loadCandles(file, { rules, nowMs: Date.now() });
  await mustHaveCandles(loaded, rules, allowQuarantined);
  const stepMs = loaded.timeframeMs;
  const timeframe = stepMs === undefined ? undefined : timeframeName(stepMs);
  if (timeframe === undefined) {
    throw badInput(
      'E_TIMEFRAME',
      `${file}: no timeframe fits the steps between its rows`,
      'give candles of equal length',
    );
  }
  return {
    loaded,
    stream: { exchange: given.exchange, symbol: given.symbol, timeframe },
    calendar: given.calendar ?? inferCalendar(loaded.candles.openMs),
  };
}

export interface BacktestRequest {
  readonly tradable: Pick<TradableCandles, 'stream' | 'calendar'> & {
    readonly loaded: Pick<LoadedCandles, 'candles'>;
  };
  readonly classifier: Classifier;
  readonly config: Config;
  readonly fillModel: FillModel;
  /** A stored run to repeat: its halts, and the bars it decided on. */
  readonly like?: { readonly decisions: readonly BarRecord[]; readonly halts: readonly HaltRecord[] };
  /** Candles that the market's steps are read from; the tradable ones when left out. */
  readonly rulesFrom?: CandleColumns;
  /** Each bar's record in the result; left out, only with `like`. */
  readonly keepDecisions?: boolean;
  readonly onProgress: (done: number) => void;
}

/** Runs the pipeline over the candles; with `like`, over just the bars that the stored run decided on. */
export async function backtestOf(request: BacktestRequest): Promise<BacktestResult> {
  const { tradable, classifier, config, like } = request;
  const { stream, calendar } = tradable;
  const all = tradable.loaded.candles;
  const { warmUp, candles } = like
    ? cutLike(all, like.decisions, Math.max(WARM_UP_BARS, windowBarsOf(config)))
    : { warmUp: [], candles: all };
  return runBacktest({
    candles,
    warmUp,
    makeStream: streamMaker({
      stream,
      calendar,
      rulesFrom: request.rulesFrom ?? all,
      classifier,
      config,
      kernel: createFeatureKernel(),
    }),
    model: classifier.manifest,
    config,
    startCash: String(config.execution.paperStartCash),
    fillModel: request.fillModel,
    // A new box is halted until somebody arms it.
    ...(like ? { halts: like.halts, initialState: 'HALTED' as const } : {}),
    // Only a comparison reads the records; a million of them would not fit into a small box's memory.
    keepDecisions: request.keepDecisions ?? like !== undefined,
    withDrift: true,
    onProgress: request.onProgress,
  });
}

/** Makes a stream's layers 1 to 3 for a backtest; the market's steps are read from `rulesFrom`. */
export function streamMaker(parts: {
  readonly stream: StreamKey;
  readonly calendar: Calendar;
  readonly rulesFrom: CandleColumns;
  readonly classifier: Classifier;
  readonly config: Config;
  readonly kernel: FeatureKernel;
}): (clock: Clock) => StreamSetup {
  const { stream, calendar, classifier, config, kernel } = parts;
  const marketRules = derivedRules(stream.symbol, parts.rulesFrom, String(config.execution.takerFeeRate));
  return (clock) =>
    createStreamSetup({
      key: stream,
      calendar,
      marketRules,
      ingestion: config.ingestion,
      kernel,
      inference: createInferenceLayer({ classifier }),
      clock,
    });
}

/** Candles before the first decided bar that fill the windows, with a margin. */
const WARM_UP_BARS = 256;

function cutLike(
  all: CandleColumns,
  decisions: readonly BarRecord[],
  warmUpBars: number,
): { readonly warmUp: readonly Candle[]; readonly candles: CandleColumns } {
  const first = decisions[0]?.candle.openMs ?? Number.POSITIVE_INFINITY;
  const last = decisions.at(-1)?.candle.openMs ?? Number.NEGATIVE_INFINITY;
  let from = 0;
  while (from < all.length && all.openMs[from]! < first) from++;
  let to = from;
  while (to < all.length && all.openMs[to]! <= last) to++;
  const warmUp = Array.from({ length: Math.min(from, warmUpBars) }, (_, i) =>
    candleAt(all, from - Math.min(from, warmUpBars) + i),
  );
  return {
    warmUp,
    candles: sliceCandles(all, from, to),
  };
}
