import { openStore } from '../../adapters/duckdb/index.js';
import { createFeatureKernel } from '../../adapters/native/features.js';
import { createModelFinder } from '../../adapters/onnx/model-finder.js';
import { loadConfig } from '../../config/load.js';
import { boxPaths, type Paths } from '../../config/paths.js';
import { type StreamKey, streamName } from '../../core/candle.js';
import { badInput } from '../../core/errors.js';
import type { BarRecord } from '../../core/records.js';
import { type Verification, verifyDecisions } from '../backtest/verify.js';
import { openHeldStore } from './held-store.js';

export interface DecisionStudy {
  readonly fromMs: number | undefined;
  /** Exclusive. */
  readonly toMs: number | undefined;
  /** The database; the configured one where undefined. */
  readonly store: string | undefined;
  /** Models, or folders of them; the configured ones when empty. */
  readonly models: readonly string[];
  /** Not read where `store` and `models` are given. */
  readonly configFile: string;
  readonly onProgress: (stream: string, barsDone: number, bars: number) => void;
  readonly signal: AbortSignal;
}

export interface VerifiedStream {
  readonly stream: string;
  readonly result: Verification;
}

/** Recomputes what was decided in a period. Throws `E_VERIFY_EMPTY` where that was nothing. */
export async function studyDecisions(study: DecisionStudy): Promise<readonly VerifiedStream[]> {
  const { fromMs, toMs } = study;
  const { store: path, models, paths } = placesOf(study);
  const { store, close } = await openPlace(path, paths);
  const finder = createModelFinder(models);
  try {
    const streams = byStream(await store.decisions(toMs === undefined ? {} : { toMs }));
    const runs = await store.runs();
    const replayed = await store.replayedBars();
    const found: VerifiedStream[] = [];
    for (const [name, decisions] of streams) {
      const { stream } = decisions[0]!;
      const first = decisions.findIndex(
        ({ candle }) => candle.openMs >= (fromMs ?? Number.NEGATIVE_INFINITY),
      );
      if (first === -1) continue;
      const bars = decisions.length - first;
      study.onProgress(name, 0, bars);
      const result = await verifyDecisions({
        stream,
        decisions,
        candles: await store.knownCandles(stream, undefined, toMs),
        runs,
        replayed: replayed.filter((bar) => streamName(bar.stream) === name).map(({ openMs }) => openMs),
        modelOf: (hash) => finder.find(hash),
        kernel: createFeatureKernel(),
        ...(fromMs === undefined ? {} : { fromMs }),
        onProgress: (done) => {
          study.signal.throwIfAborted();
          if (done > 0) study.onProgress(name, done, bars);
        },
      });
      found.push({ stream: name, result });
    }
    if (found.length === 0)
      throw badInput('E_VERIFY_EMPTY', `${path} holds no decision of this period`, 'name another period');
    return found;
  } finally {
    await finder.close();
    await close();
  }
}

async function openPlace(path: string, paths: Paths | null): ReturnType<typeof openHeldStore> {
  if (paths !== null) return openHeldStore(path, paths);
  const store = await openStore({ path, readOnly: true });
  return { store, close: () => store.close() };
}

function placesOf(study: DecisionStudy): {
  readonly store: string;
  readonly models: readonly string[];
  readonly paths: Paths | null;
} {
  if (study.store !== undefined && study.models.length > 0) {
    return { store: study.store, models: study.models, paths: null };
  }
  const config = loadConfig(study.configFile);
  const paths = boxPaths(config);
  return {
    paths,
    store: study.store ?? paths.database,
    models: study.models.length > 0 ? study.models : [config.modelDir, paths.models],
  };
}

function byStream(decisions: readonly BarRecord[]): ReadonlyMap<string, BarRecord[]> {
  const streams = new Map<string, BarRecord[]>();
  for (const record of decisions) {
    const name = streamName(record.stream as StreamKey);
    const known = streams.get(name);
    if (known) known.push(record);
    else streams.set(name, [record]);
  }
  return streams;
}
