import { defineCommand } from '../../console/command.js';
import { type ValuePlace, wrongUsage } from '../../console/option-table.js';
import { progressOf } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import type { Variant } from '../../research/backtest/tune.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { studyTune, type TuneOutcome } from '../../research/studies/tune.js';
import { candlesJson, candlesText } from './candle-input.js';
import { foldTable } from './fold-table.js';
import { FOLD_OPTIONS, foldRequest } from './walk-forward-options.js';

const VARIANTS_MAX = 1000;

const { candles, ...foldOptions } = FOLD_OPTIONS;

export const command = defineCommand({
  name: 'tune',
  summary: 'choose threshold and Kelly fraction, and test the choice',
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
      help: 'where finished folds are kept: the same command continues where it was stopped',
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
    const variants = variantsOf(values.thresholds, values.kelly);
    const progress = progressOf(io.stderr, 'tune', 'trials');
    const outcome = await studyTune({
      request: foldRequest('tune', values, 1),
      variants,
      threads,
      stateFile: values.state,
      onProgress: progress.report,
      signal: io.signal,
    });
    progress.finish();
    const { sha256, judgement, folds, pooled, stateFile } = outcome;
    if (values.json)
      io.stdout.write(
        `${JSON.stringify({ candles: sha256, files: [candlesJson(judgement)], variants, folds, pooled })}\n`,
      );
    else {
      io.stdout.write(
        `${foldTable(folds, pooled)}\n${choiceTable(folds)}${candlesText([judgement])}\nfolds: ${stateFile}\n`,
      );
    }
    return EXIT.fine;
  },
});

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

/** What was chosen for each fold, and how well it did on the inner test. */
function choiceTable(folds: TuneOutcome['folds']): string {
  const rows = folds.map(({ testFromMs, choice, trials }) => [
    new Date(testFromMs).toISOString().slice(0, 10),
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
  return table([['test from', 'threshold', 'Kelly', 'inner Sharpe, a bar'], ...rows], [1, 2, 3]);
}
