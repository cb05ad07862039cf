import { Worker } from 'node:worker_threads';
import { fault } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { stepsOf, type TunedFold, trialVariance, tuneFold, type Variant } from '../backtest/tune.js';
import type { Judgement } from '../candles/load-candles.js';
import { type FoldFigures, foldFigures, type PooledFigures, pooledFigures } from '../report/fold-figures.js';
import { openTuneState, tuneKey } from './tune-state.js';
import type { FromTuneThread, TuneWork } from './tune-thread.js';
import { type WalkForwardInput, type WalkForwardRequest, walkForwardInput } from './walk-forward-input.js';

export interface TuneStudy {
  /** Each forest of it grows on one thread: folds keep all cores busy. */
  readonly request: WalkForwardRequest;
  readonly variants: readonly Variant[];
  readonly threads: number;
  /** Where finished folds are kept; named after the study in the working folder where undefined. */
  readonly stateFile: string | undefined;
  readonly onProgress: (trialsDone: number, trials: number) => void;
  readonly signal: AbortSignal;
}

export interface TuneOutcome {
  /** Of the candle file. */
  readonly sha256: string;
  readonly judgement: Judgement;
  readonly folds: readonly (Pick<TunedFold, 'choice' | 'trials'> & {
    readonly testFromMs: number;
    readonly testToMs: number;
    readonly noModel?: string;
    readonly figures: FoldFigures;
  })[];
  readonly pooled: PooledFigures;
  readonly stateFile: string;
}

/** Tunes the folds that the state does not hold yet, and sums all of them up. */
export async function studyTune(study: TuneStudy): Promise<TuneOutcome> {
  const { request, variants, threads, signal } = study;
  const input = await walkForwardInput(request, signal);
  const { file: _, allowQuarantined: __, ...asked } = request;
  const key = tuneKey(input.sha256, asked, variants);
  const stateFile = study.stateFile ?? `tune-${key.slice(0, 12)}.jsonl`;
  const state = openTuneState(stateFile, key);
  const left = input.folds.map((_fold, i) => i).filter((i) => !state.done.has(i));
  const each = stepsOf(variants);
  let steps = state.done.size * each;
  const report = () => study.onProgress(steps, input.folds.length * each);
  const onStep = () => {
    steps++;
    report();
  };
  study.onProgress(0, input.folds.length * each);
  if (threads === 1) await tuneHere(input, left, variants, onStep, state.add);
  else
    await tuneOnThreads(
      { request, variants },
      left,
      Math.min(threads, left.length),
      signal,
      onStep,
      state.add,
    );
  const folds = [...state.done].sort(([a], [b]) => a - b).map(([, fold]) => fold);
  const results = folds.map(({ result }) => result);
  return {
    sha256: input.sha256,
    judgement: input.judgement,
    folds: folds.map(({ choice, trials, result }) => ({
      testFromMs: result.testFromMs,
      testToMs: result.testToMs,
      ...(result.noModel === undefined ? {} : { noModel: result.noModel }),
      choice,
      trials,
      figures: foldFigures(result),
    })),
    pooled: pooledFigures(results, input.barsPerYear, variants.length, trialVariance(folds)),
    stateFile,
  };
}

type OnFold = (index: number, fold: TunedFold) => void;

async function tuneHere(
  input: WalkForwardInput,
  left: readonly number[],
  variants: readonly Variant[],
  onStep: () => void,
  onFold: OnFold,
): Promise<void> {
  for (const i of left) {
    onFold(
      i,
      await tuneFold(input.world, input.folds[i]!, variants, timeframeMs(input.timeframe), { onStep }),
    );
  }
}

/** Each thread takes the next fold when it has done one; the first fault, or an abort, ends all of them. */
async function tuneOnThreads(
  work: TuneWork,
  left: readonly number[],
  threads: number,
  signal: AbortSignal,
  onStep: () => void,
  onFold: OnFold,
): Promise<void> {
  const waiting = [...left];
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./tune-thread.js', import.meta.url), { workerData: work }),
  );
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
  try {
    await Promise.race([
      Promise.all(workers.map((worker) => follow(worker, () => waiting.shift(), onStep, onFold))),
      aborted,
    ]);
  } finally {
    signal.removeEventListener('abort', abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function follow(
  worker: Worker,
  next: () => number | undefined,
  onStep: () => void,
  onFold: OnFold,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const more = () => {
      const index = next();
      if (index === undefined) resolve();
      else worker.postMessage(index);
    };
    worker.on('message', (message: FromTuneThread) => {
      if (message.type === 'step') onStep();
      else if (message.type === 'fault') reject(fault('E_TUNE', message.message, 'see the message'));
      else {
        if (message.type === 'fold') onFold(message.index, message.fold);
        more();
      }
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(fault('E_TUNE', `a tuning thread ended with ${code}`, 'report this')));
  });
}
