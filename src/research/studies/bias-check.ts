import { loadClassifier } from '../../adapters/onnx/classifier.js';
import type { Config } from '../../config/schema.js';
import type { CandleColumns } from '../../core/candle.js';
import { seededRng } from '../../core/seeded-rng.js';
import type { Classifier } from '../../ports/model.js';
import { type BiasCheck, checkLookahead, checkRecursive, type Decide } from '../backtest/bias-check.js';
import { type Judgement, judgementOf } from '../candles/load-candles.js';
import { backtestOf, loadTradable, type TradableCandles } from './backtest-run.js';
import { studyConfig } from './study-config.js';

const SEED = 1;

export interface BiasStudy {
  readonly what: 'lookahead' | 'recursive';
  /** The candle file. */
  readonly candles: string;
  /** The folder of the model. */
  readonly model: string;
  readonly configFile: string | undefined;
  readonly allowQuarantined: boolean;
  /** Candles of the file's end in use. */
  readonly bars: number;
  /** Places, or lengths of history. */
  readonly runs: number;
  readonly onProgress: (runsDone: number, runs: number) => void;
  readonly signal: AbortSignal;
}

/** Looks for decisions that know the future, or that depend on how long their past is. */
export async function studyBias(study: BiasStudy): Promise<BiasCheck & { readonly judgement: Judgement }> {
  const config = studyConfig(study.configFile);
  const exchange = config.exchange[0]!;
  const classifier = await loadClassifier(study.model);
  try {
    const tradable = await loadTradable(
      study.candles,
      { exchange: exchange.id, symbol: exchange.symbols[0]! },
      config.ingestion.rules,
      study.allowQuarantined,
    );
    const decide = deciderOf(tradable, classifier, config, study.signal);
    const candles = lastOf(tradable.loaded.candles, study.bars);
    const { runs } = study;
    const total = study.what === 'lookahead' ? runs * 3 : runs;
    const onRun = (done: number) => study.onProgress(done, total);
    onRun(0);
    const check =
      study.what === 'lookahead'
        ? await checkLookahead(decide, candles, runs, seededRng(SEED), onRun)
        : await checkRecursive(decide, candles, runs, onRun);
    return { ...check, judgement: judgementOf(tradable.loaded) };
  } finally {
    await classifier.close();
  }
}

function deciderOf(
  tradable: TradableCandles,
  classifier: Classifier,
  config: Config,
  signal: AbortSignal,
): Decide {
  return async (candles) => {
    signal.throwIfAborted();
    const { decisions } = await backtestOf({
      tradable: { ...tradable, loaded: { ...tradable.loaded, candles } },
      classifier,
      config,
      fillModel: { halfSpreadBps: config.execution.paperSlippageBps },
      keepDecisions: true,
      // Market rules are those of the whole file: a price tick is no knowledge of the future.
      rulesFrom: tradable.loaded.candles,
      onProgress: () => undefined,
    });
    return decisions;
  };
}

function lastOf(candles: CandleColumns, bars: number): CandleColumns {
  const part = (values: Float64Array) => values.subarray(Math.max(0, candles.length - bars));
  return {
    length: Math.min(bars, candles.length),
    openMs: part(candles.openMs),
    open: part(candles.open),
    high: part(candles.high),
    low: part(candles.low),
    close: part(candles.close),
    volume: part(candles.volume),
  };
}
