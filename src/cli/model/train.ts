import { availableParallelism } from 'node:os';
import { writeModelFolder } from '../../adapters/files/model-shelf.js';
import { createForestTrainer } from '../../adapters/native/forest.js';
import type { CommandIo } from '../../console/io.js';
import { startProgress, table } from '../../console/terminal.js';
import { badInput, EXIT } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { manifestText } from '../../core/manifest-schema.js';
import type { Calendar } from '../../core/timeframe.js';
import { FOREST_DEFAULTS, trainModel } from '../../learning/train.js';
import type { ForestOptions } from '../../ports/model.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { readTrainingInput, type TrainingInput } from '../../research/studies/training-input.js';
import { type Command, parseOptions, required } from '../command.js';
import { timeOption } from '../time-option.js';
import { wholeNumber } from '../whole-number.js';

export const command: Command = {
  name: 'train',
  summary: 'train a model on a candle file',
  help: `Usage: redbutton train --candles FILE --out DIR [OPTION ...]

Validates the candles, computes their features with the pipeline's own code,
labels each row (does the close rise over the horizon?), trains a random forest
and writes DIR/model.onnx and DIR/manifest.json. The figures of the manifest
come from a forest that saw the first four fifths only, judged on the last
fifth; the forest that is written is then fitted to all rows.

Equal candles, options and seed give the same model.onnx, byte for byte, with
any number of threads.

  --to DATE             only candles before this date (2019-01-01) or UTC time
                        (2019-01-01T12:00Z)
  --horizon BARS        how far ahead the label looks (1)
  --calendar 24x7|weekdays  days the market trades (told by the candles)
  --max-gap-bars N      more missing bars than this are a hole (3)
  --exchange ID, --symbol SYMBOL   noted in the manifest
  --seed N              (${FOREST_DEFAULTS.seed})
  --trees N             (${FOREST_DEFAULTS.trees})
  --depth N             levels of splits, up to 15 (${FOREST_DEFAULTS.depthMax})
  --min-leaf N          fewest rows of a leaf (${FOREST_DEFAULTS.leafRowsMin})
  --threads N           (as many as the machine has)
  --json                the figures as JSON

${CANDLE_FILE_HELP}`,

  async run(args, io) {
    const { values } = parseOptions('train', args, {
      candles: { type: 'string' },
      out: { type: 'string' },
      to: { type: 'string' },
      horizon: { type: 'string', default: '1' },
      calendar: { type: 'string' },
      'max-gap-bars': { type: 'string', default: '3' },
      exchange: { type: 'string' },
      symbol: { type: 'string' },
      seed: { type: 'string', default: String(FOREST_DEFAULTS.seed) },
      trees: { type: 'string', default: String(FOREST_DEFAULTS.trees) },
      depth: { type: 'string', default: String(FOREST_DEFAULTS.depthMax) },
      'min-leaf': { type: 'string', default: String(FOREST_DEFAULTS.leafRowsMin) },
      threads: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean' },
    });
    const file = required('train', 'candles', values.candles);
    const out = required('train', 'out', values.out);
    const forest: ForestOptions = {
      ...FOREST_DEFAULTS,
      seed: wholeNumber('train', 'seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
      trees: wholeNumber('train', 'trees', values.trees, 1, 10_000),
      depthMax: wholeNumber('train', 'depth', values.depth, 1, 15),
      leafRowsMin: wholeNumber('train', 'min-leaf', values['min-leaf'], 1, 1_000_000),
      threads: wholeNumber('train', 'threads', values.threads, 1, 256),
    };
    const input = await readTrainingInput(file, {
      horizonBars: wholeNumber('train', 'horizon', values.horizon, 1, 1000),
      calendar: calendarOption(values.calendar),
      maxGapBars: wholeNumber('train', 'max-gap-bars', values['max-gap-bars'], 0, 1_000_000),
      toMs: values.to === undefined ? Number.POSITIVE_INFINITY : timeOption('train', 'to', values.to),
      nowMs: Date.now(),
    });
    const origin = {
      exchange: values.exchange ?? null,
      symbol: values.symbol ?? null,
      timeframe: input.timeframe,
    };

    const progress = startProgress(io.stderr, 'training', 2 * forest.trees, 'trees', () => performance.now());
    const { model, manifest } = await trainModel(
      createForestTrainer(),
      input.table,
      forest,
      origin,
      Date.now(),
      { onProgress: (done) => progress.update(done), signal: io.signal },
    );
    progress.finish();
    await writeModelFolder(out, model, manifestText(manifest));
    report(io, out, input, manifest, values.json);
    return EXIT.fine;
  },
};

function calendarOption(value: string | undefined): Calendar | undefined {
  if (value === undefined || value === '24x7' || value === 'weekdays') return value;
  throw badInput(
    'E_USAGE',
    `train: --calendar ${JSON.stringify(value)} is neither 24x7 nor weekdays`,
    'see redbutton train --help',
  );
}

function report(
  io: CommandIo,
  out: string,
  input: TrainingInput,
  manifest: ModelManifest,
  json: boolean,
): void {
  const { training, evaluation } = manifest;
  if (json) {
    const { sha256, calibration, featureImportance } = manifest;
    const figures = {
      out,
      candles: input.candles,
      rejected: input.rejected,
      calendar: input.calendar,
      sha256,
      training,
      evaluation,
      calibration,
      featureImportance,
    };
    io.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  const figure = (value: number | null | undefined) => (value == null ? 'none' : value.toFixed(4));
  const day = (ms: number | undefined) => (ms === undefined ? '' : new Date(ms).toISOString().slice(0, 16));
  io.stdout.write(
    table(
      [
        ['candles', String(input.candles)],
        ['refused rows', String(input.rejected)],
        ['training rows', String(training?.rows)],
        ['first row', day(training?.fromMs)],
        ['last row', day(training?.toMs)],
        ['held-out rows', String(evaluation?.heldOutRows)],
        ['held-out AUC', figure(evaluation?.heldOutAuc)],
        ['out-of-bag AUC', figure(evaluation?.outOfBagAuc)],
        ['Brier, calibrated', figure(evaluation?.brierCalibrated)],
        ['Brier, base rate', figure(evaluation?.brierBaseRate)],
      ],
      [1],
    ),
  );
  // On lines of their own: a path and a hash would make the table wider than a terminal.
  io.stdout.write(`\nmodel: ${out}/model.onnx\nsha256: ${manifest.sha256}\n`);
}
