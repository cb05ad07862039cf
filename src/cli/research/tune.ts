import { Worker } from 'node:worker_threads';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { type ValuePlace, wrongUsage } from '../../console/option-table.js';
import { startProgress } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { EXIT, fault } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import {
  stepsOf,
  type TunedFold,
  trialVariance,
  tuneFold,
  type Variant,
} from '../../research/backtest/tune.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { foldFigures, pooledFigures } from '../../research/report/fold-figures.js';
import type { FromTuneThread, TuneWork } from '../../research/studies/tune-thread.js';
import { type WalkForwardInput, walkForwardInput } from '../../research/studies/walk-forward-input.js';
import { foldTable } from './fold-table.js';
import { openTuneState, tuneKey } from './tune-state.js';
import { FOLD_OPTIONS, foldRequest } from './walk-forward-options.js';

const VARIANTS_MAX = 1000;

const { candles, ...foldOptions } = FOLD_OPTIONS;

export const command = defineCommand({
  name: 'tune',
  summary: 'choose threshold and Kelly fraction, and say what the choice is worth',
  about: `For each fold of a walk-forward, tries every pair of confidence threshold and
Kelly fraction on the last quarter of the training window, with a model that
learned from the rest, takes the pair with the highest Sharpe ratio, and trades
the fold's test with it. What is printed is of those tests, which no choice has
seen; the Sharpe ratio is deflated by the number of pairs.`,
  options: {
    candles,
    thresholds: {
      value: 'LIST',
      help: 'confidence thresholds to try',
      default: '0.02,0.05,0.1,0.15,0.2,0.3',
      read: fractions,
    },
    kelly: { value: 'LIST', help: 'Kelly fractions to try', default: '0.1,0.25,0.5', read: fractions },
    state: {
      value: 'FILE',
      help: 'where finished folds are kept: the same command goes on where it was stopped',
      otherwise: 'tune-HASH.jsonl in this folder',
      completes: 'file',
    },
    ...foldOptions,
    json: { help: 'the figures as JSON' },
  },
  more: CANDLE_FILE_HELP,
  async run(values, io) {
    const { threads } = values;
    // One forest a thread: folds keep all cores busy.
    const request = foldRequest('tune', values, 1);
    const variants = variantsOf(values.thresholds, values.kelly);
    const input = await walkForwardInput(request, io.signal);
    const { file: __, ...told } = request;
    const key = tuneKey(input.sha256, told, variants);
    const file = values.state ?? `tune-${key.slice(0, 12)}.jsonl`;
    const state = openTuneState(file, key);
    const left = input.folds.map((_fold, i) => i).filter((i) => !state.done.has(i));
    const each = stepsOf(variants);
    const progress = startProgress(io.stderr, 'tune', input.folds.length * each, 'trials', () =>
      performance.now(),
    );
    let steps = state.done.size * each;
    const onStep = () => progress.update(++steps);
    if (threads === 1) await tuneHere(input, left, variants, onStep, state.add);
    else
      await tuneOnThreads({ request, variants }, left, Math.min(threads, left.length), io, onStep, state.add);
    progress.finish();
    print(
      io,
      values.json,
      input,
      variants,
      [...state.done].sort(([a], [b]) => a - b).map(([, fold]) => fold),
    );
    if (!values.json) io.stdout.write(`\nfolds: ${file}\n`);
    return EXIT.fine;
  },
});

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
  io: CommandIo,
  onStep: () => void,
  onFold: OnFold,
): Promise<void> {
  const waiting = [...left];
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('../../research/studies/tune-thread.js', import.meta.url), { workerData: work }),
  );
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(io.signal.reason);
    io.signal.addEventListener('abort', abort, { once: true });
    if (io.signal.aborted) abort();
  });
  try {
    await Promise.race([
      Promise.all(workers.map((worker) => follow(worker, () => waiting.shift(), onStep, onFold))),
      aborted,
    ]);
  } finally {
    io.signal.removeEventListener('abort', abort);
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

function fractions(text: string, { command, name }: ValuePlace): number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (part.trim() !== '' && value >= 0 && value <= 1) return value;
    throw wrongUsage(
      command,
      `${name} holds ${JSON.stringify(part)}, which is no number from 0 to 1`,
      'give numbers with commas between them',
    );
  });
}

function variantsOf(thresholds: readonly number[], kellyFractions: readonly number[]): Variant[] {
  const variants = thresholds.flatMap((confidenceThreshold) =>
    kellyFractions.map((kellyFraction) => ({ confidenceThreshold, kellyFraction })),
  );
  if (variants.length <= VARIANTS_MAX) return variants;
  throw wrongUsage(
    'tune',
    `${variants.length} pairs are more than ${VARIANTS_MAX}`,
    'what so many tries choose is chance: try fewer',
  );
}

function print(
  io: CommandIo,
  json: boolean,
  input: WalkForwardInput,
  variants: readonly Variant[],
  folds: readonly TunedFold[],
): void {
  const results = folds.map(({ result }) => result);
  const shown = folds.map(({ choice, trials, result }) => ({
    testFromMs: result.testFromMs,
    testToMs: result.testToMs,
    choice,
    trials,
    figures: foldFigures(result),
  }));
  const pooled = pooledFigures(results, input.barsPerYear, variants.length, trialVariance(folds));
  if (json) {
    io.stdout.write(`${JSON.stringify({ candles: input.sha256, variants, folds: shown, pooled })}\n`);
    return;
  }
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const chosen = shown.map(({ testFromMs, choice, trials }) => [
    day(testFromMs),
    String(choice.confidenceThreshold),
    String(choice.kellyFraction),
    trials
      .find(
        (trial) =>
          trial.confidenceThreshold === choice.confidenceThreshold &&
          trial.kellyFraction === choice.kellyFraction,
      )!
      .sharpe.toFixed(4),
  ]);
  io.stdout.write(foldTable(shown, pooled));
  io.stdout.write(
    `\n${table([['test from', 'threshold', 'Kelly', 'inner Sharpe, a bar'], ...chosen], [1, 2, 3])}`,
  );
}
